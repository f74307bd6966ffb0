// SPDX-License-Identifier: Apache-2.0
// Gives the model's inputs and outputs the form that its inside has: channels last, or integers. It comes last in
// a recipe; `convert --io-layout last` and `--io int8` append it.
//
//   in %x : f32[1,3,8,8]                              in %x : i8[1,8,8,3] q(scale=0.5, zero=3)
//   %x.last = Transpose(%x) {perm=[0, 2, 3, 1]}   =>
//   %q = Quantize(%x.last)
//
// An input follows where a Transpose to channels last (or a Quantize) is what reads it; an output where it
// comes out of a Transpose to channels first (or a Dequantize). Others stay as they are, with a note: a
// border whose axes nobody has identified is not permuted. The inside computes the same numbers.
#include "base/format.h"
#include "ir/infer.h"
#include "pass/pass.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

struct Options {
  std::string layout = "keep", type = "keep";
};

void describe(OptionList& list, Options& o) {
  list.word("layout", &o.layout, "keep|last", "order of the axes of pictures");
  list.word("type", &o.type, "keep|int8", "element type of borders that are quantized inside");
}

// Batch, channels, height, width. With one axis less the moves to the front and to the back are the same, and a
// model that turns its own rows would be taken for one that we turned.
constexpr int kPicture = 4;

// perm of a Transpose that moves the channels of an image to the end, or back.
bool is_to_last(const std::vector<int64_t>& perm) {
  const auto rank = static_cast<int64_t>(perm.size());
  if (rank < kPicture || perm[0] != 0 || perm.back() != 1) return false;
  for (int64_t i = 1; i + 1 < rank; ++i)
    if (perm[static_cast<size_t>(i)] != i + 1) return false;
  return true;
}
bool is_to_first(const std::vector<int64_t>& perm) {
  const auto rank = static_cast<int64_t>(perm.size());
  if (rank < kPicture || perm[0] != 0 || perm[1] != rank - 1) return false;
  for (int64_t i = 2; i < rank; ++i)
    if (perm[static_cast<size_t>(i)] != i - 1) return false;
  return true;
}

// With one channel, to-channels-last writes the move of an axis of length 1 as a Reshape, whose first length may have lost
// its name: the others tell that it is the same.
bool is_one_channel(const Value& first, const Value& last) {
  if (!first.shape || !last.shape || first.rank() < kPicture || first.rank() != last.rank()) return false;
  if ((*first.shape)[1] != 1 || last.shape->back() != 1 || bt_clash((*first.shape)[0], (*last.shape)[0])) return false;
  for (size_t i = 2; i < first.shape->size(); ++i)
    if ((*first.shape)[i] != (*last.shape)[i - 1]) return false;
  return true;
}

bool moves_to_last(const Node& n) {
  return n.is("Transpose") ? is_to_last(n.attr_ints("perm")) : n.is("Reshape") && is_one_channel(*n.inputs[0], *n.outputs[0]);
}
bool moves_to_first(const Node& n) {
  return n.is("Transpose") ? is_to_first(n.attr_ints("perm")) : n.is("Reshape") && is_one_channel(*n.outputs[0], *n.inputs[0]);
}

class Borders {
 public:
  Borders(Graph& graph, PassContext& ctx) : graph_(graph), ctx_(ctx) {}

  bool layout_last() {
    bool changed = false;
    for (Value* v : graph_.inputs()) changed |= input_last(v);
    for (Value* v : std::vector<Value*>(graph_.outputs())) changed |= output_last(v);
    return changed;
  }

  bool type_int8() {
    bool changed = false;
    for (Value* v : graph_.inputs()) changed |= input_int8(v);
    for (Value* v : std::vector<Value*>(graph_.outputs())) changed |= output_int8(v);
    return changed;
  }

 private:
  // The only reader of a value that is no output; null where there is none or more.
  static Node* only_reader(const Value* v) { return v->uses().size() == 1 && !v->is_output() ? v->uses()[0].node : nullptr; }

