// SPDX-License-Identifier: Apache-2.0
// Gives images the order of axes that the kernels work on: channels last.
//
//   %c = Conv(%x, %w)                   =>   %x.last = Transpose(%x) {perm=[0, 2, 3, 1]}
//                                            %c = Conv(%x.last, %w.last) {layout="last"}
//
// Walks the graph once. A value whose producer can work in the new order gets a twin in that order; the
// old one is made (by one Transpose) only where somebody cannot do without it. Operators between two
// convolutions follow: element by element, with their axis moved, or with their operands permuted. Which
// axis is which follows from the operators, never from equal lengths. Weights are permuted once, here.
// A note says how many Transposes are left; inside a plain CNN it is none.
#include <algorithm>
#include <map>

#include "base/format.h"
#include "pass/pass.h"

namespace bantam {
namespace {

using Perm = std::vector<int64_t>;

// perm[i]: which axis of the channels-first tensor is axis i of the channels-last one.
Perm to_last(int rank) {
  Perm p = {0};
  for (int i = 2; i < rank; ++i) p.push_back(i);
  p.push_back(1);
  return p;
}
Perm inverse(const Perm& p) {
  Perm q(p.size());
  for (size_t i = 0; i < p.size(); ++i) q[static_cast<size_t>(p[i])] = static_cast<int64_t>(i);
  return q;
}

// Moves the elements of a constant: out axis i is in axis perm[i].
Tensor permuted(const Tensor& t, const Perm& perm) {
  const size_t rank = perm.size(), size = bt_dtype_size(t.dtype());
  Shape shape(rank), stride(rank, 1), step(rank);
  for (size_t i = rank; i-- > 1;) stride[i - 1] = stride[i] * t.shape()[i];
  for (size_t i = 0; i < rank; ++i) {
    shape[i] = t.shape()[static_cast<size_t>(perm[i])];
    step[i] = stride[static_cast<size_t>(perm[i])];
  }
  std::vector<uint8_t> out(t.bytes().size());
  Shape index(rank);
  int64_t from = 0;
  for (size_t at = 0; at < out.size(); at += size) {
    std::copy_n(t.bytes().data() + static_cast<size_t>(from) * size, size, out.data() + at);
    for (size_t d = rank; d-- > 0;) {
      from += step[d];
      if (++index[d] < shape[d]) break;
      from -= step[d] * shape[d];
      index[d] = 0;
    }
  }
  return {t.dtype(), shape, Bytes(std::move(out))};
}

class Layouter {
 public:
  explicit Layouter(Graph& graph, PassContext& ctx) : graph_(graph), ctx_(ctx) {}

  Result<bool> run() {
    for (Node* node : graph_.nodes()) TRY(visit(node));
    if (twins_.empty()) return false;
    finish();
    return true;
  }

 private:
  bool is_image(const Value* v) const { return v && v->rank() >= 3 && v->rank() <= 5; }
  Value* twin(const Value* v) const {
    const auto it = twins_.find(v);
    return it == twins_.end() ? nullptr : it->second;
  }

  // ---- making values in one order or the other ----

  // True where a permutation only moves lengths of 1: the bytes stay, and Reshape is free.
  static bool only_moves_ones(const Shape& shape, const Perm& perm) {
    Shape kept, moved;
    for (size_t i = 0; i < perm.size(); ++i) {
      if (shape[i] != 1) kept.push_back(static_cast<int64_t>(i));
      if (shape[static_cast<size_t>(perm[i])] != 1) moved.push_back(perm[i]);
    }
    return kept == moved;
  }

