// SPDX-License-Identifier: Apache-2.0
// What is written as ONNX and read back computes the same numbers: every operator in the cases of its golden
// file, and the trained models. (tests/oracle/onnx_export.py runs the files in onnxruntime.)
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "catch.h"
#include "formats/onnx/read.h"
#include "formats/onnx/write.h"
#include "golden.h"
#include "ir/text.h"
#include "runnable_cases.h"
#include "trained_models.h"

namespace bantam {
namespace {

constexpr const char* kToTarget = "to-channels-first; repeat { drop-identity; merge-duplicates; drop-dead }";

WrittenModel written(const Graph& graph, const WriteOptions& options = {}) {
  auto file = write_onnx(graph, options);
  if (!file.ok()) FAIL(file.error().message);
  uint64_t rows = 0;
  for (const SizeRow& row : file->size_map) rows += row.bytes;
  CHECK(rows == file->bytes());
  return std::move(*file);
}

Graph read_back(const WrittenModel& file) {
  auto model = read_onnx(file.files[0].bytes, "", {});
  if (!model.ok()) FAIL(model.error().message);
  return std::move(model->graph);
}

// ---- operators ----

bool has_nan(const Tensor& t) {
  for (int64_t i = 0; i < t.count(); ++i)
    if (std::isnan(t.number(i))) return true;
  return false;
}

// The scale of a bias beside integers is that of the sums; ONNX has to be told.
bool has_bare_bias(const Node& n) {
  const Value* b = n.op->quant == BT_QUANT_MACS ? n.input(2) : nullptr;
  return b && bt_is_int(b->dtype) && !b->quant;
}

// Not in ONNX: channels last, biases without a scale, and what becomes of NaN in QuantizeLinear.
bool is_outside(const RunnableCase& c) {
  for (const Node* n : c.graph.nodes()) {
    if (n->op->layout == BT_LAYOUT_SPATIAL && n->attr_word("layout") == "last") return true;
    if (has_bare_bias(*n)) return true;
    if (n->is("FakeQuantize") && has_nan(c.inputs[0])) return true;
  }
  return false;
}

// Quantized borders are shifted to u8 in the file (u8u8); these tests keep them.
void check_case(const RunnableCase& c, int opset, std::set<std::string>& refused) {
  WriteOptions options;
  options.integers = "s8s8";
  options.opset = opset;
  auto file = write_onnx(c.graph, options);
  if (!file.ok()) {
    CHECK(file.error().code == Code::unsupported);
    refused.insert(file.error().message);
    return;
  }
  const Graph back = read_back(*file);
  REQUIRE(back.inputs().size() == c.graph.inputs().size());
  for (size_t i = 0; i < c.graph.inputs().size(); ++i) CHECK(back.inputs()[i]->name == c.graph.inputs()[i]->name);
  const auto outputs = outputs_of(back, c.inputs);
  INFO("opset " << opset << ": " << elements_text(outputs[0]) << " for " << elements_text(c.outputs[0]));
  const auto values = c.graph.values();
  const bool rounded = std::any_of(values.begin(), values.end(), [](const Value* v) { return v->quant != nullptr; });
  CHECK(agreement(c.outputs, outputs) >= (rounded ? 35 : 100));  // ties may go to the other neighbour
}

TEST_CASE("activations of 16 bits are refused by name where the target does not take them", "[formats]") {
  const auto graph = parse_graph("graph {\n  in %x : f32[2]\n  %q : i16[2] q(scale=0.5) = Quantize(%x)\n  %y = Dequantize(%q)\n  out %y\n}\n");
  REQUIRE(graph.ok());
  size_t refused = 0;
  for (const Format* format : all_formats()) {
    if (!format->write || format->target->wide) continue;
    const auto file = write_model(*graph, *format, {});
    REQUIRE_FALSE(file.ok());
    CHECK(file.error().code == Code::unsupported);
    CHECK(file.error().message == std::string("value \"q\" is stored in 16 bits, which ") + format->suffix + " files do not hold; leave 16 bits (wide=) out of the recipe");
    ++refused;
  }
  CHECK(refused == 1);
}

TEST_CASE("operators come back from ONNX with the same numbers", "[formats]") {
  std::set<std::string> refused;
  int count = 0;
  for (const std::string& path : golden_files("tests/lib/ops"))
    for (const GoldenCase& golden : read_golden(path, {"graph", "values", "expect", "error"})) {
      INFO(path << ":" << golden.line << ": " << golden.name);
      const auto c = runnable(golden);
      if (!c || is_outside(*c)) continue;
      ++count;
      check_case(*c, 0, refused);
      std::set<std::string> of_opset;  // an older opset may refuse what the lowest holds
      check_case(*c, 13, of_opset);
      check_case(*c, 21, of_opset);
    }
  CHECK(count > 500);
  for (const std::string& message : refused) UNSCOPED_INFO(message);
  CHECK(refused.empty());
}

// ---- models ----

TEST_CASE("trained models come back from ONNX with the same numbers", "[formats]") {
  for (const std::string& name : trained_models())
    for (const char* recipe : {"exact", "weights8", "int8"}) {
      INFO(name << ", recipe " << recipe);
      Graph graph = converted(name, recipe);
      const auto samples = samples_of(name, graph, 2);
      run_steps(graph, kToTarget);
      Graph back = read_back(written(graph));
      // a float sum and an integer one may be rounded to neighbours
      const double floor = std::string(recipe) == "int8" ? 45 : 100;
      for (const auto& sample : samples) CHECK(agreement(outputs_of(graph, sample), outputs_of(back, sample)) >= floor);
      if (std::string(recipe) != "int8") continue;
      run_steps(back, "repeat { fold-constants; fold-dequantize; drop-identity; drop-dead }; fold-qdq; drop-dead; lower-to-integer");
      for (const auto& sample : samples) CHECK(agreement(outputs_of(graph, sample), outputs_of(back, sample)) >= floor);
    }
}

TEST_CASE("the same graph gives the same ONNX file, names or not", "[formats]") {
  Graph graph = converted("digits_cnn", "int8");
  run_steps(graph, kToTarget);
  CHECK(written(graph).files[0].bytes == written(graph.clone()).files[0].bytes);
  WriteOptions bare;
  bare.names = false;
  const WrittenModel file = written(graph, bare);
  CHECK(file.bytes() < written(graph).bytes());
  CHECK(read_back(file).inputs()[0]->name == graph.inputs()[0]->name);
}

TEST_CASE("long weights of ONNX go into a file beside the model", "[formats]") {
  Graph graph = converted("digits_cnn", "exact");
  run_steps(graph, kToTarget);
  WriteOptions options;
  options.model_name = "net";
  options.most_inside = 4096;
  const WrittenModel file = written(graph, options);
  REQUIRE(file.files.size() == 2);
  CHECK(file.files[1].beside);
  const auto folder = std::filesystem::temp_directory_path() / ("bantam_onnx_write_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  OutputFiles out;
  REQUIRE(out.write((folder / "net.onnx").string(), file.files[0].bytes).ok());
  REQUIRE(out.write((folder / file.files[1].path).string(), file.files[1].bytes).ok());
  REQUIRE(out.commit().ok());
  auto model = read_model((folder / "net.onnx").string());
  if (!model.ok()) FAIL(model.error().message);
  const auto sample = samples_of("digits_cnn", graph, 1)[0];
  CHECK(outputs_of(model->graph, sample)[0] == outputs_of(graph, sample)[0]);
  std::filesystem::remove_all(folder);
}

// A product of 16-bit values with a clamp that the range does not imply, and a bias that 32 bits hold or do not.
Graph wide_product(const std::string& bias, const std::string& clamp = "hi=6, lo=0") {
  const auto graph = parse_graph(R"(graph {
  in %x : f32[1,2]
  const %w : i8[2,2] q(axis=1, narrow=1, scale=[0.01, 0.02]) = [1, 2, 3, 4]
  const %b : i64[2] q(axis=0, scale=[1e-05, 2e-05]) = [)" + bias + R"(]
  %q : i16[1,2] q(scale=0.001, zero=0) = Quantize(%x)
  %a : i16[1,2] q(scale=0.002, zero=0) = MatMul(%q, %w, %b) {)" + clamp + R"(}
  %y = Dequantize(%a)
  out %y
})");
  if (!graph.ok()) FAIL(graph.error().message);
  return graph->clone();
}

size_t count_of(const Graph& graph, const char* op) {
  size_t count = 0;
  for (const Node* n : graph.nodes()) count += n->is(op);
  return count;
}

TEST_CASE("16-bit activations are written for opset 21, and biases in 32 bits where these hold them", "[formats]") {
  const std::vector<float> numbers = {1.5f, -7.25f};
  const std::vector<Tensor> inputs = {Tensor::of_floats({1, 2}, numbers)};
  for (const std::string bias : {"100000, -3", "9000000000, -3"}) {
    const Graph graph = wide_product(bias);
    const WrittenModel file = written(graph);
    CHECK(file.notes == std::vector<std::string>{"opset 21"});
    const Graph back = read_back(file);
    CHECK(count_of(back, "QuantizeLinear") == 3);  // the input, and the product before and behind its clamp
    CHECK(count_of(back, "DequantizeLinear") == (bias[0] == '1' ? 5 : 4));
    // onnxruntime rounds a float bias of a product between quantized values to 32 bits, also one that an Add could fold in
    CHECK(count_of(back, "Sub") == (bias[0] == '1' ? 0 : 1));
    CHECK(count_of(back, "Add") == 0);
    for (const Node* n : back.nodes()) CHECK((n->op->quant != BT_QUANT_MACS || (n->input(2) != nullptr) == (bias[0] == '1')));
    CHECK(agreement(outputs_of(graph, inputs), outputs_of(back, inputs)) >= 80);
  }
  WriteOptions options;
  options.opset = 17;
  const auto refused = write_onnx(wide_product("1, 2"), options);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("activations of 16 bits needs opset 21") != std::string::npos);
}

TEST_CASE("a stack of weights with a scale per column is kept from onnxruntime's integer product", "[formats]") {
  const auto graph = parse_graph(R"(graph {
  in %x : f32[2,1,2]
  const %w : i8[2,2,2] q(axis=2, narrow=1, scale=[0.01, 0.02]) = [1, 2, 3, 4, 5, 6, 7, 8]
  %q : i8[2,1,2] q(scale=0.05, zero=0) = Quantize(%x)
  %y = MatMul(%q, %w)
  out %y
})");
  REQUIRE(graph.ok());
  const std::vector<Tensor> inputs = {Tensor::of_floats({2, 1, 2}, std::vector<float>{1.5f, -2.25f, 0.5f, 3})};
  const Graph back = read_back(written(*graph));
  CHECK(count_of(back, "Reshape") == 1);
  CHECK(agreement(outputs_of(*graph, inputs), outputs_of(back, inputs)) >= 100);
}

