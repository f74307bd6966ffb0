// SPDX-License-Identifier: Apache-2.0
#include "report/align_borders.h"

#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "ir/infer.h"
#include "ir/permute.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

bool fits(const Shape& a, const Shape& b) {
  bool same = a.size() == b.size();
  for (size_t d = 0; same && d < a.size(); ++d) same = !bt_clash(a[d], b[d]);
  return same;
}

Shape permuted_lengths(const Shape& shape, const Perm& perm) {
  Shape moved;
  for (const int64_t axis : perm) moved.push_back(shape[static_cast<size_t>(axis)]);
  return moved;
}

constexpr int kSteps = 64;  // nodes that are asked

// The same axes in front of it and behind; scales of QDQ pairs may run along one of them.
bool keeps_axes(const Node& n) {
  return n.op->layout == BT_LAYOUT_ELEMENTWISE || n.op->layout == BT_LAYOUT_PADS ||
         n.is("QuantizeLinear") || n.is("DequantizeLinear");
}

// Of the image operators near a value: "first", "last", or "" where there are none.
std::string order_of(const Value* v, bool forward) {
  std::vector<const Value*> todo = {v};
  std::set<const Node*> seen;
  for (size_t i = 0; i < todo.size() && seen.size() < kSteps; ++i) {
    std::vector<const Node*> near;
    if (forward)
      for (const Use& u : todo[i]->uses()) near.push_back(u.node);
    else if (todo[i]->producer)
      near.push_back(todo[i]->producer);
    for (const Node* n : near) {
      if (!seen.insert(n).second) continue;
      if (n->is("Transpose")) {
        const Perm perm = n->attr_ints("perm"), to_last = channels_to_last(v->rank()), to_first = channels_to_first(v->rank());
        if (perm == (forward ? to_last : to_first)) return "first";
        if (perm == (forward ? to_first : to_last)) return "last";
      }
      if (n->op->layout == BT_LAYOUT_SPATIAL) return n->attr_word("layout");
      if (!keeps_axes(*n)) continue;
      for (const Value* next : forward ? n->outputs : n->inputs)
        if (next && next->rank() == v->rank()) todo.push_back(next);
    }
  }
  return "";
}

// The picture is channels-last here and channels-first there.
bool is_moved(const Value& here, const Value& there, bool forward) {
  if (!here.shape || !there.shape || here.rank() < 3 || here.rank() != there.rank()) return false;
  if (!fits(permuted_lengths(*there.shape, channels_to_last(there.rank())), *here.shape))
    return false;
  return !fits(*here.shape, *there.shape) ||
         (order_of(&here, forward) == "last" && order_of(&there, forward) == "first");
}

class Aligner {
 public:
  Aligner(Graph& graph, const Graph& reference) : graph_(graph), reference_(reference) {}

  Result<std::vector<std::string>> run() {
    rename(graph_.inputs(), reference_.inputs(), "input");
    rename(graph_.outputs(), reference_.outputs(), "output");
    for (const Value* r : reference_.inputs())
      if (Value* v = graph_.find(r->name); v && v->is_input()) TRY(input(v, *r));
    for (const Value* r : reference_.outputs())
      if (Value* v = graph_.find(r->name); v && v->is_output()) TRY(output(v, *r));
    if (changed_) TRY(infer_graph(graph_));
    return notes_;
  }

 private:
  // By place, where no name of the reference is there.
  void rename(std::vector<Value*> here, const std::vector<Value*>& there, const char* side) {
    const auto has = [](const std::vector<Value*>& list, const std::string& name) {
      return std::any_of(list.begin(), list.end(), [&](const Value* v) { return v->name == name; });
    };
    if (here.size() != there.size()) return;
    for (const Value* r : there)
      if (has(here, r->name)) return;
    for (size_t i = 0; i < here.size(); ++i) {
      notes_.push_back(
          formatted("{} {} is taken for {}", side, quote(here[i]->name), quote(there[i]->name)));
      if (Value* other = graph_.find(there[i]->name))
        graph_.rename(other, graph_.unique_name(there[i]->name));
      graph_.rename(here[i], there[i]->name);
    }
  }

  Result<Value*> node(Node* where, const char* op, Value* x, AttrList attrs = {}) {
    const std::string name = graph_.unique_name(x->name + ".aligned");
    TRY(Node* n, graph_.insert_before(where, op, x->name, {x}, std::move(attrs), {name}));
    if (n->is("Transpose")) n->output()->quant = x->quant;
    return n->output();
  }

