// SPDX-License-Identifier: Apache-2.0
// The size map of a .btm file: rows add up, and are those that the writer gave.
#include <map>

#include "base/file.h"
#include "catch.h"
#include "format/format.h"
#include "formats/native/size_map.h"
#include "formats/native/write.h"
#include "ir/program.h"
#include "ir/text.h"

namespace bantam {
namespace {

uint64_t sum_of(const std::vector<SizeRow>& rows) {
  uint64_t sum = 0;
  for (const SizeRow& row : rows) sum += row.bytes;
  return sum;
}

std::map<std::string, uint64_t> by_name(const std::vector<SizeRow>& rows) {
  std::map<std::string, uint64_t> map;
  for (const SizeRow& row : rows) map[row.name] += row.bytes;
  return map;
}

TEST_CASE("the size map of a file that was written is that of the writer", "[formats]") {
  const auto graph = parse_graph(R"(graph {
    in %x : f32[2,64]
    const %w : f32[64,32] = random(seed=1, lo=-1, hi=1)
    const %b : f32[32] = splat(0.5)
    %a = MatMul(%x, %w)
    %y = Add(%a, %b)
    out %y
  })");
  REQUIRE(graph.ok());
  const Program program(*graph);
  for (const Codec codec : {Codec::none, Codec::pack, Codec::best}) {
    NativeOptions options;
    options.codec = codec;
    options.meta = "{}";
    const auto written = write_native(program, graph->symbols(), options);
    REQUIRE(written.ok());
    const NativeFile& file = *written;
    const Bytes& bytes = file.bytes;
    const auto rows = native_size_map(bytes);
    REQUIRE(rows.ok());
    CHECK(sum_of(*rows) == bytes.size());
    CHECK(by_name(*rows).at("w") == by_name(file.size_map).at("w"));
    const char* structure = codec == Codec::best ? "(graph, scales, records, names, recipe)" : "(graph)";
    CHECK(by_name(*rows).at(structure) == by_name(file.size_map).at(structure));
  }
}

TEST_CASE("the size map of a trained model adds up, and knows its layers", "[formats]") {
  const auto file = read_file(BANTAM_SOURCE_DIR "/testdata/golden_models/0.1/digits_cnn_int8.btm");
  REQUIRE(file.ok());
  const auto rows = native_size_map(*file);
  REQUIRE(rows.ok());
  CHECK(sum_of(*rows) == file->size());
  size_t constants = 0;
  for (const SizeRow& row : *rows) constants += row.name[0] != '(' && !row.kind.empty();
  CHECK(constants > 5);
  CHECK_FALSE(native_size_map(file->part(0, file->size() / 2)).ok());
}

}  // namespace
}  // namespace bantam