  Result<Value*> reorder(Value* v, const Perm& perm, Node* where, const std::string& name) {
    Shape shape;
    for (const int64_t i : perm) shape.push_back((*v->shape)[static_cast<size_t>(i)]);
    const auto free_lengths = std::count_if(shape.begin(), shape.end(), [](int64_t d) { return d < 0; });
    if (only_moves_ones(*v->shape, perm) && free_lengths <= 1) {
      Shape target = shape;
      for (int64_t& d : target)
        if (d < 0) d = -1;
      Value* to = graph_.add_constant(name + ".shape", Tensor::vector_of(target));
      TRY(Node* n, graph_.insert_before(where, "Reshape", name, {v, to}, {}, {name}));
      n->output()->shape = shape;
      n->output()->quant = v->quant;
      return n->output();
    }
    TRY(Node* n, graph_.insert_before(where, "Transpose", name, {v}, {{"perm", perm}}, {name}));
    n->output()->quant = v->quant;
    return n->output();
  }

  // The channels-last form of an image, made where it is missing.
  Result<Value*> last(Value* v, Node* where) {
    if (Value* t = twin(v)) return t;
    Value* made = nullptr;
    if (v->is_constant()) {
      made = graph_.add_constant(v->name + ".last", permuted(*v->constant, to_last(v->rank())));
    } else {
      TRY(made, reorder(v, to_last(v->rank()), where, v->name + ".last"));
    }
    return twins_[v] = made;
  }

  // The same operator on channels-last operands; outputs become twins of the old ones.
  Result<void> replace(Node* node, std::vector<Value*> inputs, AttrList attrs) {
    std::vector<std::string> names;
    for (const Value* v : node->outputs) names.push_back(v ? v->name + ".last" : "");
    TRY(Node* made, graph_.insert_before(node, node->op->name, node->name, std::move(inputs), std::move(attrs), names));
    made->integer = node->integer;
    for (size_t i = 0; i < names.size(); ++i)
      if (node->outputs[i]) {
        twins_[node->outputs[i]] = made->outputs[i];
        made->outputs[i]->quant = node->outputs[i]->quant;
        made->outputs[i]->range = node->outputs[i]->range;
      }
    return {};
  }

  static void set(AttrList& attrs, const std::string& key, AttrValue value) {
    std::erase_if(attrs, [&](const auto& a) { return a.first == key; });
    attrs.emplace_back(key, std::move(value));
  }

  // ---- one node ----

  Result<void> visit(Node* node) {
    switch (node->op->layout) {
      case BT_LAYOUT_SPATIAL:
        if (is_image(node->input(0)) && is_image(node->output()) && node->attr_word("layout") == "first") return spatial(node);
        break;
      case BT_LAYOUT_ELEMENTWISE: return elementwise(node);
      case BT_LAYOUT_AXIS: return along_axis(node);
      case BT_LAYOUT_AXES: return over_axes(node);
      case BT_LAYOUT_PERM: return transpose(node);
      case BT_LAYOUT_PADS: return per_axis(node);
      default: break;
    }
    return {};
  }

  // Lists of one number per axis that image operators take besides their attributes (Resize).
  Value* permuted_list(const Value* v, int rank) {
    const Perm perm = to_last(rank);
    const int64_t n = v->constant->count();
    if (n != rank && n != 2 * rank) return nullptr;
    const Tensor rows = v->constant->reshaped({n / rank, rank});
    const size_t size = bt_dtype_size(rows.dtype());
    std::vector<uint8_t> out;
    for (int64_t r = 0; r < n / rank; ++r)
      for (const int64_t axis : perm) {
        const uint8_t* from = rows.bytes().data() + static_cast<size_t>(r * rank + axis) * size;
        out.insert(out.end(), from, from + size);
      }
    return graph_.add_constant(v->name + ".last", Tensor(rows.dtype(), {n}, Bytes(std::move(out))));
  }

  Result<void> spatial(Node* node) {
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
    const bool has_weight = node->is("Conv") || node->is("ConvTranspose");
    if (node->is("ConvTranspose") && !node->inputs[1]->is_constant()) return {};
    for (size_t i = 1; i < node->outputs.size(); ++i)  // statistics of a BatchNormalization in training
      if (node->outputs[i] && !is_image(node->outputs[i])) return {};
    TRY(inputs[0], last(node->inputs[0], node));
    if (has_weight) {
      TRY(inputs[1], weight(node, node->inputs[1]));
    }
    set(attrs, "layout", std::string("last"));
    return replace(node, std::move(inputs), std::move(attrs));
  }