TEST_CASE("for QNN every operator stands between its own integers", "[formats]") {
  Graph graph = converted("digits_cnn", "int8");
  const auto sample = samples_of("digits_cnn", graph, 1)[0];
  run_steps(graph, kToTarget);
  WriteOptions options;
  options.profile = "qnn";
  const Graph back = read_back(written(graph, options));
  CHECK(agreement(outputs_of(graph, sample), outputs_of(back, sample)) >= 45);
  for (const Node* n : back.nodes()) {
    const bool converts = n->is("QuantizeLinear") || n->is("DequantizeLinear");
    for (const Value* v : n->inputs) CHECK((converts || !v || v->is_constant() || bt_is_float(v->dtype)));
  }
  const Graph wide = read_back(written(wide_product("1, 2", "lo=0"), options));
  CHECK(count_of(wide, "Relu") == 1);
  for (const Node* n : wide.nodes())
    if (n->is("QuantizeLinear")) CHECK(n->output()->dtype == BT_U16);
  const auto refused = write_onnx(wide_product("1, 2"), options);
  const auto erf = parse_graph("graph {\n  in %x : i8[2] q(scale=0.1, zero=0)\n  %y : i8[2] q(scale=0.1, zero=0) = Erf(%x)\n  out %y\n}\n");
  REQUIRE(erf.ok());
  const auto missing = write_onnx(*erf, options);
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().message.find("QNN has no Erf (node \"y\")") != std::string::npos);
  const auto wide_bias = write_onnx(wide_product("9000000000, -3", "lo=0"), options);
  REQUIRE_FALSE(wide_bias.ok());
  CHECK(wide_bias.error().message.find("QNN has biases of 32 bits, and this one needs more") != std::string::npos);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message == "ONNX of opset 21 cannot hold: QNN clamps no 16-bit values but at 0; keep this one in 8 bits (wide=) (node \"a\")");
}

TEST_CASE("what ONNX of an opset cannot hold is listed in one error", "[formats]") {
  const auto graph = parse_graph(R"(graph {
  in %x : f32[1,8,4]
  in %k : i32[4]
  const %one : f32[4] = splat(1)
  %a = RMSNormalization(%x, %one)
  %b = BitwiseNot(%k)
  out %a
  out %b
})");
  REQUIRE(graph.ok());
  WriteOptions options;
  options.opset = 17;
  const auto file = write_onnx(*graph, options);
  REQUIRE_FALSE(file.ok());
  CHECK(file.error().message == "ONNX of opset 17 cannot hold: BitwiseNot needs opset 18 (node \"b\"); RMSNormalization needs opset 23 (node \"a\")");
}

}  // namespace
}  // namespace bantam
