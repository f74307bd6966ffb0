// SPDX-License-Identifier: Apache-2.0
// Core ML packages: what lies in them, for which system, and what is refused. That they compute the right numbers
// is shown by tests/oracle/coreml_export.py.
#include <nlohmann/json.hpp>
#include <set>

#include "base/random.h"
#include "catch.h"
#include "format/format.h"
#include "formats/coreml/constant.h"
#include "formats/coreml/proto.h"
#include "formats/coreml/weights.h"
#include "ir/text.h"
#include "trained_models.h"

namespace bantam {
namespace {

const Format& coreml() {
  for (const Format* f : all_formats())
    if (std::string(f->name) == "coreml") return *f;
  FAIL("there is no format coreml");
  std::abort();
}

// In the form that the writer takes.
Graph fitted(Graph graph) {
  run_steps(graph, coreml().target_recipe);
  return graph;
}

Graph parse(const std::string& text) {
  auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  return std::move(*graph);
}

WrittenModel written(const Graph& graph, const WriteOptions& options = {}) {
  auto model = coreml().write(graph, options);
  if (!model.ok()) FAIL(model.error().message);
  return std::move(*model);
}

std::string refusal(const Graph& graph, const WriteOptions& options = {}) {
  const auto model = coreml().write(graph, options);
  REQUIRE(!model.ok());
  CHECK(model.error().code == Code::unsupported);
  return model.error().message;
}

const Bytes& file_of(const WrittenModel& model, const std::string& path) {
  for (const WrittenModel::File& f : model.files)
    if (f.path == path) return f.bytes;
  FAIL("no file " + path);
  std::abort();
}

coreml::proto::Model message_of(const WrittenModel& model) {
  const auto& bytes = file_of(model, "Data/com.apple.CoreML/model.mlmodel");
  coreml::proto::Model message;
  REQUIRE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return message;
}

int system_of(const WrittenModel& model) { return message_of(model).specificationversion() + 9; }

const coreml::proto::Block& block_of(const coreml::proto::Model& m) {
  const auto& main = m.mlprogram().functions().at("main");
  return main.block_specializations().at(main.opset());
}

std::map<std::string, int> operations_of(const WrittenModel& model) {
  const auto message = message_of(model);
  std::map<std::string, int> count;
  for (const auto& op : block_of(message).operations()) ++count[op.type()];
  return count;
}

bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A product whose weight is on the grid of a Quant, or has a palette, or has zeros.
Graph product(int64_t outputs, int64_t inputs, const std::vector<float>& weight, std::shared_ptr<const Quant> quant = nullptr) {
  Graph g("product");
  Value* x = g.add_input("x", BT_F32, Shape{1, inputs});
  Value* w = g.add_constant("w", Tensor::of_floats({outputs, inputs}, weight), std::move(quant));
  auto node = g.append("Gemm", "product", {x, w}, {{"transB", int64_t{1}}}, {"y"});
  REQUIRE(node.ok());
  g.add_output((*node)->output());
  return g;
}

std::vector<float> random_numbers(size_t n, uint64_t seed = 1) {
  std::vector<float> v(n);
  Random random(seed);
  for (float& f : v) f = random.uniform(-1, 1);
  return v;
}

Graph quantized_product(int bits) {
  Quant q;
  q.axis = 0;
  q.bits = bits;
  q.narrow = true;
  for (int i = 0; i < 16; ++i) q.scale.push_back(0.01f * static_cast<float>(i + 1));
  const Tensor reals = Tensor::of_floats({16, 64}, random_numbers(1024));
  const Tensor rounded = decode(encode(reals, q), q);
  return product(16, 64, {rounded.floats().begin(), rounded.floats().end()}, std::make_shared<const Quant>(q));
}

}  // namespace

TEST_CASE("a package lists its parts, and equal models are equal bytes", "[coreml]") {
  const Graph g = fitted(converted("digits_cnn", "exact"));
  const WrittenModel model = written(g, {.model_name = "digits", .meta = "{}"});
  REQUIRE(model.files.size() == 3);
  CHECK(model.files[0].path == "Manifest.json");
  const std::string_view text = model.files[0].bytes.text();
  const auto manifest = nlohmann::json::parse(text.begin(), text.end());
  CHECK(manifest["fileFormatVersion"] == "1.0.0");
  CHECK(manifest["itemInfoEntries"].size() == 2);
  CHECK(manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] == "com.apple.CoreML/model.mlmodel");
  uint64_t sum = 0;
  for (const SizeRow& row : model.size_map) sum += row.bytes;
  CHECK(sum == model.bytes());
  const WrittenModel again = written(g, {.model_name = "digits", .meta = "{}"});
  for (size_t i = 0; i < model.files.size(); ++i) CHECK(model.files[i].bytes == again.files[i].bytes);
}