  // [O,I,k...] -> [O,k...,I]; of a ConvTranspose [I,O,k...] -> [O,k...,I].
  Result<Value*> weight(Node* node, Value* w) {
    if (!w->shape) return Error{Code::internal, "a convolution's weight has no shape"};
    if (const auto it = weights_.find(w); it != weights_.end()) return it->second;
    Perm perm = to_last(w->rank());
    if (node->is("ConvTranspose")) return deconvolution_weight(node, w);
    if (!w->is_constant()) return reorder(w, perm, node, w->name + ".last");
    auto quant = w->quant;
    if (quant && quant->axis > 0) {
      auto moved = std::make_shared<Quant>(*quant);
      moved->axis = static_cast<int>(inverse(perm)[static_cast<size_t>(quant->axis)]);
      quant = moved;
    }
    return weights_[w] = graph_.add_constant(w->name + ".last", permuted(*w->constant, perm), quant);
  }

  Result<Value*> deconvolution_weight(Node* node, Value* w);

  // Operand of an element-wise operator in the new order; null where it cannot be had.
  Result<Value*> operand(Value* v, int rank, Node* where) {
    if (v->rank() == rank) return last(v, where);
    if (v->shape && is_known(*v->shape) && element_count(*v->shape) == 1) return v;  // one number
    if (!v->is_constant() || v->rank() > rank) return nullptr;
    Shape wide(static_cast<size_t>(rank - v->rank()), 1);  // right-aligned
    wide.insert(wide.end(), v->shape->begin(), v->shape->end());
    return graph_.add_constant(v->name + ".last", permuted(v->constant->reshaped(wide), to_last(rank)));
  }

  // Whether to follow: twins among the operands, against operands that would need a Transpose.
  bool pays(const Node* node, int rank) const {
    int with = 0, without = 0;
    for (const Value* v : node->inputs) {
      if (!v || v->is_constant() || v->rank() != rank) continue;
      ++(twin(v) ? with : without);
    }
    return with > 0 && with >= without;
  }

  Result<void> elementwise(Node* node) {
    const Value* out = node->output();
    if (!is_image(out) || !pays(node, out->rank())) return {};
    for (const Value* v : node->inputs)
      if (v && v->rank() != out->rank() && !(v->shape && is_known(*v->shape) && (v->is_constant() || element_count(*v->shape) == 1))) return {};
    std::vector<Value*> inputs;
    for (Value* v : node->inputs) {
      inputs.push_back(nullptr);
      if (!v) continue;
      TRY(inputs.back(), operand(v, out->rank(), node));
    }
    return replace(node, std::move(inputs), node->attrs());
  }

