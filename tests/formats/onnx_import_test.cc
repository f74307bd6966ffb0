// SPDX-License-Identifier: Apache-2.0
// Runs tests/formats/onnx/*.golden: what the importer makes of a model. A case has the blocks
//   model    an ONNX model as text (onnx_text.h)
//   shape    lines NAME=LENGTHS, as --shape gives them (optional)
//   after    the graph, as printed; or
//   error    the exact message
//   notes    what the importer says, one sentence per line (optional)
#include "base/text.h"
#include "catch.h"
#include "format/format.h"
#include "formats/onnx_text.h"
#include "golden.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace bantam {
namespace {

const Format& onnx_format() {
  for (const Format* f : all_formats())
    if (std::string(f->name) == "onnx") return *f;
  FAIL("there is no format onnx");
  throw 0;
}

std::map<std::string, Shape> parse_shapes(const std::string& text) {
  std::map<std::string, Shape> shapes;
  for (const std::string& line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    const size_t equals = line.find('=');
    REQUIRE(equals != std::string::npos);
    for (const std::string& length : split(line.substr(equals + 1), 'x')) {
      int64_t v = 0;
      REQUIRE(parse_int(length, &v));
      shapes[line.substr(0, equals)].push_back(v);
    }
  }
  return shapes;
}

// Sets or compares a block's text.
void expect_text(GoldenBlock& block, const std::string& text, bool& rewritten) {
  if (update_golden() && block.text != text) block.text = text, rewritten = true;
  CHECK(block.text == text);
}

void run_case(GoldenCase& c, bool& rewritten) {
  const GoldenBlock* text = c.find("model");
  REQUIRE(text);
  const auto file = onnx_from_text(text->text);
  if (!file.ok()) FAIL(file.error().message);
  ReadOptions options;
  if (const GoldenBlock* shape = c.find("shape")) options.shapes = parse_shapes(shape->text);
  const auto model = onnx_format().read(Bytes::copy_of(file->data(), file->size()), BANTAM_SOURCE_DIR "/tests/formats/onnx/model.onnx", options);
  std::string notes;
  if (model.ok()) {
    const auto sound = verify(model->graph);
    if (!sound.ok()) FAIL_CHECK(sound.error().message);
    for (const std::string& note : model->notes) notes += note + "\n";
  }
  bool judged = false;
  for (GoldenBlock& b : c.blocks) {
    if (b.name == "after" && !model.ok()) FAIL_CHECK(model.error().message);
    if (b.name == "after" && model.ok()) expect_text(b, print(model->graph), rewritten);
    if (b.name == "error") expect_text(b, (model.ok() ? "no error" : model.error().message) + "\n", rewritten);
    if (b.name == "notes") expect_text(b, notes, rewritten);
    judged = judged || b.name == "after" || b.name == "error";
  }
  CHECK(judged);
}

}  // namespace

TEST_CASE("ONNX models become the graphs of their golden files", "[formats][onnx]") {
  for (const std::string& path : golden_files("tests/formats/onnx")) {
    auto cases = read_golden(path, {"model", "shape", "after", "error", "notes"});
    bool rewritten = false;
    for (GoldenCase& c : cases) {
      INFO(path << ":" << c.line << ": " << c.name);
      run_case(c, rewritten);
    }
    if (rewritten) rewrite_golden(path, cases);
  }
}

}  // namespace bantam
