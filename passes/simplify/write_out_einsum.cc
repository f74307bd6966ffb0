// SPDX-License-Identifier: Apache-2.0
// Puts a product of matrices, which is fast and known everywhere, in place of an Einsum of two tensors.
//
//   %y = Einsum(%a, %b) {equation="bhid,bhjd->bhij"}   =>   %b.einsum = Transpose(%b) {perm=[0, 1, 3, 2]}
//                                                           %y = MatMul(%a, %b.einsum)
//
// Axes are of four kinds: those of both tensors and the result (a stack of matrices), those of one of the
// tensors and the result (rows, columns), and those that are summed over. Where a kind has several axes
// they become one by a Reshape, for which their lengths must be known. Without axes to sum over it is a
// Mul. Left alone: an axis that one tensor has twice or that is summed over in one alone, "...", and
// more tensors than two. Sums are added in another order: outputs move by about 1e-7 of their size.
#include <algorithm>

#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

struct Equation {
  std::string a, b, out;  // a letter per axis
};

bool has_twice(const std::string& labels) {
  return std::any_of(labels.begin(), labels.end(), [&](char c) { return std::count(labels.begin(), labels.end(), c) > 1; });
}

bool has(const std::string& labels, char c) { return labels.find(c) != std::string::npos; }

std::optional<Equation> read(std::string text) {
  std::erase(text, ' ');
  const size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || comma > arrow || has(text, '.')) return std::nullopt;
  Equation e{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1), text.substr(arrow + 2)};
  if (has(e.b, ',') || has_twice(e.a) || has_twice(e.b) || has_twice(e.out)) return std::nullopt;
  return e;
}

// The labels of `from` that are in the one and the other, or not.
std::string common(const std::string& from, const std::string& one, bool in_one, const std::string& other, bool in_other) {
  std::string labels;
  for (const char c : from)
    if (has(one, c) == in_one && has(other, c) == in_other) labels += c;
  return labels;
}

class Writer {
 public:
  Writer(Graph& graph, Node* node, const Equation& e) : graph_(graph), node_(node), e_(e) {
    stack_ = common(e.out, e.a, true, e.b, true);
    rows_ = common(e.out, e.a, true, e.b, false);
    columns_ = common(e.out, e.a, false, e.b, true);
    sums_ = common(e.a, e.b, true, e.out, false);
  }

  // Whether all axes are of the four kinds, and lengths known where axes become one.
  bool is_possible() const {
    const Value *a = node_->inputs[0], *b = node_->inputs[1];
    const auto is_product = [&](const Value* v, const std::string& labels, size_t axes) {
      return v->rank() == static_cast<int>(labels.size()) && labels.size() == axes;
    };
    if (!is_product(a, e_.a, stack_.size() + rows_.size() + sums_.size())) return false;
    if (!is_product(b, e_.b, stack_.size() + columns_.size() + sums_.size())) return false;
    for (const char c : sums_)  // a length of 1 would be repeated
      if (length(a, e_.a, c) != length(b, e_.b, c) || length(a, e_.a, c) == -1 || (sums_.size() > 1 && length(a, e_.a, c) < 1)) return false;
    for (const std::string* kind : {&rows_, &columns_})
      for (const char c : *kind)
        if (kind->size() > 1 && length(has(e_.a, c) ? a : b, has(e_.a, c) ? e_.a : e_.b, c) < 1) return false;
    return true;
  }

  Result<void> run() {
    TRY(Value* a, operand(node_->inputs[0], e_.a, rows_, sums_));
    TRY(Value* b, operand(node_->inputs[1], e_.b, sums_, columns_));
    Value* y = node_->output();
    const std::string made = stack_ + rows_ + columns_;
    TRY(Value* product, emit(sums_.empty() ? "Mul" : "MatMul", {a, b}, {}, ".product"));
    TRY(product, split(product));
    std::vector<int64_t> perm;
    for (const char c : e_.out) perm.push_back(static_cast<int64_t>(made.find(c)));
    if (!std::is_sorted(perm.begin(), perm.end())) {
      TRY(product, emit("Transpose", {product}, {{"perm", perm}}, ".turned"));
    }
    take_over(graph_, y, product);
    graph_.erase(node_);
    return {};
  }

 private:
  static int64_t length(const Value* v, const std::string& labels, char c) { return (*v->shape)[labels.find(c)]; }

  Result<Value*> emit(const char* op, std::vector<Value*> inputs, AttrList attrs, const std::string& suffix) {
    const std::string name = graph_.unique_name(node_->output()->name + suffix);
    TRY(Node* n, graph_.insert_before(node_, op, node_->name, std::move(inputs), std::move(attrs), {name}));
    return n->output();
  }

  Value* list(const std::vector<int64_t>& numbers, const std::string& suffix) {
    return graph_.add_constant(node_->output()->name + suffix, Tensor::vector_of(numbers));
  }

  // [stack..., first, second], each of the two one axis.
  Result<Value*> operand(Value* v, const std::string& labels, const std::string& first, const std::string& second) {
    const std::string order = stack_ + first + second;
    std::vector<int64_t> perm, shape(stack_.size(), 0);  // 0: as it is
    for (const char c : order) perm.push_back(static_cast<int64_t>(labels.find(c)));
    const std::string suffix = v == node_->inputs[0] ? ".a" : ".b";
    Value* turned = v;
    if (!std::is_sorted(perm.begin(), perm.end())) {
      TRY(turned, emit("Transpose", {v}, {{"perm", perm}}, suffix));
    }
    if (first.size() == 1 && second.size() == 1) return turned;
    for (const std::string* kind : {&first, &second}) {
      int64_t all = 1;
      for (const char c : *kind) all *= length(v, labels, c);
      shape.push_back(kind->size() == 1 && all < 0 ? -1 : all);
    }
    return emit("Reshape", {turned, list(shape, suffix + ".shape")}, {}, suffix + ".matrices");
  }

  // The axes behind rows and columns again.
  Result<Value*> split(Value* product) {
    if (rows_.size() == 1 && columns_.size() == 1) return product;
    std::vector<int64_t> shape(stack_.size(), 0);
    for (const char c : rows_) shape.push_back(std::max<int64_t>(-1, length(node_->inputs[0], e_.a, c)));
    for (const char c : columns_) shape.push_back(std::max<int64_t>(-1, length(node_->inputs[1], e_.b, c)));
    return emit("Reshape", {product, list(shape, ".shape")}, {}, ".split");
  }

  Graph& graph_;
  Node* node_;
  const Equation& e_;
  std::string stack_, rows_, columns_, sums_;
};

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  for (Node* node : graph.nodes()) {
    if (!node->is("Einsum") || node->inputs.size() != 2 || node->output()->dtype != BT_F32 || !ctx.selected(*node)) continue;
    const auto equation = read(node->attr_word("equation"));
    if (!equation) continue;
    Writer writer(graph, node, *equation);
    if (!writer.is_possible()) continue;
    TRY(writer.run());
    changed = true;
  }
  return changed;
}

}  // namespace

extern constinit const Pass write_out_einsum = make_pass<NoOptions, describe_nothing, run>(
    "Replaces an Einsum of two tensors by a product of matrices.", Effect::exact);

}  // namespace bantam