  Result<void> along_axis(Node* node) {
    const Value *x = node->input(0), *out = node->output();
    if (!is_image(x) || !is_image(out) || x->rank() != out->rank() || !pays(node, x->rank())) return {};
    for (size_t i = 1; i < node->inputs.size(); ++i)  // further images, or blocks of scales
      if (!node->is("Concat") && node->inputs[i] && node->inputs[i]->rank() > 1) return {};
    AttrList attrs = node->attrs();
    int64_t axis = node->attr_int("axis");
    if (axis < 0) axis += x->rank();
    set(attrs, "axis", inverse(to_last(x->rank()))[static_cast<size_t>(axis)]);
    std::vector<Value*> inputs = node->inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i] || (i > 0 && !node->is("Concat"))) continue;
      TRY(inputs[i], last(inputs[i], node));
    }
    return replace(node, std::move(inputs), std::move(attrs));
  }

  Result<void> over_axes(Node* node) {
    const Value *x = node->input(0), *axes = node->input(1);
    if (!is_image(x) || !twin(x) || (axes && !axes->is_constant())) return {};
    const int rank = x->rank();
    const Perm back = inverse(to_last(rank));
    std::vector<Value*> inputs = {twin(x)};
    std::vector<bool> gone(static_cast<size_t>(rank), !axes);
    if (axes) {
      std::vector<int64_t> moved;
      for (int64_t a : axes->constant->integers()) {
        if (a < 0) a += rank;
        gone[static_cast<size_t>(a)] = true;
        moved.push_back(back[static_cast<size_t>(a)]);
      }
      if (moved.empty()) return {};
      std::sort(moved.begin(), moved.end());
      inputs.push_back(graph_.add_constant(axes->name + ".last", Tensor::vector_of(moved)));
    }
    for (size_t i = 2; i < node->inputs.size(); ++i) inputs.push_back(node->inputs[i]);
    if (node->has_attr("keepdims") && node->attr_int("keepdims")) return replace(node, std::move(inputs), node->attrs());
    // without the reduced axes both orders are the same where the others keep theirs: [N,C]
    Perm left;
    for (const int64_t a : to_last(rank))
      if (!gone[static_cast<size_t>(a)]) left.push_back(a);
    if (!std::is_sorted(left.begin(), left.end())) return {};
    graph_.set_input(node, 0, inputs[0]);
    if (axes) graph_.set_input(node, 1, inputs[1]);
    return {};
  }

  // Composes with the new order; an exporter's own Transpose to channels-last vanishes.
  Result<void> transpose(Node* node) {
    Value* x = node->input(0);
    if (!is_image(x) || !twin(x)) return {};
    Perm perm = node->attr_ints("perm");
    if (perm.empty())
      for (int i = x->rank(); i-- > 0;) perm.push_back(i);
    const Perm back = inverse(to_last(x->rank()));
    for (int64_t& p : perm) p = back[static_cast<size_t>(p)];
    graph_.set_input(node, 0, twin(x));
    return node->set_attr("perm", perm);
  }

  // Pad, Slice, Tile, Expand: constant lists with an entry per axis, or an axes list.
  Result<void> per_axis(Node* node) {
    Value* x = node->input(0);
    if (!is_image(x) || !twin(x) || !node->output() || node->output()->rank() != x->rank()) return {};
    const int rank = x->rank();
    const size_t axes_at = node->is("Slice") || node->is("Pad") ? 3 : 99;
    std::vector<Value*> inputs = node->inputs;
    inputs[0] = twin(x);
    if (Value* axes = node->input(axes_at)) {
      if (!axes->is_constant()) return {};
      std::vector<int64_t> moved;
      for (int64_t a : axes->constant->integers()) moved.push_back(inverse(to_last(rank))[static_cast<size_t>(a < 0 ? a + rank : a)]);
      inputs[axes_at] = graph_.add_constant(axes->name + ".last", Tensor::vector_of(moved));
    } else if (node->is("Slice")) {  // the first axes, implicitly
      const Value* starts = node->input(1);
      if (!starts->is_constant()) return {};
      std::vector<int64_t> moved;
      for (int64_t a = 0; a < starts->constant->count(); ++a) moved.push_back(inverse(to_last(rank))[static_cast<size_t>(a)]);
      inputs.resize(std::max<size_t>(inputs.size(), 4), nullptr);
      inputs[3] = graph_.add_constant(starts->name + ".axes", Tensor::vector_of(moved));
    } else {
      if (!inputs[1]->is_constant()) return {};
      inputs[1] = permuted_list(inputs[1], rank);
      if (!inputs[1]) return {};
    }
    return replace(node, std::move(inputs), node->attrs());
  }

  // ---- the end ----

  // Whoever still reads an old value gets it made from its twin; what nobody reads goes.
  void finish() {
    const auto nodes = graph_.nodes();
    std::vector<std::pair<Value*, Value*>> pairs;
    for (Node* node : nodes)
      for (Value* v : node->outputs)
        if (v && twin(v) && twin(v)->producer && !is_border(v, twin(v))) pairs.emplace_back(v, twin(v));
    for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
      Node* node = *it;
      bool all_twins = !node->outputs.empty(), unused = true;
      for (Value* v : node->outputs) {
        if (!v) continue;
        all_twins = all_twins && twin(v) && !is_border(v, twin(v));
        unused = unused && v->uses().empty() && !v->is_output();
      }
      if (!all_twins) continue;
      if (!unused) make_first(node);
      std::vector<std::pair<std::string, Value*>> renames;
      for (Value* v : node->outputs)
        if (v && v->uses().empty() && !v->is_output()) renames.emplace_back(v->name, twin(v));
      graph_.erase(node);
      for (const auto& [name, v] : renames)
        if (!graph_.find(name)) graph_.rename(v, name);
    }
    int left = 0;
    for (Node* node : graph_.nodes()) left += node->is("Transpose");
    ctx_.note(formatted("{} Transpose{} left", left, left == 1 ? " is" : "s are"));
  }

  // The twin was made out of the value itself by a Transpose.
  static bool is_border(const Value* v, const Value* t) {
    return t->producer && !t->producer->inputs.empty() && t->producer->inputs[0] == v;
  }

  void make_first(Node* node) {
    for (Value* v : node->outputs) {
      if (!v || (v->uses().empty() && !v->is_output())) continue;
      const std::string name = v->name;
      auto made = reorder(twin(v), inverse(to_last(v->rank())), node, name + ".first");
      if (!made.ok()) continue;
      (*made)->shape = v->shape;
      if (v->is_output()) {
        graph_.take_over_output(v, *made);
      }
      graph_.replace_uses(v, *made);
    }
  }

  Graph& graph_;
  PassContext& ctx_;
  std::map<const Value*, Value*> twins_;
  std::map<const Value*, Value*> weights_;
};

