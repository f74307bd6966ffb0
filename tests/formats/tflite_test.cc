// SPDX-License-Identifier: Apache-2.0
// The .tflite writer. Cases of tests/formats/tflite/*.golden have the blocks
//   graph    as a recipe leaves it
//   after    spelled out in operators of the format (fit.h); must compute the same
//   file     the operators written
//   notes    what the writer says, one per line (optional)
//   error    the exact message where the format cannot hold the graph
// That files mean in LiteRT what they mean here is proven by tests/oracle/tflite_export.py.
#include <metadata_generated.h>
#include <tflite_generated.h>

#include "base/text.h"
#include "catch.h"
#include "format/format.h"
#include "formats/tflite/fit.h"
#include "formats/tflite_text.h"
#include "golden.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "random_samples.h"
#include "trained_models.h"

namespace bantam {

extern const Format format_tflite;

namespace {

constexpr double kSameFloats = 100;  // dB: spelling out moves roundings only

Graph parse(const std::string& text) {
  auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  return std::move(*graph);
}

Bytes write(const Graph& graph) {
  auto written = format_tflite.write(graph, {.model_name = "net"});
  if (!written.ok()) FAIL(written.error().message);
  REQUIRE(written->files.size() == 1);
  uint64_t rows = 0;
  for (const SizeRow& row : written->size_map) rows += row.bytes;
  CHECK(rows == written->bytes());
  return written->files[0].bytes;
}

void compare(GoldenBlock& block, const std::string& text, bool& rewritten) {
  if (update_golden() && block.text != text) block.text = text, rewritten = true;
  CHECK(block.text == text);
}

void run_case(GoldenCase& c, bool& rewritten) {
  const Graph graph = parse(c.find("graph")->text);
  auto written = format_tflite.write(graph, {.model_name = "net"});
  Graph spelled = graph.clone();
  Notes notes;
  const auto done = fit_graph(spelled, notes);
  if (!done.ok()) FAIL(done.error().message);
  for (GoldenBlock& b : c.blocks) {
    if (b.name == "after") {
      compare(b, print(spelled), rewritten);
      const auto valid = verify(spelled);
      CHECK((valid.ok() ? "" : valid.error().message) == "");
      const auto inputs = random_inputs(graph);
      CHECK(agreement(outputs_of(graph, inputs), outputs_of(spelled, inputs)) >= kSameFloats);
    }
    if (b.name == "file")
      compare(b,
              written.ok() ? tflite_text(written->files[0].bytes)
                           : written.error().message + "\n",
              rewritten);
    if (b.name == "error")
      compare(b, written.ok() ? "no error\n" : written.error().message + "\n", rewritten);
    std::string said;
    for (const std::string& note : notes) said += note + "\n";
    if (b.name == "notes") compare(b, said, rewritten);
  }
}

// A model of testdata after a recipe and the format's own steps.
Graph fitted(const std::string& model, const std::string& recipe) {
  Graph graph = converted(model, recipe);
  run_steps(graph, format_tflite.target_recipe);
  return graph;
}

}  // namespace

TEST_CASE("graphs are written as the golden files say", "[tflite]") {
  for (const std::string& path : golden_files("tests/formats/tflite")) {
    auto cases = read_golden(path, {"graph", "after", "file", "notes", "error"});
    bool rewritten = false;
    for (GoldenCase& c : cases) {
      INFO(path << ":" << c.line << ": " << c.name);
      run_case(c, rewritten);
    }
    if (rewritten) rewrite_golden(path, cases);
  }
}

TEST_CASE("every network of testdata is written", "[tflite]") {
  for (const std::string& model : trained_models())
    for (const char* recipe : {"exact", "weights4", "weights8", "int8"}) {
      INFO(model << ", " << recipe);
      const Bytes file = write(fitted(model, recipe));
      flatbuffers::Verifier verifier(file.data(), file.size());
      CHECK(tfl::VerifyModelBuffer(verifier));
      CHECK(format_tflite.sniff(file));
    }
}

TEST_CASE("a convolutional network has no TRANSPOSE, and its image is channels-last", "[tflite]") {
  const Bytes file = write(fitted("textures", "exact"));
  CHECK(tflite_text(file).find("TRANSPOSE ") == std::string::npos);
  const tfl::Model& model = *tfl::GetModel(file.data());
  const tfl::SignatureDef& signature = *model.signature_defs()->Get(0);
  CHECK(signature.inputs()->Get(0)->name()->str() == "image");
  CHECK(signature.outputs()->Get(0)->name()->str() == "scores");
  const tfl::Tensor& image =
      *model.subgraphs()->Get(0)->tensors()->Get(signature.inputs()->Get(0)->tensor_index());
  const auto lengths =
      std::vector<int32_t>(image.shape_signature()->begin(), image.shape_signature()->end());
  CHECK(lengths == std::vector<int32_t>{-1, 32, 32, 3});
}

namespace {

std::string text_of(const Graph& graph, const WriteOptions& options) {
  auto written = format_tflite.write(graph, options);
  if (!written.ok()) FAIL(written.error().message);
  return tflite_text(Bytes(std::move(written->files[0].bytes)));
}

std::string oldest_runtime_of(const Bytes& file) {
  const tfl::Model& model = *tfl::GetModel(file.data());
  const tfl::Metadata& entry = *model.metadata()->Get(0);
  CHECK(entry.name()->str() == "min_runtime_version");
  const auto& bytes = *model.buffers()->Get(entry.buffer())->data();
  CHECK(bytes.size() == 16);
  return reinterpret_cast<const char*>(bytes.data());
}

int count_of(const std::string& text, const std::string& word) {
  int count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("with a dynamic range products read their integers themselves", "[tflite]") {
  const Graph graph = fitted("textures", "weights8");
  const std::string decoded = text_of(graph, {}), dynamic = text_of(graph, {.dynamic_range = true});
  CHECK(count_of(decoded, "DEQUANTIZE v5") > 10);
  CHECK(count_of(dynamic, "DEQUANTIZE v5") == 0);
  CHECK(count_of(decoded, "CONV_2D v5") == 0);
  CHECK(count_of(dynamic, "CONV_2D v5") + count_of(dynamic, "DEPTHWISE_CONV_2D v6") +
            count_of(dynamic, "FULLY_CONNECTED v12") ==
        count_of(decoded, "DEQUANTIZE v5"));
}

TEST_CASE("weights of 4 bits take half a byte, and convolutions do not read them themselves", "[tflite]") {
  const auto decoded = [](const Graph& graph, bool dynamic) {
    return count_of(text_of(graph, {.dynamic_range = dynamic}), "DEQUANTIZE v6");
  };
  const Graph images = fitted("textures", "weights4"), matrices = fitted("digits_transformer", "weights4");
  CHECK(write(images).size() < write(fitted("textures", "weights8")).size() * 7 / 10);
  CHECK(oldest_runtime_of(write(images)) == "2.18.0");
  CHECK(decoded(images, false) == 13);
  CHECK(decoded(images, true) == 13);
  CHECK(decoded(matrices, false) == 4);
  CHECK(decoded(matrices, true) == 0);
}

TEST_CASE("constants that are mostly zeros are sparse, and come back as they were", "[tflite]") {
  for (const std::string weights : {"", "; quantize(bits=8, activations=none)"}) {
    for (const bool pruned : {false, true}) {
      INFO(weights << ", pruned: " << pruned);
      Graph graph = trained("textures");
      run_steps(graph, "include exact" + std::string(pruned ? "; prune-magnitude(target=0.8)" : "") + weights);
      run_steps(graph, format_tflite.target_recipe);
      const Bytes file = write(graph);
      flatbuffers::Verifier verifier(file.data(), file.size());
      CHECK(tfl::VerifyModelBuffer(verifier));
      CHECK((tflite_text(file).find("DENSIFY v1") != std::string::npos) == pruned);
      auto back = format_tflite.read(file, "", {});
      if (!back.ok()) FAIL(back.error().message);
      const auto inputs = random_inputs(graph);
      CHECK(agreement(outputs_of(graph, inputs), outputs_of(back->graph, inputs)) >= kSameFloats);
      if (pruned) CHECK(file.size() < (weights.empty() ? 400000u : 180000u));  // 740 and 220 kB dense
    }
  }
}

TEST_CASE("metadata say how pictures become inputs and what the classes are called", "[tflite]") {
  const Graph graph = fitted("textures", "exact");
  WriteOptions options;
  options.pictures = {{128}, {64}, false};
  for (int i = 0; i < 10; ++i) options.class_names.push_back("class " + std::to_string(i));
  const auto written = format_tflite.write(graph, options);
  REQUIRE(written.ok());
  const Bytes& file = written->files[0].bytes;
  uint64_t rows = 0;
  for (const SizeRow& row : written->size_map) rows += row.bytes;
  CHECK(rows == file.size());

  const tfl::Model& model = *tfl::GetModel(file.data());
  const tfl::Metadata& entry = *model.metadata()->Get(0);
  REQUIRE(entry.name()->str() == "TFLITE_METADATA");
  const auto& bytes = *model.buffers()->Get(entry.buffer())->data();
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  REQUIRE(tfl_meta::VerifyModelMetadataBuffer(verifier));
  const auto& part = *tfl_meta::GetModelMetadata(bytes.data())->subgraph_metadata()->Get(0);
  const auto& image = *part.input_tensor_metadata()->Get(0);
  CHECK(image.content()->content_properties_as_ImageProperties()->color_space() == tfl_meta::ColorSpaceType::RGB);
  CHECK(image.process_units()->Get(0)->options_as_NormalizationOptions()->mean()->Get(0) == 128);
  CHECK(image.stats()->min()->Get(0) == -2);
  CHECK(part.output_tensor_metadata()->Get(0)->associated_files()->Get(0)->name()->str() == "labels.txt");

  const std::string_view text = file.text();
  CHECK(text.substr(text.size() - 22, 4) == std::string_view("PK\5\6"));
  const size_t at = text.find("PK\3\4");
  REQUIRE(at != std::string_view::npos);
  CHECK(text.substr(at + 30, 18) == "labels.txtclass 0\n");
  CHECK(format_tflite.read(file, "net.tflite", {}).ok());  // what stands behind the model does not matter

  options.class_names.pop_back();
  const auto refused = format_tflite.write(graph, options);
  REQUIRE(!refused.ok());
  CHECK(refused.error().message ==
        "there are 9 names of classes, and no output has so many numbers along its last axis: \"scores\" has 10");
}

TEST_CASE("half-precision constants are decoded by the file", "[tflite]") {
  const Graph graph = fitted("digits_cnn", "exact");
  const auto plain = format_tflite.write(graph, {}),
             halves = format_tflite.write(graph, {.float16 = true});
  REQUIRE(halves.ok());
  CHECK(halves->bytes() < plain->bytes() * 6 / 10);
  CHECK(count_of(text_of(graph, {.float16 = true}), "DEQUANTIZE v3") == 6);
}

TEST_CASE("the file says which runtime is the oldest that loads it", "[tflite]") {
  CHECK(oldest_runtime_of(write(fitted("digits_cnn", "exact"))) == "1.14.0");
  CHECK(oldest_runtime_of(write(fitted("digits_cnn", "weights8"))) == "2.7.0");  // scales per channel
  const auto wide = parse("graph {\n  in %x : i16[2,3] q(scale=0.5, zero=0)\n  %y : i16[3,2] q(scale=0.5, zero=0) = "
                          "Transpose(%x)\n  out %y\n}\n");
  CHECK(oldest_runtime_of(write(wide)) == "2.4.0");
}

TEST_CASE("weights of 12 bits are halves, but for models whose integers depend on them", "[tflite]") {
  const std::string weight = "  const %w : f32[16,16] q(i16, bits=12, scale=0.0123) = random(seed=1)\n";
  const auto plain = parse("graph {\n  in %x : f32[1,16]\n" + weight + "  %y = MatMul(%x, %w)\n  out %y\n}\n");
  CHECK(count_of(text_of(plain, {}), "DEQUANTIZE v3") == 1);
  const auto mixed = parse("graph {\n  in %x : f32[1,16]\n" + weight +
                           "  %a = MatMul(%x, %w)\n  %y : i8[1,16] q(scale=0.1, zero=0) = Quantize(%a)\n  out %y\n}\n");
  CHECK(count_of(text_of(mixed, {}), "DEQUANTIZE") == 0);
}

TEST_CASE("the same graph gives the same bytes, and buffers are aligned", "[tflite]") {
  const Graph graph = fitted("digits_cnn", "exact");
  const Bytes file = write(graph);
  CHECK(file == write(graph));
  const tfl::Model& model = *tfl::GetModel(file.data());
  CHECK(model.version() == 3);
  CHECK(model.buffers()->Get(0)->data() == nullptr);
  for (uint32_t i = 1; i < model.buffers()->size(); ++i)
    CHECK((model.buffers()->Get(i)->data()->data() - file.data()) % 16 == 0);
}

}  // namespace bantam
