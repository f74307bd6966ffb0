// SPDX-License-Identifier: Apache-2.0
// Profiles of devices: what they say, what is refused, what a graph needs of them, and what it costs there.
#include "device/device.h"

#include "catch.h"
#include "ir/text.h"

namespace bantam {
namespace {

const char* const kBoard = R"(
name = "board"
flash = "512KiB"
ram = 192000
operators = ["Conv", "Relu", "Reshape", "Softmax"]
products = ["int8"]

[latency]
run_us = 10

[latency.int8]
pointwise = { call_us = 2, step_ns = 0.5, byte_ns = 3 }

[latency.float]
function = { call_us = 1 }
)";

const char* const kIntegers = R"(graph {
  in %x : i8[1,2,2,4] q(scale=1)
  const %w : i8[8,1,1,4] q(scale=1) = splat(1)
  const %s : i64[2] = [4, 8]
  %y : i8[1,2,2,8] q(scale=1) = Conv(%x, %w) {layout="last"}
  %z : i8[4,8] q(scale=1) = Reshape(%y, %s)
  out %z
})";

const char* const kFloats = R"(graph {
  in %x : f32[1,2,3]
  const %w : f32[2,2,1] = splat(1)
  %y = Conv(%x, %w)
  %t = Tanh(%y)
  out %t
})";

Graph graph_of(const char* text) {
  auto graph = parse_graph(text);
  INFO((graph.ok() ? "" : graph.error().message));
  REQUIRE(graph.ok());
  return std::move(*graph);
}

std::string refusal(const std::string& text) {
  const auto device = parse_device(text);
  REQUIRE_FALSE(device.ok());
  CHECK(device.error().code == Code::usage);
  return device.error().message;
}

TEST_CASE("a device profile says what a device has", "[device]") {
  const auto device = parse_device(kBoard);
  REQUIRE(device.ok());
  CHECK(device->name == "board");
  CHECK(device->flash == uint64_t{524288});
  CHECK(device->ram == uint64_t{192000});
  CHECK(device->lacks(graph_of(kIntegers)) == "");
  CHECK(device->lacks(graph_of(kFloats)) == "board lacks products of type float, the operator Tanh");
  const auto any = parse_device("");
  REQUIRE(any.ok());
  CHECK(any->lacks(graph_of(kFloats)) == "");
  CHECK(any->latency.empty());
}

TEST_CASE("a device profile with a mistake is refused, and the place said", "[device]") {
  CHECK(refusal("rom = 3") == "line 1, column 1: a device has no \"rom\"; did you mean \"ram\"?");
  CHECK(refusal("ram = \"12 apples\"") == "line 1, column 7: ram must be a number of bytes, or a text such as \"512KB\"");
  CHECK(refusal("ram = -1") == "line 1, column 7: ram must be a number of bytes, or a text such as \"512KB\"");
  CHECK(refusal("operators = [\"Conf\"]") == "line 1, column 14: operators: \"Conf\" is not known; did you mean \"Conv\"?");
  CHECK(refusal("operators = \"Conv\"") == "line 1, column 13: operators must be a list of texts in quotes");
  CHECK(refusal("products = [\"int4\"]").starts_with("line 1, column 13: products: \"int4\" is not known"));
  CHECK(refusal("latency = 3") == "line 1, column 11: \"latency\" must be a table: [latency]");
  CHECK(refusal("[latency.int9]") == "line 1, column 10: [latency] has no \"int9\"; did you mean \"int8\"?");
  CHECK(refusal("[latency.int8]\ndens = {}") == "line 2, column 1: [latency.int8] has no \"dens\"; did you mean \"dense\"?");
  CHECK(refusal("[latency.int8]\ndense = { call_us = -1 }") == "line 2, column 21: call_us must be a time: a number from 0 on");
  CHECK(refusal("[latency.int8]\ndense = { call_us = nan }") == "line 2, column 21: call_us must be a time: a number from 0 on");
  CHECK(refusal("name = ").starts_with("line 1, column 8: "));
  CHECK_FALSE(parse_device(std::string(100000, '[')).ok());
}

TEST_CASE("costs of calls, steps and bytes add up to a time", "[device]") {
  const auto device = parse_device(kBoard);
  REQUIRE(device.ok());
  // 128 multiply-adds, 16 + 32 bytes; the view costs nothing.
  const auto ms = device->latency.milliseconds(graph_of(kIntegers));
  REQUIRE(ms.ok());
  CHECK(*ms == Approx((10 + 2 + 128 * 0.0005 + 48 * 0.003) / 1000));
  const auto missing = device->latency.milliseconds(graph_of(kFloats));
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().message == "[latency.float] has no cost of pointwise, which Conv needs");
}

TEST_CASE("costs are read as they were written", "[device]") {
  const auto device = parse_device(kBoard);
  REQUIRE(device.ok());
  const std::string text = latency_text(device->latency);
  const auto again = parse_device(text);
  REQUIRE(again.ok());
  CHECK(latency_text(again->latency) == text);
  CHECK(again->latency.costs.at("int8").at("pointwise").byte_ns == 3);
}

}  // namespace
}  // namespace bantam
