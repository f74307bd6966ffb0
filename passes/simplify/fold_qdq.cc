// SPDX-License-Identifier: Apache-2.0
// Makes a model that was quantized elsewhere run on integer kernels, with the scales that it has.
//
//   %r = DequantizeLinear(%q, ...)
//   %y = Conv(%r, %w)                =>   %y q(i8, ...) = Conv(%x, %w) integer
//   %z = QuantizeLinear(%y, ...)           with %x q(i8, ...), %w q(i8, ...)
//
// Annotates only, as `quantize` does; `lower-to-integer` acts on it. A node is computed in integers
// where all its operands come out of DequantizeLinear (weights: see fold-dequantize) and its result
// goes into QuantizeLinear alone; the sum of a product may leave as float. Everything else stays as
// it is, and so do the pairs around it. u8 becomes i8: integers and zero points are shifted by 128.
// i16 stays, where its zero point is 0.
//
// The integers are those of the source model up to the rule of rounding (docs/numerics.md): a value
// on the border between two may become the other one.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/format.h"
#include "ir/match.h"
#include "pass/pass.h"
#include "quant/weights.h"

namespace bantam {
namespace {

using QuantPtr = std::shared_ptr<const Quant>;

// The scale and zero point of a node that quantizes a whole tensor to 8 or 16 bits, or back.
QuantPtr quant_of(const Node& n, DType integers) {
  const auto scale = number_of(n.input(1));
  const Value* zero = n.input(2);
  const bool wide = integers == BT_I16;
  if (integers != BT_I8 && integers != BT_U8 && !wide) return nullptr;
  if (!scale || n.inputs[1]->dtype != BT_F32 || !(*scale > 0) || !std::isfinite(*scale))
    return nullptr;
  if (zero && !number_of(zero)) return nullptr;
  Quant q;
  q.scale = {static_cast<float>(*scale)};
  const auto z = static_cast<int32_t>(zero ? zero->constant->integer(0) : 0);
  q.zero = {integers == BT_U8 ? z - 128 : z};
  if (wide && z != 0) return nullptr;
  if (wide) q.storage = BT_I16, q.bits = 16;
  return std::make_shared<const Quant>(std::move(q));
}

bool is_wide(const Quant& q) { return q.storage == BT_I16; }

// How the integers behind a value are scaled, where DequantizeLinear makes it; null otherwise.
QuantPtr dequantized(const Value* v) {
  const Node* n = made_by(v, "DequantizeLinear");
  return n && v->dtype == BT_F32 ? quant_of(*n, n->inputs[0]->dtype) : nullptr;
}

// The QuantizeLinear that alone reads v.
Node* quantizer_of(const Value* v) {
  Node* n = only_user(v);
  return n && n->is("QuantizeLinear") && n->inputs[0] == v && v->dtype == BT_F32 ? n : nullptr;
}

bool is_plain_product(const Node& n) {
  if (n.input(2) && !n.input(2)->is_constant()) return false;
  if (n.is("ConvTranspose")) return n.attr_int("group") == 1;
  if (!n.is("Gemm")) return true;
  const int64_t outputs = (*n.inputs[1]->shape)[n.attr_int("transB") ? 0 : 1];
  const Value* c = n.input(2);
  return n.attr_float("alpha") == 1.0f && n.attr_float("beta") == 1.0f && !n.attr_int("transA") &&
         (!c || (c->constant->count() == outputs && c->shape->back() == outputs));
}

class Folder {
 public:
  Folder(Graph& graph, PassContext& ctx) : graph_(graph), ctx_(ctx) {}

  Result<bool> run() {
    for (Node* node : graph_.nodes())
      if (!node->integer && ctx_.selected(*node) && may_be_integer(*node)) chosen_.push_back(node);
    for (Node* node : chosen_) annotate(*node);
    for (Node* node : chosen_) TRY(connect(*node));
    for (Node* node : chosen_) skip_pairs_behind(*node);
    if (!chosen_.empty())
      ctx_.note(formatted("{} nodes run on the integers that the model brings", chosen_.size()));
    return !chosen_.empty();
  }

