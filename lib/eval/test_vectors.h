// SPDX-License-Identifier: Apache-2.0
// Test vectors (runtime/self_test.h): what a model computes on inputs that a seed gives.
#pragma once

#include <utility>
#include <vector>

#include "eval/session.h"

namespace bantam {

// Activations may take this much, and loops turn so often, in one run of a test vector: a larger model carries
// none. Who runs them again holds to that as well, so that a damaged or hostile file cannot take more (four
// times the bytes: other kernels and more threads need other scratch memory).
constexpr size_t kTestVectorBytes = size_t{128} << 20;
constexpr int64_t kTestVectorTurns = 10000;
// A graph whose constants take more than this is not run to be checked: it need not fit into memory.
constexpr uint64_t kTestVectorConstants = uint64_t{1} << 30;
bool is_small_enough_to_check(const Graph& graph);

struct TestVector {
  uint64_t seed = 0;
  std::vector<Shape> shapes;                    // per input
  std::vector<std::pair<float, float>> ranges;  // per input: lowest and highest element
  uint64_t hash = 0;                            // of the outputs
};

// Makes a range hold all elements of a tensor. Floats are finite.
void widen(std::pair<float, float>& range, const Tensor& t);

// Lengths for a first run of a model that leaves some open: 1 along the first axis, else `other`.
Shape concrete_shape(const std::optional<Shape>& shape, int64_t other = 32);

// Runs the session on `count` vectors. Fails as the run does: a limit of the session, or values that the
// model does not take.
Result<std::vector<TestVector>> make_test_vectors(Session& session, const std::vector<Shape>& shapes,
                                                  const std::vector<std::pair<float, float>>& ranges, int count);

}  // namespace bantam
