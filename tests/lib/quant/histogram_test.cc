// SPDX-License-Identifier: Apache-2.0
// Histograms add up exactly: many values at once are counted as few at a time are.
#include "quant/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/random.h"
#include "catch.h"

namespace bantam {
namespace {

std::vector<float> any_floats(size_t n) {
  Random random(11);
  std::vector<float> values(n);
  for (float& v : values) v = std::bit_cast<float>(static_cast<uint32_t>(random.below(uint64_t{1} << 32)));
  for (size_t i = 0; i < n; i += 3) values[i] = 0;  // as behind a Relu
  return values;
}

void check_equal(const Histogram& a, const Histogram& b) {
  CHECK(a.count() == b.count());
  CHECK(a.not_finite() == b.not_finite());
  CHECK(a.min() == b.min());
  CHECK(a.max() == b.max());
  const auto x = a.bins(), y = b.bins();
  REQUIRE(x.size() == y.size());
  for (size_t i = 0; i < x.size(); ++i) REQUIRE((x[i].value == y[i].value && x[i].count == y[i].count));
}

TEST_CASE("many values are counted like few at a time", "[quant]") {
  std::vector<float> values = any_floats(50001);  // of every kind, NaN and infinities among them
  for (const bool finite : {false, true}) {
    if (finite) std::erase_if(values, [](float v) { return !std::isfinite(v); });
    Histogram whole, pieces;
    whole.add(values);
    for (size_t at = 0; at < values.size(); at += 1000)
      pieces.add(std::span(values).subspan(at, std::min<size_t>(1000, values.size() - at)));
    CHECK((whole.not_finite() == 0) == finite);
    check_equal(whole, pieces);
  }
}

TEST_CASE("values of one sign are counted, and leave nothing for the next", "[quant]") {
  for (const float sign : {1.0f, -1.0f, 0.0f, 1.0f}) {
    std::vector<float> values(20000);
    for (size_t i = 0; i < values.size(); ++i) values[i] = sign * static_cast<float>(i % 1000) * 0.01f;
    Histogram many, few;
    many.add(values);
    for (const float v : values) few.add({&v, 1});
    check_equal(many, few);
  }
}

}  // namespace
}  // namespace bantam
