// SPDX-License-Identifier: Apache-2.0
// Axes in another order.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ir/quant.h"
#include "ir/tensor.h"

namespace bantam {

// perm[i]: which axis of the old tensor is axis i of the new one, as Transpose has it.
using Perm = std::vector<int64_t>;

Perm inverse(const Perm& perm);
// [N,C,...] -> [N,...,C], and back.
Perm channels_to_last(int rank);
Perm channels_to_first(int rank);

// Moves the elements of a constant: out axis i is in axis perm[i].
Tensor permuted(const Tensor& t, const Perm& perm);
// The same for what is known of a value's integers; null stays null.
std::shared_ptr<const Quant> permuted(const std::shared_ptr<const Quant>& quant, const Perm& perm);

}  // namespace bantam
