// SPDX-License-Identifier: Apache-2.0
// The .tflite reader: what was written comes back and computes the same numbers (integers: the same
// bits), and files that are damaged or hold other things are refused with a reason. Files of other
// converters are read by tests/oracle/tflite_export.py.
#include <flatbuffers/flatbuffers.h>
#include <tflite_generated.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"
#include "catch.h"
#include "format/format.h"
#include "formats/tflite/fit.h"
#include "formats/tflite/model_builder.h"
#include "formats/tflite/read.h"
#include "golden.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "random_samples.h"
#include "runnable_cases.h"
#include "trained_models.h"

namespace bantam {

extern const Format format_tflite;

namespace {

constexpr double kSameFloats = 100;  // dB: spelling out moves roundings only

Bytes written(const Graph& graph) {
  auto file = format_tflite.write(graph, {.model_name = "net"});
  if (!file.ok()) FAIL(file.error().message);
  return Bytes(std::move(file->files[0].bytes));
}

Graph read_back(const Bytes& file) {
  auto model = format_tflite.read(file, "net.tflite", {});
  if (!model.ok()) FAIL(model.error().message);
  const auto valid = verify(model->graph);
  CHECK((valid.ok() ? "" : valid.error().message) == "");
  return std::move(model->graph);
}

// What is spelled out in several operators does not keep NaN and infinities.
bool is_finite(const std::vector<Tensor>& tensors) {
  for (const Tensor& t : tensors)
    for (int64_t i = 0; i < t.count(); ++i)
      if (!std::isfinite(t.number(i))) return false;
  return true;
}

bool computes_integers(const Graph& graph) {
  const auto values = graph.values();
  return std::any_of(values.begin(), values.end(),
                     [](const Value* v) { return v->quant && v->dtype == BT_I8; });
}

// Halves become floats in the file.
bool has_halves(const Graph& graph) {
  const auto values = graph.values();
  return std::any_of(values.begin(), values.end(),
                     [](const Value* v) { return bt_is_type(v->dtype, BT_TYPES_HALF); });
}

void check_same(const Graph& graph, const Graph& back, const std::vector<Tensor>& inputs) {
  const auto wanted = outputs_of(graph, inputs), got = outputs_of(back, inputs);
  REQUIRE(wanted.size() == got.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    CHECK(back.outputs()[i]->name == graph.outputs()[i]->name);
    CHECK(got[i].shape() == wanted[i].shape());
  }
  CHECK(agreement(wanted, got) >= kSameFloats);
}

}  // namespace

TEST_CASE("graphs come back from .tflite with the same numbers", "[tflite]") {
  int count = 0;
  for (const std::string& path : golden_files("tests/formats/tflite"))
    for (const GoldenCase& c : read_golden(path, {"graph", "after", "file", "notes", "error"})) {
      INFO(path << ":" << c.line << ": " << c.name);
      auto graph = parse_graph(c.find("graph")->text);
      REQUIRE(graph.ok());
      auto file = format_tflite.write(*graph, {.model_name = "net"});
      if (!file.ok()) continue;
      ++count;
      check_same(*graph, read_back(Bytes(std::move(file->files[0].bytes))), random_inputs(*graph));
    }
  CHECK(count > 20);
}

TEST_CASE("operators come back from .tflite with the same numbers", "[tflite]") {
  int count = 0;
  for (const std::string& path : golden_files("tests/lib/ops"))
    for (const GoldenCase& golden : read_golden(path, {"graph", "values", "expect", "error"})) {
      const auto c = runnable(golden);
      if (!c || has_halves(c->graph) || !is_finite(c->inputs)) continue;
      auto file = format_tflite.write(c->graph, {.model_name = "net"});
      if (!file.ok()) continue;
      INFO(path << ":" << golden.line << ": " << golden.name);
      ++count;
      Graph spelled = c->graph.clone();
      Notes notes;
      REQUIRE(fit_graph(spelled, notes).ok());
      check_same(spelled, read_back(Bytes(std::move(file->files[0].bytes))), c->inputs);
    }
  CHECK(count > 100);
}

TEST_CASE("trained models come back from .tflite; integers have the same bits", "[tflite]") {
  for (const std::string& name : trained_models())
    for (const char* recipe : {"exact", "weights4", "weights8", "int8"}) {
      if (name == "digits_gru") continue;  // not written
      INFO(name << ", recipe " << recipe);
      Graph graph = converted(name, recipe);
      run_steps(graph, "set-borders(type=int8)");
      Graph last = graph.clone();
      run_steps(last, format_tflite.target_recipe);
      const Graph back = read_back(written(last));
      Notes notes;
      REQUIRE(fit_graph(last, notes).ok());
      CHECK(computes_integers(back) == (std::string(recipe) == "int8"));
      const auto inputs = random_inputs(last);
      const auto wanted = outputs_of(last, inputs), got = outputs_of(back, inputs);
      if (std::string(recipe) == "int8") CHECK(wanted[0].bytes() == got[0].bytes());
      CHECK(agreement(wanted, got) >= kSameFloats);
    }
}

TEST_CASE("damaged .tflite files are refused, and never an internal error", "[tflite]") {
  Graph graph = converted("digits_cnn", "int8");
  run_steps(graph, format_tflite.target_recipe);
  const Bytes file = written(graph);
  Random random(7);
  std::set<int> codes;
  const auto check = [&](const Bytes& damaged) {
    const auto model = format_tflite.read(damaged, "net.tflite", {});
    if (model.ok()) return;
    codes.insert(static_cast<int>(model.error().code));
    CHECK(model.error().code != Code::internal);
    CHECK(!model.error().message.empty());
  };
  for (size_t n = 0; n < file.size(); n += 97) check(file.part(0, n));
  for (int i = 0; i < 2000; ++i) {
    std::vector<uint8_t> bytes(file.data(), file.data() + file.size());
    for (int k = 0; k < 3; ++k)
      bytes[static_cast<size_t>(
          random.below(static_cast<uint32_t>(std::min<size_t>(bytes.size(), 12000))))] =
          static_cast<uint8_t>(random.below(256));
    check(Bytes(std::move(bytes)));
  }
  CHECK(codes.count(static_cast<int>(Code::bad_input)) == 1);
}

// ---- files by hand ----

namespace {

using Code8 = tfl::BuiltinOperator;
using Type = tfl::TensorType;

Result<Model> read_built(ModelBuilder& file, const ModelBuilder::Named& inputs,
                         const ModelBuilder::Named& outputs) {
  return read_tflite(Bytes(file.finish("net", "", inputs, outputs)), "", {});
}

std::string message_of(const Result<Model>& model) {
  return model.ok() ? "" : model.error().message;
}

Bytes i32(const std::vector<int32_t>& values) {
  return Bytes::copy_of(values.data(), values.size() * 4);
}

}  // namespace

TEST_CASE("operators that are not read are named at once", "[tflite]") {
  ModelBuilder file;
  const int x = file.add_tensor({"x", Type::FLOAT32, {1, 4}}),
            y = file.add_tensor({"y", Type::FLOAT32, {1, 4}}),
            z = file.add_tensor({"z", Type::FLOAT32, {1, 4}});
  file.add_operator(Code8::UNIDIRECTIONAL_SEQUENCE_LSTM, 1, {x}, {y});
  file.add_operator(Code8::SVDF, 1, {y}, {z});
  CHECK(message_of(read_built(file, {{"x", x}}, {{"z", z}})) ==
        "operators that are not read: SVDF (1), UNIDIRECTIONAL_SEQUENCE_LSTM (1)");
}

TEST_CASE("what an operator asks for in vain is named with the operator", "[tflite]") {
  ModelBuilder file;
  const int x = file.add_tensor({"x", Type::FLOAT32, {1, 4}}),
            shape = file.add_tensor({"shape", Type::INT32, {2}}),
            y = file.add_tensor({"y", Type::FLOAT32, {4, 1}}),
            w = file.add_tensor({"w", Type::FLOAT32, {1, 4}});
  file.add_operator(Code8::TRANSPOSE, 1, {x, shape}, {y});
  file.add_operator(Code8::RELU, 1, {y}, {w});
  CHECK(message_of(read_built(file, {{"x", x}, {"shape", shape}}, {{"w", w}})) ==
        "1 of 2 operators are not read\n  TRANSPOSE \"y\": its input 1 is computed; only constants "
        "are read there");
}

TEST_CASE("bounds of strided slices, and unsigned integers of old files", "[tflite]") {
  ModelBuilder file;
  Quant q;
  q.storage = BT_U8;
  q.scale = {0.5f};
  q.zero = {130};
  const int x = file.add_tensor({"x", Type::UINT8, {2, 3, 4}, &q}),
            y = file.add_tensor({"y", Type::UINT8, {2, 1, 3}, &q});
  const auto ints = [&](const std::vector<int32_t>& v) {
    return file.add_constant({"i", Type::INT32, {static_cast<int64_t>(v.size())}}, i32(v), "");
  };
  // x[..., newaxis, -1, ::-1][:, :, :3] in one step: the last axis backwards, the middle one
  // dropped
  file.add_operator(Code8::STRIDED_SLICE, 1,
                    {x, ints({0, 0, -1, 3}), ints({0, 0, 0, 0}), ints({1, 1, 1, -1})}, {y},
                    tfl::CreateStridedSliceOptions(file.flat(), 0, 0, 1, 2, 4));
  auto model = read_built(file, {{"x", x}}, {{"y", y}});
  REQUIRE(message_of(model) == "");
  std::vector<uint8_t> bytes(24);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(100 + i);
  const auto out = outputs_of(model->graph, {Tensor(BT_U8, {2, 3, 4}, Bytes(std::move(bytes)))});
  CHECK(out[0].dtype() == BT_U8);
  CHECK(out[0].shape() == Shape{2, 1, 3});
  CHECK(out[0].integers() == std::vector<int64_t>{111, 110, 109, 123, 122, 121});
}

TEST_CASE("activations of 16 bits are rounded to the steps of the file", "[tflite]") {
  ModelBuilder file;
  const auto steps = [](DType storage, float scale) {
    Quant q;
    q.storage = storage;
    q.bits = bt_dtype_bits(storage);
    q.scale = {scale};
    return q;
  };
  const Quant in = steps(BT_I16, 0.5f), weight = steps(BT_I8, 0.25f), sum = steps(BT_I64, 0.125f),
              out = steps(BT_I16, 1.0f);
  const int x = file.add_tensor({"x", Type::INT16, {1, 2}, &in}),
            y = file.add_tensor({"y", Type::INT16, {1, 1}, &out});
  const int64_t bias = 3;
  const int w = file.add_constant({"w", Type::INT8, {1, 2}, &weight},
                                  Bytes(std::vector<uint8_t>{2, 255}), ""),
            b = file.add_constant({"b", Type::INT64, {1}, &sum}, Bytes::copy_of(&bias, sizeof bias),
                                  "");
  file.add_operator(Code8::FULLY_CONNECTED, 7, {x, w, b}, {y},
                    tfl::CreateFullyConnectedOptions(file.flat()));
  auto model = read_built(file, {{"x", x}}, {{"y", y}});
  REQUIRE(message_of(model) == "");
  const int16_t given[] = {300, -40};  // 150 * 0.5 + -20 * -0.25 + 0.375 = 80.375
  const auto got =
      outputs_of(model->graph, {Tensor(BT_I16, {1, 2}, Bytes::copy_of(given, sizeof given))});
  CHECK(got[0].dtype() == BT_I16);
  CHECK(got[0].integers() == std::vector<int64_t>{80});
}

TEST_CASE("weights of 2 bits are four in a byte, the first one lowest", "[tflite]") {
  ModelBuilder file;
  Quant q;
  q.scale = {0.5f};
  const int x = file.add_tensor({"x", Type::FLOAT32, {5}}), r = file.add_tensor({"r", Type::FLOAT32, {5}}),
            y = file.add_tensor({"y", Type::FLOAT32, {5}});
  const int c = file.add_constant({"c", Type::INT2, {5}, &q}, Bytes(std::vector<uint8_t>{0xE4, 0x01}), "");
  file.add_operator(Code8::DEQUANTIZE, 7, {c}, {r});
  file.add_operator(Code8::ADD, 1, {x, r}, {y}, tfl::CreateAddOptions(file.flat()));
  auto model = read_built(file, {{"x", x}}, {{"y", y}});
  REQUIRE(message_of(model) == "");
  const std::vector<float> zeros(5), wanted = {0, 0.5f, -1, -0.5f, 0.5f};
  CHECK(outputs_of(model->graph, {Tensor::of_floats({5}, zeros)})[0] == Tensor::of_floats({5}, wanted));
}

TEST_CASE("constants cannot ask for more memory than their file stands for", "[tflite]") {
  ModelBuilder file;
  const Bytes data(std::vector<uint8_t>(4096, 1));
  int x = file.add_tensor({"x", Type::FLOAT32, {4096}});
  const ModelBuilder::Named in = {{"x", x}};
  Quant q;
  for (int i = 0; i < 900; ++i) {
    q.scale = {static_cast<float>(i + 1)};
    const int c = file.add_constant({"c", Type::INT8, {4096}, &q}, data, ""),
              r = file.add_tensor({"r", Type::FLOAT32, {4096}}),
              y = file.add_tensor({"y", Type::FLOAT32, {4096}});
    file.add_operator(Code8::DEQUANTIZE, 2, {c}, {r});
    file.add_operator(Code8::ADD, 1, {x, r}, {y}, tfl::CreateAddOptions(file.flat()));
    x = y;
  }
  CHECK(message_of(read_built(file, in, {{"y", x}}))
            .find("its constants would take over 32 times the bytes of the file") !=
        std::string::npos);
}

}  // namespace bantam
