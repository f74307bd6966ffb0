// SPDX-License-Identifier: Apache-2.0
#include "ir/permute.h"

#include <cstring>

namespace bantam {

Perm inverse(const Perm& perm) {
  Perm back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) back[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return back;
}

Perm channels_to_last(int rank) {
  Perm perm = {0};
  for (int i = 2; i < rank; ++i) perm.push_back(i);
  perm.push_back(1);
  return perm;
}

Perm channels_to_first(int rank) { return inverse(channels_to_last(rank)); }

namespace {

// Axes of length 1 may move without moving anything.
bool moves_nothing(const Shape& shape, const Perm& perm) {
  int64_t last = -1;
  for (const int64_t axis : perm) {
    if (shape[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

// Copies n elements that lie `step` elements apart.
template <size_t kSize>
void gather(const uint8_t* from, int64_t step, int64_t n, uint8_t* to) {
  for (int64_t i = 0; i < n; ++i, from += step * static_cast<int64_t>(kSize), to += kSize) std::memcpy(to, from, kSize);
}

using Gather = void (*)(const uint8_t* from, int64_t step, int64_t n, uint8_t* to);

Gather gather_of(size_t size) {
  switch (size) {
    case 1: return gather<1>;
    case 2: return gather<2>;
    case 4: return gather<4>;
    case 8: return gather<8>;
    default: return gather<16>;
  }
}

}  // namespace

Tensor permuted(const Tensor& t, const Perm& perm) {
  const size_t rank = perm.size(), size = bt_dtype_size(t.dtype());
  Shape shape(rank), stride(rank, 1), step(rank);
  for (size_t i = rank; i-- > 1;) stride[i - 1] = stride[i] * t.shape()[i];
  for (size_t i = 0; i < rank; ++i) {
    shape[i] = t.shape()[static_cast<size_t>(perm[i])];
    step[i] = stride[static_cast<size_t>(perm[i])];
  }
  if (moves_nothing(t.shape(), perm)) return t.reshaped(std::move(shape));
  const Gather gather = gather_of(size);
  const int64_t row = shape[rank - 1];
  std::vector<uint8_t> out(t.bytes().size());
  Shape index(rank);
  int64_t from = 0;
  for (size_t at = 0; at < out.size(); at += static_cast<size_t>(row) * size) {
    gather(t.bytes().data() + static_cast<size_t>(from) * size, step[rank - 1], row, out.data() + at);
    for (size_t d = rank - 1; d-- > 0;) {
      from += step[d];
      if (++index[d] < shape[d]) break;
      from -= step[d] * shape[d];
      index[d] = 0;
    }
  }
  return {t.dtype(), shape, Bytes(std::move(out))};
}

std::shared_ptr<const Quant> permuted(const std::shared_ptr<const Quant>& quant, const Perm& perm) {
  if (!quant || quant->axis < 0) return quant;
  auto moved = std::make_shared<Quant>(*quant);
  moved->axis = static_cast<int>(inverse(perm)[static_cast<size_t>(quant->axis)]);
  return moved;
}

}  // namespace bantam
