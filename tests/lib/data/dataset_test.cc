// SPDX-License-Identifier: Apache-2.0
// Sets of samples, and parts of them.
#include "data/dataset.h"

#include "catch.h"

namespace bantam {

TEST_CASE("the first samples of a set are those of a set of so many", "[data]") {
  const std::string path = BANTAM_SOURCE_DIR "/testdata/textures.calib.npz";
  const std::vector<Port> inputs = {{"image", BT_F32, Shape{1, 3, 32, 32}}};
  auto all = Dataset::open(path, inputs);
  if (!all.ok()) FAIL(all.error().message);
  auto few = Dataset::open(path, inputs, {.samples = 5});
  REQUIRE(few.ok());
  const auto first = (*all)->first(5);
  REQUIRE(first->count() == 5);
  CHECK(first->hash() == (*few)->hash());
  CHECK(first->hash() != (*all)->hash());
  for (int64_t i = 0; i < 5; ++i) CHECK((*first->at(i) == *(*few)->at(i)));
  CHECK(!first->at(5).ok());
  CHECK((*all)->first(1000000)->count() == (*all)->count());
}

}  // namespace bantam
