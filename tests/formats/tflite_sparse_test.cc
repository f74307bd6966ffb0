// SPDX-License-Identifier: Apache-2.0
// Constants that a .tflite file stores without their zeros.
#include "catch.h"
#include "formats/tflite/read_sparse.h"

namespace bantam {
namespace {

using Int32s = std::vector<int32_t>;

struct LevelText {
  int32_t dense_size;  // negative: the places are listed
  Int32s segments, places;
};

struct SparseText {
  Int32s order, block_map;
  std::vector<LevelText> levels;
};

std::vector<uint8_t> finished(const SparseText& text) {
  flatbuffers::FlatBufferBuilder b;
  std::vector<flatbuffers::Offset<tfl::DimensionMetadata>> levels;
  for (const LevelText& l : text.levels) {
    const bool dense = l.dense_size >= 0;
    const auto segments = tfl::CreateInt32Vector(b, b.CreateVector(l.segments)).Union();
    const auto places =
        tfl::CreateUint8Vector(
            b, b.CreateVector(std::vector<uint8_t>(l.places.begin(), l.places.end())))
            .Union();
    tfl::DimensionMetadataBuilder level(b);
    level.add_format(dense ? tfl::DimensionType::DENSE : tfl::DimensionType::SPARSE_CSR);
    level.add_dense_size(std::max(l.dense_size, 0));
    if (!dense) {
      level.add_array_segments_type(tfl::SparseIndexVector::Int32Vector);
      level.add_array_segments(segments);
      level.add_array_indices_type(tfl::SparseIndexVector::Uint8Vector);
      level.add_array_indices(places);
    }
    levels.push_back(level.Finish());
  }
  const auto order = b.CreateVector(text.order);
  const auto map = b.CreateVector(text.block_map);
  const auto all = b.CreateVector(levels);
  tfl::SparsityParametersBuilder sparsity(b);
  sparsity.add_traversal_order(order);
  sparsity.add_block_map(map);
  sparsity.add_dim_metadata(all);
  b.Finish(sparsity.Finish());
  return {b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize()};
}

// The elements, or the error.
std::pair<std::vector<uint8_t>, std::string> read(const SparseText& text, const Shape& shape,
                                                  const std::vector<uint8_t>& values) {
  const auto file = finished(text);
  const auto dense = dense_of(*flatbuffers::GetRoot<tfl::SparsityParameters>(file.data()), shape, 1,
                              Bytes::copy_of(values.data(), values.size()));
  if (!dense.ok()) return {{}, dense.error().message};
  return {*dense, ""};
}

const SparseText kRows = {{0, 1}, {}, {{3, {}, {}}, {-1, {0, 3, 3, 5}, {0, 2, 3, 0, 3}}}};

TEST_CASE("a sparse matrix, row by row", "[tflite]") {
  const auto [dense, error] = read(kRows, {3, 4}, {6, 9, 8, 5, 7});
  CHECK(error == "");
  CHECK(dense == std::vector<uint8_t>{6, 0, 9, 8, 0, 0, 0, 0, 5, 0, 0, 7});
}

TEST_CASE("a sparse matrix, column by column", "[tflite]") {
  const SparseText columns = {{1, 0}, {}, {{2, {}, {}}, {-1, {0, 1, 3}, {1, 0, 2}}}};
  const auto [dense, error] = read(columns, {3, 2}, {1, 2, 3});
  CHECK(error == "");
  CHECK(dense == std::vector<uint8_t>{0, 2, 1, 0, 0, 3});
}

TEST_CASE("a sparse matrix of blocks", "[tflite]") {
  const SparseText blocks = {
      {0, 1, 2, 3}, {0, 1}, {{2, {}, {}}, {-1, {0, 2, 3}, {0, 1, 1}}, {2, {}, {}}, {2, {}, {}}}};
  const auto [dense, error] = read(blocks, {4, 4}, {1, 0, 0, 4, 2, 3, 0, 0, 5, 0, 0, 6});
  CHECK(error == "");
  CHECK(dense == std::vector<uint8_t>{1, 0, 2, 3, 0, 4, 0, 0, 0, 0, 5, 0, 0, 0, 0, 6});
}

TEST_CASE("sparse constants that contradict themselves are refused", "[tflite]") {
  const auto error_of = [](SparseText text, const std::vector<uint8_t>& values = {6, 9, 8, 5, 7}) {
    return read(text, {3, 4}, values).second;
  };
  const auto changed = [](auto&& change) {
    SparseText text = kRows;
    change(text);
    return text;
  };
  CHECK(error_of(kRows, {6, 9, 8, 5}) == "a sparse constant: it has fewer values than places");
  CHECK(error_of(changed([](auto& t) {
          t.order = {1, 1};
        })) == "a sparse constant: the order of its levels is none");
  CHECK(error_of(changed([](auto& t) {
          t.order = {0, -1};
        })) == "a sparse constant: the order of its levels is none");
  CHECK(error_of(changed([](auto& t) { t.order = {0}; })) ==
        "a sparse constant: it has 2 axes and 0 block axes, and its levels do not fit them");
  CHECK(error_of(changed([](auto& t) { t.levels[0].dense_size = 1 << 30; })) ==
        "a sparse constant: axis 0 has 3 places and 1073741824 are stored");
  CHECK(error_of(changed([](auto& t) {
          t.levels[1].segments = {0, 3};
        })) == "a sparse constant: a segment is missing");
  CHECK(error_of(changed([](auto& t) {
          t.levels[1].segments = {0, 3, 2, 5};
        })) == "a sparse constant: its segments are out of order");
  CHECK(error_of(changed([](auto& t) {
          t.levels[1].segments = {0, 3, 3, 6};
        })) == "a sparse constant: its segments are out of order");
  CHECK(error_of(changed([](auto& t) { t.levels[1].places[1] = 4; })) ==
        "a sparse constant: axis 1 has no place 4");
  const SparseText blocks = {{0, 1, 2}, {1}, {{3, {}, {}}, {2, {}, {}}, {3, {}, {}}}};
  CHECK(error_of(blocks) == "a sparse constant: blocks of 3 do not divide axis 1 of 4");
}

}  // namespace
}  // namespace bantam
