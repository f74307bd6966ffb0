// SPDX-License-Identifier: Apache-2.0
// Ranges of activations: rare peaks are clipped unless they count more than others; where a function
// alone reads a value, only what the function shows counts.
#include "quant/choose_range.h"

#include <algorithm>

#include "catch.h"

namespace bantam {
namespace {

// Evenly from -100 to 10.
Histogram wide() {
  std::vector<float> values;
  for (int i = 0; i <= 1100; ++i) values.push_back(-100.0f + 0.1f * static_cast<float>(i));
  Histogram h;
  h.add(values);
  return h;
}

float hard_swish(float x) { return x * std::clamp(x / 6 + 0.5f, 0.0f, 1.0f); }

TEST_CASE("a range reaches the further the more clipped elements count", "[quant]") {
  std::vector<float> values = {16};
  for (int i = 0; i < 100000; ++i) values.push_back(static_cast<float>(i) / 100000);
  Histogram h;
  h.add(values);
  const Range once = choose_range(h, {}), often = choose_range(h, {.clip = 1000});
  CHECK(once.hi < 15);
  CHECK(often.hi > 15.5f);
}

TEST_CASE("a range leaves out what the function behind it flattens", "[quant]") {
  const Histogram h = wide();
  const auto points = Curve::points(h);
  CHECK(points.front() == -100.0f);
  CHECK(points.back() == h.max());
  std::vector<float> values;
  for (const float x : points) values.push_back(hard_swish(x));
  const Curve curve(points, values);
  const Range plain = choose_range(h, {});
  const Range seen = choose_range(h, {.seen_through = &curve});
  CHECK(plain.lo < -90);
  CHECK(seen.lo > -10);  // HardSwish is 0 below -3
  CHECK(seen.lo <= -2);
  CHECK(seen.hi > 9);
}

TEST_CASE("a curve is linear between its points and level outside", "[quant]") {
  const Curve curve({0, 1, 2}, {0, 10, 0});
  CHECK(curve(0.5) == 5);
  CHECK(curve(1.75) == 2.5);
  CHECK(curve(-3) == 0);
  CHECK(curve(1) == 10);
  const Curve point({0, 0}, {7, 7});  // a value that is always 0
  CHECK(point(3) == 7);
}

}  // namespace
}  // namespace bantam