  // Integers whose scale a node beside them knows: the DequantizeLinear that alone reads an input, the
  // QuantizeLinear that makes an output.
  static const Node* grid_of(const Value* v, const Value& r, const char* op) {
    if (v->quant || bt_is_float(v->dtype) || r.dtype != BT_F32) return nullptr;
    const Node* n = v->is_input() && v->uses().size() == 1 ? v->uses()[0].node : v->producer;
    return n && n->is(op) && n->input(2) ? n : nullptr;
  }

  Result<Value*> with_grid(Node* where, const char* op, Value* x, const Node& grid) {
    const std::string name = graph_.unique_name(x->name + ".aligned");
    TRY(Node* n, graph_.insert_before(where, op, x->name, {x, grid.inputs[1], grid.inputs[2]}, {}, {name}));
    return n->output();
  }

  Result<void> input(Value* v, const Value& r) {
    const Node* grid = grid_of(v, r, "DequantizeLinear");
    const bool moved = is_moved(*v, r, true), real = (v->quant || grid) && r.dtype == BT_F32,
               wide = v->dtype == BT_I32 && r.dtype == BT_I64;
    if (!moved && !real && !wide) return {};
    const std::string name = v->name;
    graph_.rename(v, graph_.unique_name(name + ".inner"));
    const Shape shape =
        moved ? permuted_lengths(*v->shape, channels_to_first(v->rank())) : *v->shape;
    Value* x = graph_.add_input(name, real ? BT_F32 : wide ? BT_I64 : v->dtype, shape);
    if (!real) x->quant = v->quant;
    Node* where = graph_.first();
    if (moved) {
      TRY(x, node(where, "Transpose", x, {{"perm", channels_to_last(v->rank())}}));
    }
    if (wide) {
      TRY(x, node(where, "Cast", x, {{"to", int64_t{BT_I32}}}));
    }
    if (grid) {
      TRY(x, with_grid(where, "QuantizeLinear", x, *grid));
    } else if (real) {
      TRY(x, node(where, "Quantize", x));
      x->dtype = v->dtype;
      x->quant = v->quant;
    }
    graph_.replace_uses(v, x);
    for (size_t i = 0; i < graph_.inputs().size(); ++i)
      if (graph_.inputs()[i] == v) {
        graph_.remove_input(i);
        break;
      }
    return told("input", name, moved, real ? v->dtype : BT_F32);
  }

  Result<void> output(Value* v, const Value& r) {
    const Node* grid = grid_of(v, r, "QuantizeLinear");
    const bool moved = is_moved(*v, r, false),
               real = grid || (v->quant && v->dtype == BT_I8 && r.dtype == BT_F32),
               wide = v->dtype == BT_I32 && r.dtype == BT_I64;
    if (!moved && !real && !wide) return {};
    const std::string name = v->name;
    Value* y = v;
    if (grid) {
      TRY(y, with_grid(nullptr, "DequantizeLinear", y, *grid));
    } else if (real) {
      TRY(y, node(nullptr, "Dequantize", y));
    }
    if (wide) {
      TRY(y, node(nullptr, "Cast", y, {{"to", int64_t{BT_I64}}}));
    }
    if (moved) {
      TRY(y, node(nullptr, "Transpose", y, {{"perm", channels_to_first(v->rank())}}));
    }
    graph_.take_over_output(v, y);
    return told("output", name, moved, real ? v->dtype : BT_F32);
  }

  Result<void> told(const char* side, const std::string& name, bool moved, DType stored) {
    changed_ = true;
    if (moved)
      notes_.push_back(formatted("{} {} is channels-last in the model", side, quote(name)));
    const char* type = stored == BT_U8 ? "uint8" : stored == BT_I16 ? "int16" : "int8";
    if (stored != BT_F32) notes_.push_back(formatted("{} {} is {} in the model", side, quote(name), type));
    return {};
  }

  Graph& graph_;
  const Graph& reference_;
  std::vector<std::string> notes_;
  bool changed_ = false;
};

}  // namespace

Result<std::vector<std::string>> align_borders(Graph& graph, const Graph& reference) {
  return Aligner(graph, reference).run();
}

}  // namespace bantam
