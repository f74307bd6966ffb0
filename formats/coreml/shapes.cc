// SPDX-License-Identifier: Apache-2.0
// Operators that move elements: shapes, parts, joins, look-ups.
#include <algorithm>

#include "base/format.h"
#include "formats/coreml/emitter.h"

namespace bantam::coreml {
namespace {

// One that is open follows from the others.
Shape told_lengths(Shape shape) {
  for (int64_t& length : shape) length = std::max<int64_t>(length, -1);
  return shape;
}

Result<void> reshape(Emitter& e, const char*) {
  if (e.result_shape().empty()) e.result("squeeze", {{"x", {e.in(0)}}});
  else e.result("reshape", {{"x", {e.in(0)}}, {"shape", {e.list(told_lengths(e.result_shape()))}}});
  return {};
}

Result<void> transpose(Emitter& e, const char*) {
  std::vector<int64_t> perm = e.node().attr_ints("perm");
  if (perm.empty())
    for (int64_t i = e.rank(); i-- > 0;) perm.push_back(i);
  e.result("transpose", {{"x", {e.in(0)}}, {"perm", {e.list(perm)}}});
  return {};
}

Result<void> concat(Emitter& e, const char*) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < e.node().inputs.size(); ++i) parts.push_back(e.in(i));
  if (parts.size() == 1) return e.same(parts[0]), Result<void>{};
  e.result("concat", {{"values", parts}, {"axis", {e.integer(e.axis("axis"))}}, {"interleave", {e.flag(false)}}});
  return {};
}

Result<void> split(Emitter& e, const char*) {
  const int64_t axis = e.axis("axis");
  const int64_t length = e.shape(0)[static_cast<size_t>(axis)];
  std::vector<int64_t> sizes;
  if (e.given(1)) {
    const auto given = e.integers(1);
    if (!given) return refuse("the lengths of the pieces are computed");
    sizes = *given;
  } else {
    const auto pieces = static_cast<int64_t>(e.node().outputs.size());
    const int64_t piece = (length + pieces - 1) / pieces;
    for (int64_t at = 0; at < length; at += piece) sizes.push_back(std::min(piece, length - at));
  }
  std::vector<Type> types(sizes.size(), e.type(e.node().input(0)));
  for (size_t i = 0; i < sizes.size(); ++i) types[i].dims[static_cast<size_t>(axis)] = sizes[i];
  if (sizes.size() == 1) return e.same(e.in(0)), Result<void>{};
  e.results("split", {{"x", {e.in(0)}}, {"split_sizes", {e.list(sizes)}}, {"axis", {e.integer(axis)}}}, types);
  return {};
}

// A part along each axis; `gone` axes have one element and leave the shape.
void part(Emitter& e, const std::vector<int64_t>& begin, const std::vector<int64_t>& end, const std::vector<int64_t>& stride,
          const std::vector<bool>& to_end, const std::vector<bool>& gone) {
  e.result("slice_by_index", {{"x", {e.in(0)}}, {"begin", {e.list(begin)}}, {"end", {e.list(end)}}, {"stride", {e.list(stride)}},
                              {"begin_mask", {e.flags(std::vector<bool>(begin.size()))}}, {"end_mask", {e.flags(to_end)}}, {"squeeze_mask", {e.flags(gone)}}});
}

// Axes of an open length are taken whole.
void leave_open(std::vector<int64_t>& end, std::vector<bool>& to_end) {
  for (size_t a = 0; a < end.size(); ++a)
    if (end[a] < 0) end[a] = 0, to_end[a] = true;
}