  // The move may stand behind the Quantize.
  bool input_last(Value* v) {
    std::vector<Value*> path = {v};
    Node* n = only_reader(v);
    if (n && n->is("Quantize")) {
      path.push_back(n->outputs[0]);
      n = only_reader(path.back());
    }
    if (!n || v->rank() < 3 || !moves_to_last(*n)) {
      if (v->rank() >= 3) ctx_.note(formatted("input {} keeps its layout: no single move to channels last reads it", v->name));
      return false;
    }
    Value* last = n->outputs[0];
    Shape moved = *last->shape;
    if (moved[0] < 0) moved[0] = (*v->shape)[0];
    for (Value* step : path) step->shape = moved;
    graph_.replace_uses(last, path.back());
    graph_.erase(n);
    ctx_.note(formatted("input {} is channels-last: {}", v->name, shape_text(*v->shape)));
    return true;
  }

  // The move may stand before the Dequantize.
  bool output_last(Value* v) {
    Node* n = v->producer;
    Node* behind = nullptr;
    if (n && n->is("Dequantize") && only_reader(n->inputs[0])) {
      behind = n;
      n = n->inputs[0]->producer;
    }
    if (!n || v->rank() < 3 || !v->uses().empty() || !moves_to_first(*n)) {
      if (v->rank() >= 3) ctx_.note(formatted("output {} keeps its layout: no move from channels last makes it", v->name));
      return false;
    }
    Value* last = n->inputs[0];
    const std::string name = v->name;
    if (behind) {
      graph_.set_input(behind, 0, last);
    } else {
      if (last->is_input() || last->is_constant() || last->is_output()) return false;
      graph_.take_over_output(v, last);
    }
    graph_.erase(n);
    ctx_.note(formatted("output {} is channels-last: {}", name, shape_text(*last->shape)));
    return true;
  }

  static bool only_moves(const Node& n) { return n.is("Transpose") || n.is("Reshape"); }

  // %x -> moves -> Quantize: the moves work on integers from now on.
  bool input_int8(Value* v) {
    std::vector<Value*> path = {v};
    Node* n = only_reader(v);
    for (; n && only_moves(*n); n = only_reader(path.back())) path.push_back(n->outputs[0]);
    if (!n || !n->is("Quantize")) {
      if (v->dtype == BT_F32) ctx_.note(formatted("input {} stays float: it is not only read as integers", v->name));
      return false;
    }
    Value* q = n->outputs[0];
    for (Value* step : path) {
      step->dtype = q->dtype;
      step->quant = q->quant;
      step->range = q->range;
    }
    graph_.replace_uses(q, path.back());
    graph_.erase(n);
    return true;
  }

  // Dequantize -> moves -> %y: the moves work on integers from now on.
  bool output_int8(Value* v) {
    std::vector<Node*> moves;
    Node* n = v->producer;
    for (const Value* at = v; n && only_moves(*n) && at->uses().size() == (at == v ? 0u : 1u); n = at->producer) {
      moves.push_back(n);
      at = n->inputs[0];
    }
    if (!n || !n->is("Dequantize") || n->outputs[0]->uses().size() > (moves.empty() ? 0u : 1u)) {
      if (v->dtype == BT_F32) ctx_.note(formatted("output {} stays float: it is computed in float", v->name));
      return false;
    }
    Value* q = n->inputs[0];
    if (q->is_input() || q->is_output()) return false;
    if (moves.empty()) graph_.take_over_output(v, q);
    else graph_.set_input(moves.back(), 0, q);
    for (Node* move : moves) {
      move->outputs[0]->dtype = q->dtype;
      move->outputs[0]->quant = q->quant;
    }
    graph_.erase(n);
    return true;
  }

  Graph& graph_;
  PassContext& ctx_;
};

Result<bool> run(Graph& graph, const Options& o, PassContext& ctx) {
  Borders borders(graph, ctx);
  bool changed = false;
  if (o.type == "int8") changed |= borders.type_int8();
  if (o.layout == "last") changed |= borders.layout_last();
  if (changed) TRY(infer_graph(graph));
  return changed;
}

}  // namespace

extern constinit const Pass set_borders = make_pass<Options, describe, run>(
    "Gives inputs and outputs the layout and type that the inside has.", Effect::annotation, false);

}  // namespace bantam
