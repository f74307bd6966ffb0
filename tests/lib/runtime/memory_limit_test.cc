// SPDX-License-Identifier: Apache-2.0
// The limit of a session's memory holds for everything that shapes can ask for: the arena, values whose
// shape is known late, all of them together, and scratch.
#include "catch.h"
#include "eval/session.h"
#include "ir/text.h"

namespace bantam {
namespace {

// What a run on an f32 of one element and an i64 vector says; empty where it succeeds.
std::string failure(const std::string& text, int64_t length, size_t max_bytes) {
  auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  auto session = Session::of_graph(*graph, {.max_bytes = max_bytes});
  if (!session.ok()) return session.error().message;
  const std::vector<Tensor> inputs = {Tensor::of_floats({1}, std::vector<float>{1.0f}),
                                      Tensor::vector_of(std::vector<int64_t>{length})};
  auto outputs = session->run(inputs);
  return outputs.ok() ? "" : outputs.error().message;
}

const std::string kArena = R"(graph arena {
  in %x : f32[1]
  in %s : i64[1]
  const %n : i64[1] = [1000000]
  %y = Expand(%x, %n)
  out %y
}
)";
const std::string kLate = R"(graph late {
  in %x : f32[1]
  in %s : i64[1]
  %y = Expand(%x, %s)
  %z = Neg(%y)
  out %z
}
)";
const std::string kScratch = R"(graph scratch {
  in %x : f32[1]
  in %s : i64[1]
  %y = Expand(%x, %s)
  %u = Unique(%y)
  out %u
}
)";

}  // namespace

TEST_CASE("an arena above the limit is refused", "[runtime]") {
  CHECK(failure(kArena, 1, 5000000).empty());
  CHECK(failure(kArena, 1, 3000000) == "4000000 bytes beside 0 in use are above the memory limit of 3000000");
}

TEST_CASE("values whose shape is known late are refused above the limit, also together", "[runtime]") {
  CHECK(failure(kLate, 1000, 9000).empty());
  CHECK(failure(kLate, 1000, 3000) == "node \"y\" (Expand): 4000 bytes beside 64 in use are above the memory limit of 3000");
  CHECK(failure(kLate, 1000, 6000) == "node \"z\" (Neg): 4000 bytes beside 4128 in use are above the memory limit of 6000");
  CHECK(failure(kLate, int64_t{1} << 50, size_t{1} << 40) ==
        "node \"y\" (Expand): 4503599627370496 bytes beside 64 in use are above the memory limit of 1099511627776");
}

TEST_CASE("scratch of a step whose shape is known late is refused above the limit", "[runtime]") {
  CHECK(failure(kScratch, 1000, 60000).empty());
  CHECK(failure(kScratch, 1000, 30000) == "node \"u\" (Unique): 40000 bytes beside 4128 in use are above the memory limit of 30000");
}

}  // namespace bantam