// Where the scales of a transposed convolution's weight go; nothing where no axis holds them any more.
std::shared_ptr<const Quant> deconvolution_quant(const Value& w, int64_t group) {
  if (!w.quant || w.quant->axis < 0) return w.quant;
  auto q = std::make_shared<Quant>(*w.quant);
  if (q->axis == 1) {  // [O/g], the same for each group
    q->axis = 0;
    for (int64_t g = 1; g < group; ++g) {
      q->scale.insert(q->scale.end(), w.quant->scale.begin(), w.quant->scale.end());
      q->zero.insert(q->zero.end(), w.quant->zero.begin(), w.quant->zero.end());
    }
    return q;
  }
  if (q->axis == 0 && group > 1) return nullptr;
  q->axis = q->axis == 0 ? w.rank() - 1 : q->axis - 1;
  return q;
}

// [I,O,k...] with groups -> [O_all,k...,I/g]: output channels first, as Conv has them.
Result<Value*> Layouter::deconvolution_weight(Node* node, Value* w) {
  const int64_t group = node->attr_int("group");
  if (!w->is_constant()) return Error{Code::unsupported, formatted("node {}: a ConvTranspose needs a constant weight", node->name)};
  const Shape& s = w->constant->shape();  // [I, O/g, k...]
  Shape split = {group, s[0] / group, s[1]};
  split.insert(split.end(), s.begin() + 2, s.end());
  Perm perm = {0, 2};  // g, O/g, k..., I/g
  for (size_t i = 3; i < split.size(); ++i) perm.push_back(static_cast<int64_t>(i));
  perm.push_back(1);
  const Tensor moved = permuted(w->constant->reshaped(split), perm);
  Shape shape = {s[1] * group};
  shape.insert(shape.end(), s.begin() + 2, s.end());
  shape.push_back(s[0] / group);
  return weights_[w] = graph_.add_constant(w->name + ".last", moved.reshaped(shape), deconvolution_quant(*w, group));
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) { return Layouter(graph, ctx).run(); }

}  // namespace

extern constinit const Pass to_channels_last = make_pass<NoOptions, describe_nothing, run>(
    "Gives images the order of axes that the kernels work on, channels last.", Effect::exact);

}  // namespace bantam
