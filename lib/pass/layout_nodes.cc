// SPDX-License-Identifier: Apache-2.0
// How each kind of operator follows to the other order of axes (bt_layout_rule in runtime/op.h).
#include <algorithm>

#include "pass/layouter.h"

namespace bantam {
namespace {

void set(AttrList& attrs, const std::string& key, AttrValue value) {
  std::erase_if(attrs, [&](const auto& a) { return a.first == key; });
  attrs.emplace_back(key, std::move(value));
}

bool is_one_number(const Value* v) { return v->shape && is_known(*v->shape) && element_count(*v->shape) == 1; }

}  // namespace

// Lists of one number per axis that image operators take besides their attributes (Resize).
Value* Layouter::permuted_list(const Value* v, int rank) {
  const int64_t n = v->constant->count();
  if (n != rank && n != 2 * rank) return nullptr;
  const Tensor rows = v->constant->reshaped({n / rank, rank});
  const size_t size = bt_dtype_size(rows.dtype());
  std::vector<uint8_t> out;
  for (int64_t r = 0; r < n / rank; ++r)
    for (const int64_t axis : perm(rank)) {
      const uint8_t* from = rows.bytes().data() + static_cast<size_t>(r * rank + axis) * size;
      out.insert(out.end(), from, from + size);
    }
  return graph_.add_constant(twin_name(v->name), Tensor(rows.dtype(), {n}, Bytes(std::move(out))));
}

Result<void> Layouter::spatial(Node* node) {
  if (!is_image(node->input(0)) || !is_image(node->output()) || node->attr_word("layout") == layout_) return {};
  std::vector<Value*> inputs = node->inputs;
  AttrList attrs = node->attrs();
  const int rank = node->inputs[0]->rank();
  if (node->is("Resize")) {
    if (!node->attr_ints("axes").empty()) return {};
    for (size_t i = 1; i < inputs.size(); ++i) {
      if (!inputs[i] || (inputs[i]->is_constant() && inputs[i]->constant->count() == 0)) continue;
      inputs[i] = inputs[i]->is_constant() ? permuted_list(inputs[i], rank) : nullptr;
      if (!inputs[i]) return {};  // computed sizes: the resize stays as it is
    }
  }
  for (size_t i = 1; i < node->outputs.size(); ++i)  // statistics of a BatchNormalization in training
    if (node->outputs[i] && !is_image(node->outputs[i])) return {};
  const bool has_weight = node->is("Conv") || node->is("ConvTranspose");
  if (has_weight && !can_move_weight(*node)) return {};
  TRY(inputs[0], moved(node->inputs[0], node));
  if (has_weight) {
    TRY(inputs[1], weight(node, node->inputs[1]));
  }
  set(attrs, "layout", layout_);
  return replace(node, std::move(inputs), std::move(attrs));
}

// Operand of an element-wise operator in the new order; null where it cannot be had.
Result<Value*> Layouter::operand(Value* v, int rank, Node* where) {
  if (v->rank() == rank) return moved(v, where);
  if (is_one_number(v)) return v;
  if (!v->is_constant() || v->rank() > rank) return nullptr;
  return moved_constant(v, rank);
}

// Whether to follow: twins among the operands, against operands that would need a Transpose.
bool Layouter::pays(const Node* node, int rank) const {
  int with = 0, without = 0;
  for (const Value* v : node->inputs) {
    if (!v || v->is_constant() || v->rank() != rank) continue;
    ++(twin(v) ? with : without);
  }
  return with > 0 && with >= without;
}

Result<void> Layouter::elementwise(Node* node) {
  const Value* out = node->output();
  if (!is_image(out) || !pays(node, out->rank())) return {};
  for (const Value* v : node->inputs)
    if (v && v->rank() != out->rank() && !(v->shape && is_known(*v->shape) && (v->is_constant() || is_one_number(v)))) return {};
  std::vector<Value*> inputs;
  for (Value* v : node->inputs) {
    inputs.push_back(nullptr);
    if (!v) continue;
    TRY(inputs.back(), operand(v, out->rank(), node));
  }
  return replace(node, std::move(inputs), node->attrs());
}

Result<void> Layouter::along_axis(Node* node) {
  const Value *x = node->input(0), *out = node->output();
  if (!is_image(x) || !is_image(out) || x->rank() != out->rank() || !pays(node, x->rank())) return {};
  for (size_t i = 1; i < node->inputs.size(); ++i)  // further images, or blocks of scales
    if (!node->is("Concat") && node->inputs[i] && node->inputs[i]->rank() > 1) return {};
  AttrList attrs = node->attrs();
  int64_t axis = node->attr_int("axis");
  if (axis < 0) axis += x->rank();
  set(attrs, "axis", inverse(perm(x->rank()))[static_cast<size_t>(axis)]);
  std::vector<Value*> inputs = node->inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i] || (i > 0 && !node->is("Concat"))) continue;
    TRY(inputs[i], moved(inputs[i], node));
  }
  return replace(node, std::move(inputs), std::move(attrs));
}