Result<void> slice(Emitter& e, const char*) {
  const auto starts = e.integers(1), ends = e.integers(2);
  const auto axes = e.given(3) ? e.integers(3) : std::vector<int64_t>{}, steps = e.given(4) ? e.integers(4) : std::vector<int64_t>{};
  if (!starts || !ends || !axes || !steps) return refuse("its bounds are computed");
  const Shape& dims = e.shape(0);
  std::vector<int64_t> begin(dims.size()), end = dims, stride(dims.size(), 1);
  std::vector<bool> to_end(dims.size());
  for (size_t i = 0; i < starts->size(); ++i) {
    const int64_t given = axes->empty() ? static_cast<int64_t>(i) : axes->at(i);
    const auto a = static_cast<size_t>(given < 0 ? given + e.rank() : given);
    const int64_t step = steps->empty() ? 1 : steps->at(i), n = dims[a];
    const auto from_end = [n](int64_t v) { return v < 0 && v > INT64_MIN / 2 ? v + n : v; };
    begin[a] = std::clamp<int64_t>(from_end(starts->at(i)), 0, step > 0 ? n : n - 1);
    end[a] = std::clamp<int64_t>(from_end(ends->at(i)), step > 0 ? 0 : -1, n);
    stride[a] = step;
    to_end[a] = end[a] < 0;  // backwards through the first element: -1 would mean the last
    if (to_end[a]) end[a] = 0;
  }
  leave_open(end, to_end);
  part(e, begin, end, stride, to_end, std::vector<bool>(dims.size()));
  return {};
}

Result<void> gather(Emitter& e, const char*) {
  const int64_t axis = e.axis("axis");
  const Shape& dims = e.shape(0);
  if (const auto index = e.number(1); index && e.shape(1).empty() && dims.size() > 1) {
    const auto a = static_cast<size_t>(axis);
    std::vector<int64_t> begin(dims.size()), end = dims;
    std::vector<bool> gone(dims.size());
    begin[a] = static_cast<int64_t>(*index) + (*index < 0 ? dims[a] : 0);
    end[a] = begin[a] + 1;
    gone[a] = true;
    std::vector<bool> to_end(dims.size());
    leave_open(end, to_end);
    part(e, begin, end, std::vector<int64_t>(dims.size(), 1), to_end, gone);
    return {};
  }
  if (e.element_of(e.node().input(0)) == Element::boolean) return refuse("it looks up numbers only");
  e.result("gather", {{"x", {e.in(0)}}, {"indices", {e.in(1)}}, {"axis", {e.integer(axis)}}});
  return {};
}

Result<void> gather_elements(Emitter& e, const char*) {
  e.result("gather_along_axis", {{"x", {e.in(0)}}, {"indices", {e.in(1)}}, {"axis", {e.integer(e.axis("axis"))}}});
  return {};
}

Result<void> gather_nd(Emitter& e, const char*) {
  const int64_t batch = e.node().attr_int("batch_dims");
  if (batch > 0) e.need(16);
  Inputs inputs = {{"x", {e.in(0)}}, {"indices", {e.in(1)}}};
  if (batch > 0) inputs.push_back({"batch_dims", {e.integer(batch)}});
  e.result("gather_nd", inputs);
  return {};
}

Result<void> pad(Emitter& e, const char*) {
  const std::string mode = e.node().attr_word("mode");
  const auto pads = e.integers(1), axes = e.given(3) ? e.integers(3) : std::vector<int64_t>{};
  const auto value = e.given(2) ? e.number(2) : std::optional(0.0);
  if (!pads || !axes || !value) return refuse("its lengths or its value are computed");
  if (mode == "wrap") return refuse("it has no mode wrap");
  if (!is_real(e.real())) return refuse("it pads floats only");
  const size_t n = pads->size() / 2, rank = e.shape(0).size();
  std::vector<int64_t> list(2 * rank);
  for (size_t i = 0; i < n; ++i) {
    const int64_t given = axes->empty() ? static_cast<int64_t>(i) : axes->at(i);
    const auto a = static_cast<size_t>(given < 0 ? given + e.rank() : given);
    list[2 * a] = pads->at(i);
    list[2 * a + 1] = pads->at(i + n);
  }
  if (std::any_of(list.begin(), list.end(), [](int64_t p) { return p < 0; })) return refuse("a negative length cuts elements off; use Slice");
  if (mode != "constant") {  // of the last two axes only, and the list may be that short
    while (list.size() > 4 && list[0] == 0 && list[1] == 0) list.erase(list.begin(), list.begin() + 2);
    if (list.size() > 4) return refuse("this mode pads the last two axes only");
  }
  e.result("pad", {{"x", {e.in(0)}}, {"pad", {e.list(list)}}, {"mode", {e.text(mode == "edge" ? "replicate" : mode)}}, {"constant_val", {e.scalar(*value)}}});
  return {};
}

