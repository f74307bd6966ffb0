// SPDX-License-Identifier: Apache-2.0
// Gradients of operators that move elements: the same moves backwards.
#include <algorithm>

#include "grad/tape.h"
#include "ir/match.h"

namespace bantam {
namespace {

bool always(const Node&) { return true; }

void reshape(Tape& t, const Node& n) {
  t.add(n.inputs[0], t.reshaped(t.of(n.output()), shape_of(n.inputs[0])));
}

void transpose(Tape& t, const Node& n) {
  const auto perm = n.attr_ints("perm");
  const auto rank = static_cast<int64_t>(shape_of(n.inputs[0]).size());
  std::vector<int64_t> back(static_cast<size_t>(rank));
  for (int64_t d = 0; d < rank; ++d)
    back[static_cast<size_t>(perm.empty() ? rank - 1 - d : perm[static_cast<size_t>(d)])] = d;
  t.add(n.inputs[0], t.transposed(t.of(n.output()), back));
}

size_t axis_of(const Node& n) {
  const int64_t axis = n.attr_int("axis");
  return static_cast<size_t>(axis < 0 ? axis + n.output()->rank() : axis);
}

void concat(Tape& t, const Node& n) {
  const size_t axis = axis_of(n);
  int64_t at = 0;
  for (Value* v : n.inputs) {
    const int64_t length = shape_of(v)[axis];
    if (t.wants(v))
      t.add(v, t.sliced(t.of(n.output()), {at}, {at + length}, {static_cast<int64_t>(axis)}, {1}));
    at += length;
  }
}

// Pieces that nobody has used are zeros.
void split(Tape& t, const Node& n) {
  std::vector<Value*> pieces;
  for (const Value* v : n.outputs) {
    Value* d = t.of(v);
    const auto count = static_cast<size_t>(element_count(shape_of(v)));
    pieces.push_back(d ? d : t.floats(shape_of(v), std::vector<float>(count)));
  }
  t.add(n.inputs[0], t.make("Concat", pieces, {{"axis", n.attr_int("axis")}}));
}
bool has_all_outputs(const Node& n) {
  return std::all_of(n.outputs.begin(), n.outputs.end(),
                     [](const Value* v) { return v != nullptr; });
}

// ---- Slice ----

struct Cut {
  std::vector<int64_t> start, step;  // of every axis
};

std::optional<Cut> cut_of(const Node& n) {
  const auto starts = integers_of(n.inputs[1]);
  const auto axes = n.input(3) ? integers_of(n.input(3)) : std::nullopt;
  const auto steps = n.input(4) ? integers_of(n.input(4)) : std::nullopt;
  if (!starts || (n.input(3) && !axes) || (n.input(4) && !steps)) return std::nullopt;
  const Shape& shape = shape_of(n.inputs[0]);
  Cut cut{std::vector<int64_t>(shape.size(), 0), std::vector<int64_t>(shape.size(), 1)};
  for (size_t i = 0; i < starts->size(); ++i) {
    const int64_t axis = axes ? (*axes)[i] : static_cast<int64_t>(i);
    const size_t d =
        static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis);
    const int64_t start = (*starts)[i], step = steps ? (*steps)[i] : 1;
    if (step < 1) return std::nullopt;
    cut.start[d] = std::clamp<int64_t>(start < 0 ? start + shape[d] : start, 0, shape[d]);
    cut.step[d] = step;
  }
  return cut;
}

bool has_cut(const Node& n) {
  return cut_of(n).has_value() && element_count(shape_of(n.output())) > 0;
}

// Elements get a place of `step` each, of which all but the first are zeros.
Value* spread(Tape& t, Value* d, const std::vector<int64_t>& step) {
  for (size_t axis = 0; axis < step.size(); ++axis) {
    if (step[axis] == 1) continue;
    Shape shape = shape_of(d);
    const int64_t length = shape[axis];
    shape.insert(shape.begin() + static_cast<ptrdiff_t>(axis) + 1, 1);
    std::vector<int64_t> pads(2 * shape.size());
    pads[shape.size() + axis + 1] = step[axis] - 1;
    Value* wide = t.padded(t.reshaped(d, shape), pads);
    shape.erase(shape.begin() + static_cast<ptrdiff_t>(axis) + 1);
    shape[axis] = length * step[axis];
    d = t.reshaped(wide, shape);
    if (!d) return nullptr;
    d = t.sliced(d, {0}, {(length - 1) * step[axis] + 1}, {static_cast<int64_t>(axis)}, {1});
  }
  return d;
}

void slice(Tape& t, const Node& n) {
  const Cut cut = *cut_of(n);
  Value* d = spread(t, t.of(n.output()), cut.step);
  if (!d) return;
  const Shape &whole = shape_of(n.inputs[0]), &part = shape_of(d);
  std::vector<int64_t> pads = cut.start;
  for (size_t i = 0; i < whole.size(); ++i) pads.push_back(whole[i] - cut.start[i] - part[i]);
  t.add(n.inputs[0], t.padded(d, pads));
}

// ---- Pad ----

bool is_zero_pad(const Node& n) {
  const auto pads = integers_of(n.inputs[1]);
  if (n.attr_word("mode") != "constant" || n.input(3) || !pads) return false;
  return std::all_of(pads->begin(), pads->end(), [](int64_t p) { return p >= 0; });
}

void pad(Tape& t, const Node& n) {
  const auto pads = *integers_of(n.inputs[1]);
  const Shape& shape = shape_of(n.inputs[0]);
  std::vector<int64_t> ends, axes, steps;
  for (size_t d = 0; d < shape.size(); ++d) {
    ends.push_back(pads[d] + shape[d]);
    axes.push_back(static_cast<int64_t>(d));
    steps.push_back(1);
  }
  const std::vector<int64_t> starts(pads.begin(),
                                    pads.begin() + static_cast<ptrdiff_t>(shape.size()));
  t.add(n.inputs[0], t.sliced(t.of(n.output()), starts, ends, axes, steps));
}

// ---- Gather: a shuffle of channels, or some of them, each once ----

// Where each entry of the operand went; -1: nowhere.
std::optional<std::vector<int64_t>> places(const Node& n) {
  const auto indices = integers_of(n.inputs[1]);
  if (!indices || shape_of(n.inputs[1]).size() != 1) return std::nullopt;
  const int64_t length = shape_of(n.inputs[0])[axis_of(n)];
  std::vector<int64_t> place(static_cast<size_t>(length), -1);
  for (size_t i = 0; i < indices->size(); ++i) {
    int64_t at = (*indices)[i];
    if (at < 0) at += length;
    if (at < 0 || at >= length || place[static_cast<size_t>(at)] >= 0) return std::nullopt;
    place[static_cast<size_t>(at)] = static_cast<int64_t>(i);
  }
  return place;
}

bool takes_each_once(const Node& n) { return places(n).has_value(); }

void gather(Tape& t, const Node& n) {
  auto place = *places(n);
  const size_t axis = axis_of(n);
  Value* d = t.of(n.output());
  const int64_t zeros = shape_of(d)[axis];  // an entry of zeros is put behind the others
  if (std::count(place.begin(), place.end(), -1) > 0) {
    std::vector<int64_t> pads(2 * shape_of(d).size());
    pads[shape_of(d).size() + axis] = 1;
    d = t.padded(d, pads);
    std::replace(place.begin(), place.end(), int64_t{-1}, zeros);
  }
  t.add(n.inputs[0], t.make("Gather", {d, t.ints(place)}, {{"axis", static_cast<int64_t>(axis)}}));
}

// ---- DepthToSpace and back: both only move ----

bool is_plain_depth(const Node& n) {
  return n.attr_word("layout") == "last" && n.attr_word("mode") == "DCR";
}

void depth_to_space(Tape& t, const Node& n) {
  const int64_t b = n.attr_int("blocksize");
  const Shape& x = shape_of(n.inputs[0]);
  Value* d = t.reshaped(t.of(n.output()), {x[0], x[1], b, x[2], b, x[3] / (b * b)});
  t.add(n.inputs[0], t.reshaped(t.transposed(d, {0, 1, 3, 2, 4, 5}), x));
}

// ---- Resize: whole pixels, repeated ----

// How often each element stands along every axis; empty where the node does something else.
std::vector<int64_t> repeats(const Node& n) {
  const auto coordinates = n.attr_word("coordinate_transformation_mode"),
             to = n.attr_word("nearest_mode");
  const bool repeat = (coordinates == "asymmetric" && to == "floor") ||
                      (coordinates == "half_pixel" && to == "round_prefer_floor");
  std::vector<int64_t> times;
  if (n.attr_word("mode") != "nearest") return times;
  const Shape &x = shape_of(n.inputs[0]), &y = shape_of(n.output());
  int64_t most = 1;
  for (size_t d = 0; d < x.size(); ++d) {
    if (x[d] == 0 || y[d] % x[d] != 0) return {};
    times.push_back(y[d] / x[d]);
    most = std::max(most, times.back());
  }
  // half of an even repeat is rounded down by both
  const bool twice = coordinates == "asymmetric" && to == "round_prefer_floor" && most == 2;
  return repeat || twice ? times : std::vector<int64_t>();
}

bool repeats_pixels(const Node& n) { return !repeats(n).empty(); }

void resize(Tape& t, const Node& n) {
  const Shape& x = shape_of(n.inputs[0]);
  const auto times = repeats(n);
  Shape wide;
  std::vector<int64_t> axes;
  for (size_t d = 0; d < x.size(); ++d) {
    wide.push_back(x[d]);
    if (times[d] == 1) continue;
    axes.push_back(static_cast<int64_t>(wide.size()));
    wide.push_back(times[d]);
  }
  Value* d = t.reshaped(t.of(n.output()), wide);
  t.add(n.inputs[0], axes.empty() ? d : t.summed(d, axes, false));
}

}  // namespace

const GradientRules& move_rules() {
  static const GradientRules rules = {
      {"Identity", always, reshape},
      {"Reshape", always, reshape},
      {"Flatten", always, reshape},
      {"Squeeze", always, reshape},
      {"Unsqueeze", always, reshape},
      {"Dropout", always, reshape},
      {"Transpose", always, transpose},
      {"Concat", always, concat},
      {"Split", has_all_outputs, split},
      {"Slice", has_cut, slice},
      {"Pad", is_zero_pad, pad},
      {"Gather", takes_each_once, gather},
      {"DepthToSpace", is_plain_depth, depth_to_space},
      {"Resize", repeats_pixels, resize},
  };
  return rules;
}

}  // namespace bantam