Result<void> Layouter::over_axes(Node* node) {
  const Value *x = node->input(0), *axes = node->input(1);
  if (!is_image(x) || !twin(x) || (axes && !axes->is_constant())) return {};
  const int rank = x->rank();
  const Perm back = inverse(perm(rank));
  std::vector<Value*> inputs = {twin(x)};
  std::vector<bool> gone(static_cast<size_t>(rank), !axes);
  if (axes) {
    std::vector<int64_t> list;
    for (int64_t a : axes->constant->integers()) {
      if (a < 0) a += rank;
      gone[static_cast<size_t>(a)] = true;
      list.push_back(back[static_cast<size_t>(a)]);
    }
    if (list.empty()) return {};
    std::sort(list.begin(), list.end());
    inputs.push_back(graph_.add_constant(twin_name(axes->name), Tensor::vector_of(list)));
  }
  for (size_t i = 2; i < node->inputs.size(); ++i) inputs.push_back(node->inputs[i]);
  if (node->has_attr("keepdims") && node->attr_int("keepdims")) return replace(node, std::move(inputs), node->attrs());
  // without the reduced axes both orders are the same where the others keep theirs: [N,C]
  Perm left;
  for (const int64_t a : perm(rank))
    if (!gone[static_cast<size_t>(a)]) left.push_back(a);
  if (!std::is_sorted(left.begin(), left.end())) return {};
  graph_.set_input(node, 0, inputs[0]);
  if (axes) graph_.set_input(node, 1, inputs[1]);
  changed_ = true;
  return {};
}

// Composes with the new order; an exporter's own Transpose to it vanishes.
Result<void> Layouter::transpose(Node* node) {
  Value* x = node->input(0);
  if (!is_image(x) || !twin(x)) return {};
  Perm order = node->attr_ints("perm");
  if (order.empty())
    for (int i = x->rank(); i-- > 0;) order.push_back(i);
  const Perm back = inverse(perm(x->rank()));
  for (int64_t& p : order) p = back[static_cast<size_t>(p)];
  graph_.set_input(node, 0, twin(x));
  changed_ = true;
  return node->set_attr("perm", order);
}

// Pad, Slice, Tile, Expand: constant lists with an entry per axis, or an axes list.
Result<void> Layouter::per_axis(Node* node) {
  Value* x = node->input(0);
  if (!is_image(x) || !twin(x) || !node->output() || node->output()->rank() != x->rank()) return {};
  const int rank = x->rank();
  const Perm back = inverse(perm(rank));
  const size_t axes_at = node->is("Slice") || node->is("Pad") ? 3 : 99;
  std::vector<Value*> inputs = node->inputs;
  inputs[0] = twin(x);
  if (Value* axes = node->input(axes_at)) {
    if (!axes->is_constant()) return {};
    std::vector<int64_t> list;
    for (int64_t a : axes->constant->integers()) list.push_back(back[static_cast<size_t>(a < 0 ? a + rank : a)]);
    inputs[axes_at] = graph_.add_constant(twin_name(axes->name), Tensor::vector_of(list));
  } else if (node->is("Slice")) {  // the first axes, implicitly
    const Value* starts = node->input(1);
    if (!starts->is_constant()) return {};
    std::vector<int64_t> list;
    for (int64_t a = 0; a < starts->constant->count(); ++a) list.push_back(back[static_cast<size_t>(a)]);
    inputs.resize(std::max<size_t>(inputs.size(), 4), nullptr);
    inputs[3] = graph_.add_constant(starts->name + ".axes", Tensor::vector_of(list));
  } else {
    if (!inputs[1]->is_constant()) return {};
    inputs[1] = permuted_list(inputs[1], rank);
    if (!inputs[1]) return {};
  }
  return replace(node, std::move(inputs), node->attrs());
}

}  // namespace bantam
