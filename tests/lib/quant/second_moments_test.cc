// SPDX-License-Identifier: Apache-2.0
// Moments of columns: the plain definition, in groups, for any number of threads.
#include "quant/second_moments.h"

#include <algorithm>

#include "base/random.h"
#include "catch.h"

namespace bantam {
namespace {

constexpr size_t kGroups = 3, kDepth = 20, kCount = 300;
constexpr size_t kBlock = SecondMoments::kBlock;

std::vector<float> random_columns() {
  Random random(4);
  std::vector<float> columns(kGroups * kCount * kDepth);
  for (float& v : columns) v = random.uniform(-1, 3);
  return columns;
}

std::vector<double> moments(const std::vector<float>& columns, int threads, size_t group) {
  auto moments = SecondMoments::start(kGroups, kDepth, threads);
  if (!moments.ok()) FAIL(moments.error().message);
  for (size_t first = 0; first < kCount; first += kBlock) {
    std::vector<float> block(kGroups * kBlock * kDepth);
    const size_t count = std::min(kBlock, kCount - first);
    for (size_t g = 0; g < kGroups; ++g)
      for (size_t i = 0; i < count * kDepth; ++i)
        block[g * kBlock * kDepth + i] = columns[(g * kCount + first) * kDepth + i];
    REQUIRE(moments->add(block, count).ok());
  }
  CHECK(moments->count() == kCount);
  return moments->of_group(group);
}

TEST_CASE("moments are the mean products of a column's numbers", "[quant]") {
  const auto columns = random_columns();
  for (size_t g = 0; g < kGroups; ++g) {
    const auto got = moments(columns, 1, g);
    CHECK(got == moments(columns, 3, g));
    for (size_t i = 0; i < kDepth; ++i)
      for (size_t j = 0; j < kDepth; ++j) {
        double sum = 0;
        for (size_t c = 0; c < kCount; ++c) {
          const float* column = &columns[(g * kCount + c) * kDepth];
          sum += static_cast<double>(column[i]) * static_cast<double>(column[j]);
        }
        CHECK(got[i * kDepth + j] == Approx(sum / kCount).epsilon(1e-5));
      }
  }
}

}  // namespace
}  // namespace bantam
