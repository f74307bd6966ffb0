// SPDX-License-Identifier: Apache-2.0
#include "formats/coreml/constant.h"

#include <algorithm>
#include <bit>

namespace bantam::coreml {
namespace {

// The integers of floats that lie on the grid of a scale; empty where one does not.
std::vector<int32_t> codes_of(const Tensor& reals, const Quant& quant) {
  const Tensor codes = encode(reals, quant), back = decode(codes, quant);
  std::vector<int32_t> list;
  for (int64_t i = 0; i < reals.count(); ++i) {
    const float a = reals.floats()[static_cast<size_t>(i)], b = back.floats()[static_cast<size_t>(i)];
    if (std::bit_cast<uint32_t>(a) != std::bit_cast<uint32_t>(b) && !(a == 0.0f && b == 0.0f)) return {};
    list.push_back(static_cast<int32_t>(codes.integer(i)));
  }
  return list;
}

}  // namespace

Constant Constant::of(const Tensor& t, const Quant* q, int channel_axis) {
  Constant c{.shape = t.shape(), .channel_axis = channel_axis};
  const bool lowered = q && bt_is_int(t.dtype());
  if (t.dtype() == BT_F32) c.reals.assign(t.floats().begin(), t.floats().end());
  else if (lowered) {
    const Tensor reals = decode(t, *q);
    c.reals.assign(reals.floats().begin(), reals.floats().end());
  } else {
    for (int64_t i = 0; i < t.count(); ++i) c.reals.push_back(static_cast<float>(t.number(i)));
  }
  if (!q || q->axis >= t.rank()) return c;
  if (t.dtype() == BT_F32) c.codes = codes_of(t, *q);
  else if (lowered && t.dtype() != BT_I32)  // a bias needs more than 8 bits
    for (int64_t i = 0; i < t.count(); ++i) c.codes.push_back(static_cast<int32_t>(t.integer(i)));
  c.scale = q->scale;
  c.zero = q->zero;
  c.zero.resize(c.scale.size());
  c.axis = std::max(q->axis, 0);
  return c;
}

}  // namespace bantam::coreml