TEST_CASE("records of the weight file are aligned and are where the program looks", "[coreml]") {
  const WrittenModel model = written(fitted(converted("textures", "weights8")));
  const auto& file = file_of(model, "Data/com.apple.CoreML/weights/weight.bin");
  REQUIRE(file.size() > 64);
  const uint64_t count = load_le(file.data(), 4);
  CHECK(load_le(file.data() + 4, 4) == 2);
  std::set<uint64_t> records;
  for (uint64_t at = 64; records.size() < count;) {
    REQUIRE(at + 64 <= file.size());
    CHECK(load_le(file.data() + at, 4) == 0xDEADBEEF);
    CHECK(load_le(file.data() + at + 16, 8) == at + 64);
    records.insert(at);
    at += 64 + load_le(file.data() + at + 8, 8);
    at = (at + 63) / 64 * 64;
  }
  size_t named = 0;
  const auto message = message_of(model);
  for (const auto& op : block_of(message).operations())
    for (const auto& [key, value] : op.attributes())
      if (value.has_blobfilevalue()) {
        ++named;
        CHECK(records.contains(value.blobfilevalue().offset()));
      }
  CHECK(named >= count);
}

TEST_CASE("every trained model is written, or says what stands against it", "[coreml]") {
  for (const std::string& name : trained_models())
    for (const char* recipe : {"exact", "weights8", "int8"})
      for (const bool half : {false, true}) {
        INFO(name << " " << recipe << (half ? " in half precision" : ""));
        Graph source = converted(name, recipe);
        for (Value* v : source.inputs())  // pictures of any size
          for (int64_t& d : *v->shape)
            if (d < 0 && &d != &v->shape->front()) d = 32;
        const WrittenModel model = written(fitted(std::move(source)), {.float16 = half});
        CHECK(system_of(model) >= (std::string(recipe) == "exact" ? 15 : 16));
        const auto message = message_of(model);
        for (const auto& input : message.description().input())
          CHECK(input.type().multiarraytype().datatype() == coreml::proto::ArrayFeatureType::FLOAT32);
      }
}

TEST_CASE("the oldest system that holds a model is chosen", "[coreml]") {
  CHECK(system_of(written(product(16, 64, random_numbers(1024)))) == 15);
  CHECK(system_of(written(quantized_product(8))) == 16);
  CHECK(system_of(written(quantized_product(4))) == 18);
  CHECK(system_of(written(quantized_product(4), {.ios = 16})) == 16);
  CHECK(operations_of(written(quantized_product(4), {.ios = 16}))["constexpr_affine_dequantize"] == 1);
  CHECK(operations_of(written(quantized_product(4)))["constexpr_blockwise_shift_scale"] == 1);
  const Graph lowered = fitted(converted("digits_cnn", "int8"));
  CHECK(system_of(written(lowered)) >= 17);
  CHECK(operations_of(written(lowered))["quantize"] > 0);
  CHECK(mentions(refusal(lowered, {.ios = 16}), "iOS 17"));
}

TEST_CASE("weights take the shortest form that the system knows", "[coreml]") {
  std::vector<float> palette(1024), sparse = random_numbers(1024), grouped(1024);
  for (size_t i = 0; i < palette.size(); ++i) {
    palette[i] = static_cast<float>(i * 7 % 16) + 0.3f;
    grouped[i] = static_cast<float>(i / 512 * 10) + static_cast<float>(i * 5 % 4) + 0.3f;
    if (i % 4 != 0) sparse[i] = 0;
  }
  CHECK(operations_of(written(product(16, 64, palette)))["constexpr_lut_to_dense"] == 1);
  CHECK(operations_of(written(product(16, 64, sparse)))["constexpr_sparse_to_dense"] == 1);
  CHECK(operations_of(written(product(16, 64, palette), {.codec = "none"}))["constexpr_lut_to_dense"] == 0);
  // two groups of channels with four numbers each: 2 bits where one palette needs 3
  const Tensor t = Tensor::of_floats({16, 64}, grouped);
  const coreml::Constant c = coreml::Constant::of(t, nullptr, 0);
  const coreml::Form old = best_form(c, {.ios = 16}), now = best_form(c, {.ios = 18});
  CHECK((old.kind == coreml::Form::palette && old.bits == 4 && old.groups == 1));
  CHECK((now.kind == coreml::Form::palette && now.bits == 2 && now.groups == 2));
}

