// SPDX-License-Identifier: Apache-2.0
#include "ir/permute.h"

#include <algorithm>

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

Tensor permuted(const Tensor& t, const Perm& perm) {
  const size_t rank = perm.size(), size = bt_dtype_size(t.dtype());
  Shape shape(rank), stride(rank, 1), step(rank);
  for (size_t i = rank; i-- > 1;) stride[i - 1] = stride[i] * t.shape()[i];
  for (size_t i = 0; i < rank; ++i) {
    shape[i] = t.shape()[static_cast<size_t>(perm[i])];
    step[i] = stride[static_cast<size_t>(perm[i])];
  }
  std::vector<uint8_t> out(t.bytes().size());
  Shape index(rank);
  int64_t from = 0;
  for (size_t at = 0; at < out.size(); at += size) {
    std::copy_n(t.bytes().data() + static_cast<size_t>(from) * size, size, out.data() + at);
    for (size_t d = rank; d-- > 0;) {
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
