// SPDX-License-Identifier: Apache-2.0
#include "ir/quant.h"

#include <algorithm>
#include <cmath>

#include "ir/scale_runs.h"
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

namespace {

// Floats to integers of at most 16 bits, for which the sum of a bound and a zero point is exact: clamping
// before rounding gives the same numbers, and what is left needs no library call to be rounded.
template <typename T>
Tensor encode_narrow(const Tensor& reals, const Quant& quant) {
  std::vector<uint8_t> out(reals.bytes().size() / sizeof(float) * sizeof(T));
  const auto from = reals.floats();
  T* to = reinterpret_cast<T*>(out.data());
  const auto lo = static_cast<float>(quant.lo()), hi = static_cast<float>(quant.hi());
  each_scale_run(reals, quant, [&](size_t begin, size_t end, size_t c) {
    const auto zero = static_cast<float>(quant.zero_at(c));
    const float scale = quant.scale[c], least = lo - zero, most = hi - zero;
    for (size_t i = begin; i < end; ++i) {
      float q = from[i] / scale;
      q = q < least ? least : q;
      q = q > most ? most : q;
      q = q == q ? round_small(q) : 0.0f;
      to[i] = static_cast<T>(static_cast<int32_t>(q + zero));
    }
  });
  return {quant.storage, reals.shape(), Bytes(std::move(out))};
}

template <typename T>
Tensor decode_narrow(const Tensor& integers, const Quant& quant) {
  const auto from = integers.as<T>();
  std::vector<uint8_t> out(from.size() * sizeof(float));
  auto* to = reinterpret_cast<float*>(out.data());
  each_scale_run(integers, quant, [&](size_t begin, size_t end, size_t c) {
    const int32_t zero = quant.zero_at(c);
    const float scale = quant.scale[c];
    for (size_t i = begin; i < end; ++i) to[i] = static_cast<float>(from[i] - zero) * scale;
  });
  return {BT_F32, integers.shape(), Bytes(std::move(out))};
}

bool has_small_zeros(const Quant& quant) {
  return std::all_of(quant.zero.begin(), quant.zero.end(), [](int32_t z) { return z >= -65536 && z <= 65536; });
}

}  // namespace

Tensor encode(const Tensor& reals, const Quant& quant) {
  if (reals.dtype() == BT_F32 && has_small_zeros(quant)) {
    if (quant.storage == BT_I8) return encode_narrow<int8_t>(reals, quant);
    if (quant.storage == BT_U8) return encode_narrow<uint8_t>(reals, quant);
    if (quant.storage == BT_I16) return encode_narrow<int16_t>(reals, quant);
  }
  const ChannelIndex channel(reals.shape(), quant);
  const auto lo = static_cast<float>(quant.lo()), hi = static_cast<float>(quant.hi());
  const int64_t count = reals.count();
  std::vector<uint8_t> out(static_cast<size_t>(count) * bt_dtype_size(quant.storage));
  bt_tensor view{};
  view.dtype = quant.storage;
  view.data = out.data();
  for (int64_t i = 0; i < count; ++i) {
    const size_t c = channel(i);
    const auto zero = static_cast<float>(quant.zero_at(c));
    const float q = std::nearbyint(static_cast<float>(reals.number(i)) / quant.scale[c]) + zero;
    const float clamped = std::isnan(q) ? zero : std::clamp(q, lo, hi);
    bt_put_int(&view, i, static_cast<int64_t>(clamped));
  }
  return {quant.storage, reals.shape(), Bytes(std::move(out))};
}

Tensor decode(const Tensor& integers, const Quant& quant) {
  if (has_small_zeros(quant)) {
    if (integers.dtype() == BT_I8) return decode_narrow<int8_t>(integers, quant);
    if (integers.dtype() == BT_U8) return decode_narrow<uint8_t>(integers, quant);
    if (integers.dtype() == BT_I16) return decode_narrow<int16_t>(integers, quant);
  }
  const ChannelIndex channel(integers.shape(), quant);
  std::vector<float> out(static_cast<size_t>(integers.count()));
  for (size_t i = 0; i < out.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const size_t c = channel(at);
    out[i] = static_cast<float>(integers.integer(at) - quant.zero_at(c)) * quant.scale[c];
  }
  return Tensor::of_floats(integers.shape(), out);
}

}  // namespace bantam
