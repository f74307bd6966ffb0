// SPDX-License-Identifier: Apache-2.0
// Removes nodes that give back what they got, and merges moves that follow each other.
//
//   %a = Transpose(%x) {perm=[0, 2, 1]}      =>   (readers of %b read %x)
//   %b = Transpose(%a) {perm=[0, 2, 1]}
//
// - Identity, Dropout in inference, Cast to the same type, a sum with 0, a product with 1;
// - Reshape, Slice, Pad, Expand, Tile, Transpose, Concat ... where nothing moves;
// - Transposes of Transposes, and Reshapes (Squeeze, Unsqueeze, Flatten) of Reshapes become one.
//
// What changes nothing follows from stated shapes, unknown lengths included where they have a name.
#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

bool is_one_of(const Node& n, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), std::string_view(n.op->name)) != names.end();
}

bool all_are(const Value* v, double number) {
  if (!v || !v->is_constant() || v->quant || !bt_is_type(v->dtype, BT_TYPES_NUMBER)) return false;
  for (int64_t i = 0; i < v->constant->count(); ++i)
    if (v->constant->number(i) != number) return false;
  return true;
}

// x + 0, x - 0, x * 1, x / 1, without a fused clamp. (-0 + 0 is +0: equal numbers.)
bool is_neutral(const Node& n, const Value* x) {
  if (has_clamp(n) || n.inputs.size() != 2) return false;
  const bool sum = n.is("Add") || n.is("Sub"), product = n.is("Mul") || n.is("Div");
  if (!sum && !product) return false;
  const Value* other = n.inputs[x == n.inputs[0] ? 1 : 0];
  if (x == n.inputs[1] && (n.is("Sub") || n.is("Div"))) return false;
  return all_are(other, sum ? 0 : 1);
}

bool in_order(const std::vector<int64_t>& perm) {
  return !perm.empty() && std::is_sorted(perm.begin(), perm.end());
}

// Dropout is random in training only.
bool is_inference(const Node& n) {
  const Value* training = n.input(2);
  if (n.output(1) && (!n.output(1)->uses().empty() || n.output(1)->is_output())) return false;
  return !training || (training->is_constant() && training->constant->integer(0) == 0);
}

bool is_reshape(const Node* n) {
  return n && is_one_of(*n, {"Reshape", "Flatten", "Squeeze", "Unsqueeze"});
}

// The value that the node's first output is equal to; null where there is none.
Value* equal_value(const Node& n) {
  const Value* out = n.output();
  Value* x = n.input(0);
  if (n.is("Identity")) return x;
  if (n.is("Dropout")) return is_inference(n) ? x : nullptr;
  if (n.is("Concat")) return n.inputs.size() == 1 ? x : nullptr;
  if (n.is("Transpose")) return in_order(n.attr_ints("perm")) ? x : nullptr;
  if (n.is("Pad")) return all_are(n.input(1), 0) ? x : nullptr;
  if (n.is("Cast") || n.is("CastLike")) return x->dtype == out->dtype ? x : nullptr;
  for (Value* v : n.inputs)
    if (v && is_neutral(n, v) && same_shape(v, out)) return v;
  if (!same_shape(x, out)) return nullptr;
  // a part as long as the whole is the whole
  if (n.is("Slice")) return !n.input(4) || all_are(n.input(4), 1) ? x : nullptr;
  return is_reshape(&n) || n.is("Expand") || n.is("Tile") ? x : nullptr;
}

class Dropper {
 public:
  Dropper(Graph& graph, PassContext& ctx) : graph_(graph), ctx_(ctx) {}

  Result<bool> run() {
    for (Node* node : graph_.nodes()) {
      if (!ctx_.selected(*node) || node->outputs.empty() || !node->output()) continue;
      if (node->is("Transpose")) TRY(join_transposes(*node));
      if (!drop(node) && is_reshape(node)) TRY(join_reshapes(node));
    }
    return changed_;
  }

 private:
  // True: the node is gone.
  bool drop(Node* node) {
    Value* x = equal_value(*node);
    Value* out = node->output();
    if (!x || !same_type(x, out)) return false;
    changed_ = read_instead(graph_, out, x) || changed_;
    if (!out->uses().empty() || out->is_output()) return false;
    graph_.erase(node);
    return changed_ = true;
  }

  Result<void> join_transposes(Node& node) {
    const Node* first = made_by(node.inputs[0], "Transpose");
    if (!first || !same_type(node.inputs[0], first->inputs[0])) return {};
    const auto inner = first->attr_ints("perm"), outer = node.attr_ints("perm");
    if (inner.empty() || inner.size() != outer.size()) return {};
    std::vector<int64_t> both;
    for (const int64_t axis : outer) both.push_back(inner[static_cast<size_t>(axis)]);
    graph_.set_input(&node, 0, first->inputs[0]);
    changed_ = true;
    return node.set_attr("perm", both);
  }

  // A Reshape of a Reshape takes what the first one took; of nothing else, so that one round is
  // enough.
  Result<void> join_reshapes(Node* node) {
    Value *in = node->inputs[0], *out = node->output();
    if (!same_type(in, out)) return {};
    const auto before = origin_.find(in);
    Value* source = before == origin_.end() ? in : before->second;
    origin_[out] = source;
    if (source == in) return {};
    if (same_shape(source, out)) {
      changed_ = read_instead(graph_, out, source) || changed_;
      return {};
    }
    const auto target = reshape_target(source, out);
    if (!target) return {};
    Value* shape = graph_.add_constant(out->name + ".shape", Tensor::vector_of(*target));
    TRY(Node * made, graph_.insert_before(node, "Reshape", node->name, {source, shape}, {},
                                          {out->name + ".joined"}));
    made->integer = node->integer;
    Value* joined = made->output();
    joined->shape = out->shape;
    joined->quant = out->quant;
    joined->range = out->range;
    origin_.erase(out);
    origin_[joined] = source;
    take_over(graph_, out, joined);
    graph_.erase(node);
    changed_ = true;
    return {};
  }

  Graph& graph_;
  PassContext& ctx_;
  std::unordered_map<const Value*, Value*> origin_;  // of what a Reshape makes: before all Reshapes
  bool changed_ = false;
};

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  return Dropper(graph, ctx).run();
}

}  // namespace

extern constinit const Pass drop_identity = make_pass<NoOptions, describe_nothing, run>(
    "Removes nodes that change nothing and merges moves that follow each other.", Effect::exact);

}  // namespace bantam