TEST_CASE("small numbers are packed low bits first, across bytes", "[coreml]") {
  const std::vector<uint8_t> numbers = {1, 2, 3, 4, 5, 6, 7, 0, 1};
  CHECK(coreml::pack_bits(numbers, 3) == std::vector<uint8_t>{0xD1, 0x58, 0x1F, 0x01});
  CHECK(coreml::pack_bits(numbers, 1) == std::vector<uint8_t>{0x55, 0x01});
}

TEST_CASE("everything that a program cannot hold is listed", "[coreml]") {
  const std::string text = refusal(parse(R"(graph {
    in %x : f32[1,2,3,4]
    const %shape : i64[6] = [1, 2, 3, 2, 2, 1]
    %a = Reshape(%x, %shape) @"six"
    %b = NonZero(%x) @"places"
    out %a
    out %b
  })"));
  CHECK(mentions(text, "output"));
  const std::string inside = refusal(parse(R"(graph {
    in %x : f32[1,2,3,4]
    const %back : i64[4] = [1, 2, 3, 4]
    const %shape : i64[6] = [1, 2, 3, 2, 2, 1]
    %a = Reshape(%x, %shape) @"six"
    %b = Reshape(%a, %back)
    %c = Hardmax(%b) @"hard"
    out %c
  })"));
  CHECK(mentions(inside, "6 axes"));
  CHECK(mentions(inside, "Hardmax \"hard\""));
  const std::string unknown = refusal(parse(R"(graph {
    in %x : f32[1,3,H,W]
    const %size : i64[4] = [1, 3, 20, 20]
    %y = Resize(%x, _, _, %size) {mode="linear"} @"fit"
    out %y
  })"));
  CHECK(mentions(unknown, "Resize \"fit\" (it depends on lengths of \"x\" that are not known"));
  CHECK(mentions(unknown, "--shape"));
}

TEST_CASE("lengths that nothing depends on stay open", "[coreml]") {
  const auto message = message_of(written(parse(R"(graph {
    in %x : f32[1,3,H,W]
    const %w : f32[4,3,3,3] = random(seed=1)
    const %begin : i64[1] = [1]
    const %end : i64[1] = [3]
    %a = Conv(%x, %w) {pads=[1, 1, 1, 1]}
    %b = Slice(%a, %begin, %end, %begin)
    %c = Concat(%b, %b) {axis=1}
    %m = ReduceMean(%c, %begin)
    out %c
    out %m
  })")));
  const auto& array = message.description().input(0).type().multiarraytype();
  REQUIRE(array.shaperange().sizeranges_size() == 4);
  CHECK(array.shaperange().sizeranges(1).lowerbound() == 3);
  CHECK(array.shaperange().sizeranges(1).upperbound() == 3);
  CHECK(array.shaperange().sizeranges(2).lowerbound() == 1);
  CHECK(array.shaperange().sizeranges(2).upperbound() == 4096);
  CHECK(array.shape(3) == 256);
  CHECK(message.description().output(0).type().multiarraytype().shape_size() == 0);
  for (const auto& op : block_of(message).operations()) {
    if (op.type() != "slice_by_index") continue;
    const auto& dims = op.outputs(0).type().tensortype().dimensions();
    CHECK(dims[1].constant().size() == 2);
    CHECK(dims[2].has_unknown());
  }
}

TEST_CASE("names that Core ML does not take are changed, and the change is told", "[coreml]") {
  const WrittenModel model = written(parse("graph { in %\"in.1\" : f32[1,4] in %tokens : i64[1,4] %\"out:0\" = Relu(%\"in.1\") %t = Identity(%tokens) out %\"out:0\" out %t }"));
  const auto message = message_of(model);
  CHECK(message.description().input(0).name() == "in_1");
  CHECK(message.description().output(0).name() == "out_0");
  CHECK(message.description().input(1).type().multiarraytype().datatype() == coreml::proto::ArrayFeatureType::INT32);
  std::string notes;
  for (const std::string& n : model.notes) notes += n + "\n";
  CHECK(mentions(notes, "the input \"in.1\" is called in_1"));
  CHECK(mentions(notes, "32-bit integers"));
}

}  // namespace bantam
