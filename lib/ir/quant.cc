// SPDX-License-Identifier: Apache-2.0
#include "ir/quant.h"

#include <algorithm>
#include <cmath>

#include "runtime/shape.h"

namespace bantam {
namespace {
bool is_signed(DType t) { return bt_dtype_min(t) < 0; }
}  // namespace

int64_t Quant::lo() const {
  if (!is_signed(storage)) return 0;
  if (bits >= 64) return INT64_MIN;
  return -(int64_t{1} << (bits - 1)) + (narrow ? 1 : 0);
}
int64_t Quant::hi() const {
  if (bits >= 64) return INT64_MAX;
  return (int64_t{1} << (is_signed(storage) ? bits - 1 : bits)) - 1;
}

ChannelIndex::ChannelIndex(const Shape& shape, const Quant& quant) {
  if (quant.axis < 0 || quant.scale.size() <= 1) return;
  channels_ = shape[static_cast<size_t>(quant.axis)];
  for (size_t d = static_cast<size_t>(quant.axis) + 1; d < shape.size(); ++d) inner_ *= shape[d];
}

Tensor encode(const Tensor& reals, const Quant& quant) {
  const ChannelIndex channel(reals.shape(), quant);
  const auto lo = static_cast<float>(quant.lo()), hi = static_cast<float>(quant.hi());
  std::vector<uint8_t> out(static_cast<size_t>(reals.count()) * bt_dtype_size(quant.storage));
  bt_tensor view{};
  view.dtype = quant.storage;
  view.data = out.data();
  for (int64_t i = 0; i < reals.count(); ++i) {
    const size_t c = channel(i);
    const auto zero = static_cast<float>(quant.zero_at(c));
    const float q = std::nearbyint(static_cast<float>(reals.number(i)) / quant.scale[c]) + zero;
    const float clamped = std::isnan(q) ? zero : std::clamp(q, lo, hi);
    bt_put_int(&view, i, static_cast<int64_t>(clamped));
  }
  return {quant.storage, reals.shape(), Bytes(std::move(out))};
}

Tensor decode(const Tensor& integers, const Quant& quant) {
  const ChannelIndex channel(integers.shape(), quant);
  std::vector<float> out(static_cast<size_t>(integers.count()));
  for (int64_t i = 0; i < integers.count(); ++i) {
    const size_t c = channel(i);
    out[static_cast<size_t>(i)] =
        static_cast<float>(integers.integer(i) - quant.zero_at(c)) * quant.scale[c];
  }
  return Tensor::of_floats(integers.shape(), out);
}

}  // namespace bantam
