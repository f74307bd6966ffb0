// SPDX-License-Identifier: Apache-2.0
// Elements that are read or replaced by index, as a GATHER of all elements in a row.
//
//   GatherElements of constant indices             =>  Reshape, Gather by places in the row
//   GatherElements of computed indices             =>  the places are index * step + constants
//   ScatterElements, ScatterND, constant indices   =>  data and updates in one row, and a Gather
//
// Computed indices must not be negative, as with GATHER itself: LiteRT refuses to run those.
#include <algorithm>
#include <functional>
#include <numeric>

#include "formats/tflite/fit.h"
#include "ir/match.h"

namespace bantam {
namespace {

bool is_known(const Value* v) {
  return v && v->shape && std::all_of(v->shape->begin(), v->shape->end(), [](int64_t d) { return d >= 0; });
}

int64_t count_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

// How far apart neighbours along each axis lie in a row of all elements.
std::vector<int64_t> steps_of(const Shape& shape) {
  std::vector<int64_t> steps(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) steps[d - 1] = steps[d] * shape[d];
  return steps;
}

Tensor integers(const Shape& shape, const std::vector<int64_t>& values) {
  return {BT_I64, shape, Bytes::copy_of(values.data(), values.size() * sizeof(int64_t))};
}

// Places in the row of a tensor of shape `of`, for every element of `shape`, where it is 0 along `axis`.
std::vector<int64_t> places_across(const Shape& of, const Shape& shape, size_t axis) {
  const auto to = steps_of(of), from = steps_of(shape);
  std::vector<int64_t> places(static_cast<size_t>(count_of(shape)));
  for (size_t i = 0; i < places.size(); ++i)
    for (size_t d = 0; d < shape.size(); ++d)
      if (d != axis) places[i] += static_cast<int64_t>(i) / from[d] % shape[d] * to[d];
  return places;
}

size_t axis_of(const Node& n) {
  const int64_t axis = n.attr_int("axis");
  return static_cast<size_t>(axis < 0 ? axis + n.inputs[0]->rank() : axis);
}

Value* in_a_row(Speller& s, Value* v) { return s.add_stored("Reshape", {v, s.list({-1})}, {}, v->quant); }

Result<bool> fit_gather_elements(Graph& graph, Node* n) {
  Value *x = n->inputs[0], *index = n->inputs[1];
  if (!is_known(x) || !is_known(index)) return false;
  const size_t axis = axis_of(*n);
  const int64_t length = (*x->shape)[axis], step = steps_of(*x->shape)[axis];
  std::vector<int64_t> places = places_across(*x->shape, *index->shape, axis);
  Speller s(graph, n);
  Value* where = nullptr;
  if (const auto known = integers_of(index)) {
    for (size_t i = 0; i < places.size(); ++i) places[i] += ((*known)[i] < 0 ? (*known)[i] + length : (*known)[i]) * step;
    where = s.constant(integers(*index->shape, places));
  } else {
    Value* wide = index->dtype == BT_I64 ? index : s.add("Cast", {index}, {{"to", int64_t{BT_I64}}});
    where = s.add("Add", {s.add("Mul", {wide, s.list({step})}), s.constant(integers(*index->shape, places))});
  }
  return s.become(s.add_stored("Gather", {in_a_row(s, x), where}, {{"axis", int64_t{0}}}, n->output()->quant));
}

// For every element of the result its place in the row of data and updates; the last update of a place wins.
Result<bool> become_scattered(Graph& graph, Node* n, const std::vector<int64_t>& targets) {
  Value *x = n->inputs[0], *updates = n->inputs[2];
  std::vector<int64_t> from(static_cast<size_t>(count_of(*x->shape)));
  std::iota(from.begin(), from.end(), 0);
  const auto behind = static_cast<int64_t>(from.size());
  for (size_t i = 0; i < targets.size(); ++i) from[static_cast<size_t>(targets[i])] = behind + static_cast<int64_t>(i);
  Speller s(graph, n);
  Value* row = s.add("Concat", {in_a_row(s, x), in_a_row(s, updates)}, {{"axis", int64_t{0}}});
  return s.become(s.add("Gather", {row, s.constant(integers(*x->shape, from))}, {{"axis", int64_t{0}}}));
}

bool can_scatter(const Node& n) {
  return is_known(n.inputs[0]) && is_known(n.inputs[1]) && is_known(n.inputs[2]) && n.attr_word("reduction") == "none" && n.inputs[1]->is_constant();
}

Result<bool> fit_scatter_elements(Graph& graph, Node* n) {
  if (!can_scatter(*n)) return false;
  const Shape &shape = *n->inputs[0]->shape, &of = *n->inputs[1]->shape;
  const size_t axis = axis_of(*n);
  const auto known = n->inputs[1]->constant->integers();
  std::vector<int64_t> targets = places_across(shape, of, axis);
  for (size_t i = 0; i < targets.size(); ++i) targets[i] += (known[i] < 0 ? known[i] + shape[axis] : known[i]) * steps_of(shape)[axis];
  return become_scattered(graph, n, targets);
}

Result<bool> fit_scatter_nd(Graph& graph, Node* n) {
  if (!can_scatter(*n)) return false;
  const Shape& shape = *n->inputs[0]->shape;
  const auto known = n->inputs[1]->constant->integers();
  const auto steps = steps_of(shape);
  const auto tuple = static_cast<size_t>(n->inputs[1]->shape->back());
  const int64_t part = count_of(Shape(shape.begin() + static_cast<int64_t>(tuple), shape.end()));
  std::vector<int64_t> targets;
  for (size_t i = 0; tuple > 0 && i < known.size(); i += tuple) {
    int64_t start = 0;
    for (size_t d = 0; d < tuple; ++d) start += (known[i + d] < 0 ? known[i + d] + shape[d] : known[i + d]) * steps[d];
    for (int64_t k = 0; k < part; ++k) targets.push_back(start + k);
  }
  return tuple > 0 ? become_scattered(graph, n, targets) : Result<bool>(false);
}

// Constant indices count from the front: LiteRT refuses to run with negative ones.
Result<bool> fit_gather_nd(Graph& graph, Node* n) {
  Value *x = n->inputs[0], *index = n->inputs[1];
  if (!index->is_constant() || !is_known(x) || n->attr_int("batch_dims")) return false;
  auto known = index->constant->integers();
  const auto tuple = static_cast<size_t>(index->shape->back());
  bool negative = false;
  for (size_t i = 0; i < known.size(); ++i) {
    if (known[i] >= 0) continue;
    known[i] += (*x->shape)[i % tuple];
    negative = true;
  }
  if (!negative) return false;
  Speller s(graph, n);
  return s.become(s.add_stored("GatherND", {x, s.constant(integers(*index->shape, known))}, {}, n->output()->quant));
}

constexpr FitRow kRows[] = {
    {"GatherElements", fit_gather_elements},
    {"GatherND", fit_gather_nd},
    {"ScatterElements", fit_scatter_elements},
    {"ScatterND", fit_scatter_nd},
};

}  // namespace

std::span<const FitRow> index_fits() { return kRows; }

}  // namespace bantam