 private:
  bool may_be_integer(const Node& n) const {
    const Value* y = n.output();
    if (n.outputs.size() != 1 || !y || y->dtype != BT_F32 || y->quant) return false;
    const Node* quantizer = quantizer_of(y);
    const QuantPtr out = quantizer ? quant_of(*quantizer, quantizer->output()->dtype) : nullptr;
    const QuantPtr in = dequantized(n.input(0));
    switch (n.op->quant) {
      case BT_QUANT_MACS:
        if (n.is("ConvTranspose") && ((in && is_wide(*in)) || (out && is_wide(*out)))) return false;
        return in && is_kernel_weight(n) && is_plain_product(n);
      case BT_QUANT_SAME: return in && out && *in == *out;
      case BT_QUANT_TABLE: return in && out;
      case BT_QUANT_JOIN:
      case BT_QUANT_ARITH:
        for (const Value* v : n.inputs)
          if (v && v->dtype == BT_F32 && !dequantized(v) && !is_stored_operand(v)) return false;
        return out && (!n.is("Softmax") || is_wide(*out) ||
                       (out->scale[0] == 1.0f / 256 && out->zero[0] == -128));
      default: return false;
    }
  }

  // A constant that fold-dequantize left, with one scale.
  static bool is_stored_operand(const Value* v) {
    return v->is_constant() && v->quant && v->quant->axis < 0 && v->quant->bits == 8;
  }

  void annotate(Node& n) {
    n.integer = true;
    if (const Node* quantizer = quantizer_of(n.output()))
      if (QuantPtr q = quant_of(*quantizer, quantizer->output()->dtype)) set_quant(n.output(), q);
  }

  static void set_quant(Value* v, const QuantPtr& q) {
    v->quant = q;
    const auto real = [&](int64_t i) {
      return q->scale[0] * static_cast<float>(i - q->zero_at(0));
    };
    v->range = Range{real(q->lo()), real(q->hi())};
  }

  // The operands of an integer node: past the pair of nodes to the value that was quantized. What
  // an integer node makes are the integers themselves: then nobody needs the pair.
  Result<void> connect(Node& n) {
    const size_t count =
        n.op->quant == BT_QUANT_JOIN || n.op->quant == BT_QUANT_ARITH ? n.inputs.size() : 1;
    for (size_t i = 0; i < count; ++i) {
      Value* real = n.inputs[i];
      const QuantPtr q = real && !real->quant ? dequantized(real) : nullptr;
      if (!q) continue;
      const Node* quantizer = made_by(real->producer->inputs[0], "QuantizeLinear");
      Value* source = quantizer ? quantizer->inputs[0] : nullptr;
      const QuantPtr stored =
          quantizer ? quant_of(*quantizer, quantizer->output()->dtype) : nullptr;
      if (source && stored && *stored == *q && is_stored_operand(source) && *source->quant == *q) {
        read_instead(graph_, real, source);  // a constant of these integers, which folding left in front of a pair
        continue;
      }
      const bool same =
          source && source->dtype == BT_F32 && !source->is_constant() && stored && *stored == *q;
      const bool made = source && source->producer && source->producer->integer;
      if (same && !made && !source->quant) set_quant(source, q);
      if (same && source->quant && *source->quant == *q) {
        const std::vector<Use> uses =
            made ? real->uses() : std::vector<Use>{{&n, static_cast<int>(i)}};
        for (const Use& u : uses) graph_.set_input(u.node, u.index, source);
      } else {
        set_quant(real, q);  // it is quantized again, without loss
      }
    }
    return {};
  }

  // Outputs and float nodes read the result itself: it is rounded already.
  void skip_pairs_behind(const Node& n) {
    Value* y = n.output();
    const std::vector<Use> readers = y->uses();
    for (const Use& u : readers) {
      if (!y->quant || !u.node->is("QuantizeLinear") || u.index != 0) continue;
      const Value* integers = u.node->output();
      const QuantPtr stored = quant_of(*u.node, integers->dtype);
      if (!stored || !(*stored == *y->quant)) continue;
      const std::vector<Use> pairs = integers->uses();
      for (const Use& p : pairs) {
        const QuantPtr read = p.index == 0 ? dequantized(p.node->output()) : nullptr;
        if (read && *read == *y->quant) read_instead(graph_, p.node->output(), y);
      }
    }
  }

  Graph& graph_;
  PassContext& ctx_;
  std::vector<Node*> chosen_;
};

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  return Folder(graph, ctx).run();
}

}  // namespace

extern constinit const Pass fold_qdq = make_pass<NoOptions, describe_nothing, run>(
    "Makes a model that was quantized elsewhere run on integer kernels.", Effect::lossy, false);

}  // namespace bantam
