// SPDX-License-Identifier: Apache-2.0
// Weights of convolutions in both orders: [O,I/g,k...] and [O,k...,I/g]; those of a transposed convolution are
// [I,O/g,k...] and [O,k...,I/g], output channels first as Conv has them.
#include "base/format.h"
#include "pass/layouter.h"

namespace bantam {
namespace {

using QuantPtr = std::shared_ptr<const Quant>;

QuantPtr along(const Quant& q, int axis) {
  auto moved = std::make_shared<Quant>(q);
  moved->axis = axis;
  return moved;
}

// One scale for each element of an axis: `count` times the list, or each entry `count` times.
QuantPtr repeated(const Quant& q, int axis, int64_t count, bool each) {
  auto moved = std::make_shared<Quant>(q);
  moved->axis = axis;
  moved->scale.clear();
  moved->zero.clear();
  const auto n = static_cast<int64_t>(q.scale.size());
  for (int64_t i = 0; i < n * count; ++i) {
    const auto from = static_cast<size_t>(each ? i / count : i % n);
    moved->scale.push_back(q.scale[from]);
    if (!q.zero.empty()) moved->zero.push_back(q.zero[from]);
  }
  return moved;
}

// Where the scales of [I,O/g,k...] go in [O,k...,I/g]; null where no axis holds them any more.
QuantPtr deconvolution_quant_last(const Value& w, int64_t group) {
  const Quant& q = *w.quant;
  if (q.axis == 1) return repeated(q, 0, group, false);  // [O/g], the same for each group
  if (q.axis > 1) return along(q, q.axis - 1);
  return group == 1 ? along(q, w.rank() - 1) : nullptr;
}

// Where the scales of [O,k...,I/g] go in [I,O/g,k...]; null where no axis holds them any more.
QuantPtr deconvolution_quant_first(const Value& w, int64_t group) {
  const Quant& q = *w.quant;
  const int last = w.rank() - 1;
  if (q.axis == last) return group == 1 ? along(q, 0) : nullptr;
  if (q.axis > 0) return along(q, q.axis + 1);
  if (group == 1) return along(q, 1);
  // a single output channel in each group: its scale is that of the group's input channels
  return w.shape->front() == group ? repeated(q, 0, w.shape->back(), true) : nullptr;
}

}  // namespace

// Integer scales for each output channel have no axis in [I,O/g,k...] with groups.
bool Layouter::can_move_weight(const Node& node) const {
  const Value* w = node.inputs[1];
  if (!w->shape) return false;
  if (!node.is("ConvTranspose")) return true;
  return w->is_constant() && !(to_ == ImageOrder::first && w->dtype == BT_I8 && node.attr_int("group") > 1);
}

Result<Value*> Layouter::weight(Node* node, Value* w) {
  const bool transposed = node->is("ConvTranspose");
  if (!w->is_constant()) return reorder(w, perm(w->rank()), node, twin_name(w->name));
  Value*& made = weights_[{w, transposed ? node->attr_int("group") : 0}];
  if (!made) made = transposed ? deconvolution_weight(*node, *w) : moved_constant(w, w->rank());
  return made;
}

Value* Layouter::deconvolution_weight(const Node& node, const Value& w) {
  const int64_t group = node.attr_int("group");
  const Shape& s = w.constant->shape();
  const size_t n = s.size();
  Shape split = {group, s[0] / group}, shape;
  split.insert(split.end(), s.begin() + 1, s.end());
  Perm order = {0};  // the split axes: group, I/g, O/g, k... or group, O/g, k..., I/g
  if (to_ == ImageOrder::last) {
    for (size_t i = 2; i <= n; ++i) order.push_back(static_cast<int64_t>(i));
    order.push_back(1);
    shape = {s[1] * group};
    shape.insert(shape.end(), s.begin() + 2, s.end());
    shape.push_back(s[0] / group);
  } else {
    order.push_back(static_cast<int64_t>(n));
    for (size_t i = 1; i < n; ++i) order.push_back(static_cast<int64_t>(i));
    shape = {s[n - 1] * group, s[0] / group};
    shape.insert(shape.end(), s.begin() + 1, s.end() - 1);
  }
  QuantPtr quant = w.quant;
  if (quant && quant->axis >= 0)
    quant = to_ == ImageOrder::last ? deconvolution_quant_last(w, group) : deconvolution_quant_first(w, group);
  return graph_.add_constant(twin_name(w.name), permuted(w.constant->reshaped(split), order).reshaped(shape), quant);
}

}  // namespace bantam