Result<void> filled(Emitter& e, const char*) {
  const AttrValue* value = e.node().attr(0);
  const auto* tensor = value ? std::get_if<std::shared_ptr<const Tensor>>(value) : nullptr;
  const double number = tensor ? (*tensor)->number(0) : 0;
  const std::string fill = is_real(e.real()) ? e.scalar(number) : e.integer(static_cast<int64_t>(number));
  if (e.real() == Element::boolean) return refuse("it fills with numbers only");
  e.result("fill", {{"shape", {e.list(e.result_shape())}}, {"value", {fill}}});
  return {};
}

// Tile, and Expand where the lengths of 1 that grow are known.
Result<void> repeat(Emitter& e, const char*) {
  const Shape& out = e.result_shape();
  Shape in = e.shape(0);
  std::string x = e.in(0);
  if (in.size() < out.size()) {
    in.insert(in.begin(), out.size() - in.size(), 1);
    x = e.temporary("reshape", {{"x", {x}}, {"shape", {e.list(in)}}}, {e.real(), in});
  }
  std::vector<int64_t> times;
  for (size_t i = 0; i < out.size(); ++i) times.push_back(out[i] / in[i]);
  if (in == out) return e.same(x), Result<void>{};
  e.result("tile", {{"x", {x}}, {"reps", {e.list(times)}}});
  return {};
}

Result<void> depth_to_space(Emitter& e, const char*) {
  if (e.node().attr_word("layout") == "last") return refuse("its picture has the channels last");
  const std::string block = e.integer(e.node().attr_int("blocksize"));
  if (e.node().attr_word("mode") == "CRD") e.result("pixel_shuffle", {{"x", {e.in(0)}}, {"upscale_factor", {block}}});
  else e.result("depth_to_space", {{"x", {e.in(0)}}, {"block_size", {block}}});
  return {};
}

Result<void> space_to_depth(Emitter& e, const char*) {
  if (e.node().attr_word("layout") == "last") return refuse("its picture has the channels last");
  e.result("space_to_depth", {{"x", {e.in(0)}}, {"block_size", {e.integer(e.node().attr_int("blocksize"))}}});
  return {};
}

// The largest or smallest of them, from the diagonal on.
Result<void> triangle(Emitter& e, const char*) {
  const auto k = e.given(1) ? e.number(1) : std::optional(0.0);
  if (!k) return refuse("its diagonal is computed");
  const bool upper = e.node().attr_int("upper") != 0;
  const auto diagonal = static_cast<int64_t>(*k);
  if (upper ? diagonal > 0 : diagonal < 0) return refuse("a triangle without the main diagonal has no operation");
  e.result("band_part", {{"x", {e.in(0)}}, {"lower", {e.integer(upper ? -diagonal : -1)}}, {"upper", {e.integer(upper ? -1 : diagonal)}}});
  return {};
}

}  // namespace

const std::vector<OperatorRow> shape_rows = {
    {"Concat", concat, ""},          {"ConstantOfShape", filled, ""},      {"DepthToSpace", depth_to_space, ""},
    {"Expand", repeat, ""},
    {"Flatten", reshape, ""},        {"Gather", gather, ""},               {"GatherElements", gather_elements, ""},
    {"GatherND", gather_nd, ""},     {"Pad", pad, ""},                     {"Reshape", reshape, ""},
    {"Slice", slice, ""},            {"SpaceToDepth", space_to_depth, ""}, {"Split", split, ""},
    {"Squeeze", reshape, ""},        {"Tile", repeat, ""},                 {"Transpose", transpose, ""},
    {"Trilu", triangle, ""},         {"Unsqueeze", reshape, ""},
};

}  // namespace bantam::coreml
