// SPDX-License-Identifier: Apache-2.0
// The form is that of TACO (Kjolstad et al. 2017): a tree with a level for each axis, in an order
// of its own. The axes of blocks come last. A level is dense, with all places of the axis, or lists
// those that are there.
#include "formats/tflite/read_sparse.h"

#include <cstring>
#include <optional>

#include "base/format.h"

namespace bantam {
namespace {

Error bad(std::string message) {
  return {Code::bad_input, "a sparse constant: " + std::move(message)};
}

struct Level {
  size_t axis = 0;     // of the tensor
  int64_t length = 0;  // places on it
  bool is_dense = true;
  std::vector<int64_t> segments,
      places;  // children of node i are places[segments[i]..segments[i + 1])
};

std::optional<std::vector<int64_t>> numbers_of(tfl::SparseIndexVector type, const void* table) {
  const auto all = [](const auto* list) {
    return list->values() ? std::vector<int64_t>(list->values()->begin(), list->values()->end())
                          : std::vector<int64_t>();
  };
  if (!table) return std::nullopt;
  switch (type) {
    case tfl::SparseIndexVector::Int32Vector:
      return all(static_cast<const tfl::Int32Vector*>(table));
    case tfl::SparseIndexVector::Uint16Vector:
      return all(static_cast<const tfl::Uint16Vector*>(table));
    case tfl::SparseIndexVector::Uint8Vector:
      return all(static_cast<const tfl::Uint8Vector*>(table));
    default: return std::nullopt;
  }
}

class Tree {
 public:
  Tree(const Shape& shape, size_t element, const Bytes& values)
      : shape_(shape), element_(element), values_(values) {}

  Result<std::vector<uint8_t>> dense(const tfl::SparsityParameters& s) {
    TRY(read_levels(s));
    int64_t count = 1;
    for (const int64_t d : shape_) count *= d;
    elements_.resize(static_cast<size_t>(count) * element_);
    if (count > 0) TRY(visit(0, 0));
    return std::move(elements_);
  }

 private:
  Result<void> read_levels(const tfl::SparsityParameters& s) {
    const size_t rank = shape_.size();
    const size_t blocks = s.block_map() ? s.block_map()->size() : 0, count = rank + blocks;
    if (!s.traversal_order() || !s.dim_metadata() || s.traversal_order()->size() != count ||
        s.dim_metadata()->size() != count)
      return bad(formatted("it has {} axes and {} block axes, and its levels do not fit them", rank,
                           blocks));
    block_.assign(rank, 1);
    std::vector<bool> seen(count, false);
    levels_.resize(count);
    for (size_t i = count; i-- > 0;) {  // blocks first: they divide the lengths
      const int32_t order = s.traversal_order()->Get(static_cast<uint32_t>(i));
      if (order < 0 || static_cast<size_t>(order) >= count || seen[static_cast<size_t>(order)])
        return bad("the order of its levels is none");
      seen[static_cast<size_t>(order)] = true;
      const bool is_block = static_cast<size_t>(order) >= rank;
      if (is_block != (i >= rank)) return bad("its blocks are not the last levels");
      TRY(read_level(
          *s.dim_metadata()->Get(static_cast<uint32_t>(i)),
          is_block ? s.block_map()->Get(static_cast<uint32_t>(static_cast<size_t>(order) - rank))
                   : order,
          is_block, levels_[i]));
    }
    return {};
  }

  Result<void> read_level(const tfl::DimensionMetadata& m, int32_t axis, bool is_block,
                          Level& level) {
    if (axis < 0 || static_cast<size_t>(axis) >= shape_.size())
      return bad(formatted("it has no axis {}", axis));
    level.axis = static_cast<size_t>(axis);
    level.is_dense = m.format() == tfl::DimensionType::DENSE;
    const int64_t length = shape_[level.axis];
    if (is_block) {
      level.length = m.dense_size();
      if (!level.is_dense || level.length < 1 || block_[level.axis] != 1 || length % level.length)
        return bad(
            formatted("blocks of {} do not divide axis {} of {}", level.length, axis, length));
      block_[level.axis] = level.length;
      return {};
    }
    level.length = length / block_[level.axis];
    if (level.is_dense)
      return m.dense_size() == level.length
                 ? Result<void>()
                 : bad(formatted("axis {} has {} places and {} are stored", axis, level.length,
                                 m.dense_size()));
    const auto segments = numbers_of(m.array_segments_type(), m.array_segments());
    const auto places = numbers_of(m.array_indices_type(), m.array_indices());
    if (!segments || !places) return bad("a level has no lists of places");
    level.segments = *segments, level.places = *places;
    int64_t last = 0;
    for (const int64_t to : level.segments) {
      if (to < last || to > static_cast<int64_t>(level.places.size()))
        return bad("its segments are out of order");
      last = to;
    }
    for (const int64_t place : level.places)
      if (place < 0 || place >= level.length)
        return bad(formatted("axis {} has no place {}", axis, place));
    return {};
  }

  // The part of the tree below node `index` of a level's parent. No node is visited twice, so that
  // the work is bounded by the elements of the tensor and the bytes of the file.
  Result<void> visit(size_t depth, int64_t index) {
    if (depth == levels_.size()) return put(index);
    const Level& level = levels_[depth];
    int64_t from = index * level.length, to = from + level.length;
    if (!level.is_dense) {
      if (index + 1 >= static_cast<int64_t>(level.segments.size()))
        return bad("a segment is missing");
      from = level.segments[static_cast<size_t>(index)],
      to = level.segments[static_cast<size_t>(index) + 1];
    }
    const int64_t before = place_[level.axis];
    for (int64_t i = from; i < to; ++i) {
      const int64_t here = level.is_dense ? i - from : level.places[static_cast<size_t>(i)];
      const bool is_block = depth >= shape_.size();
      place_[level.axis] = is_block ? before * level.length + here : here;
      TRY(visit(depth + 1, i));
    }
    place_[level.axis] = before;
    return {};
  }

  Result<void> put(int64_t index) {
    const auto at = static_cast<size_t>(index);
    if (at >= values_.size() / element_) return bad("it has fewer values than places");
    int64_t flat = 0;
    for (size_t d = 0; d < shape_.size(); ++d) flat = flat * shape_[d] + place_[d];
    std::memcpy(elements_.data() + static_cast<size_t>(flat) * element_,
                values_.data() + at * element_, element_);
    return {};
  }

  const Shape& shape_;
  size_t element_;
  const Bytes& values_;
  std::vector<Level> levels_;
  std::vector<int64_t> block_;  // length of a block, by axis
  std::vector<int64_t> place_ = std::vector<int64_t>(shape_.size(), 0);  // where the visit is
  std::vector<uint8_t> elements_;
};

}  // namespace

Result<std::vector<uint8_t>> dense_of(const tfl::SparsityParameters& sparsity, const Shape& shape,
                                      size_t element, const Bytes& values) {
  return Tree(shape, element, values).dense(sparsity);
}

}  // namespace bantam
