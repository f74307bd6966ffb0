// SPDX-License-Identifier: Apache-2.0
// Palettes: the few numbers that stand in for all weights of a tensor (weight sharing).
#pragma once

#include <span>
#include <vector>

namespace bantam {

// At most `entries` numbers, ascending, that minimise the summed squared distance of `values` to their
// nearest one: one-dimensional k-means, solved by dynamic programming over 4,096 bins of equal width
// (Wang and Song, "Ckmeans.1d.dp", The R Journal 3/2, 2011) rather than from random starts, so that the
// result is the best one and always the same. Values that are distinct in fewer than `entries` ways come
// back as they are. Exact zeros that are common (pruned weights) keep an entry of their own.
// `values` must be finite and not empty; entries >= 2.
std::vector<float> choose_palette(std::span<const float> values, int entries);

// The entry nearest to v (the lower one of two that are equally near).
float nearest_entry(std::span<const float> palette, float v);

}  // namespace bantam
