// SPDX-License-Identifier: Apache-2.0
// Makes the annotations of `quantize` real: values become i8, weights are encoded, biases become i32 in
// units of the product's scale, and the kernels of the marked nodes become the integer ones.
//
//   %y q(i8) = Conv(%x q(i8), %w q(i8), %b) integer   =>   %y : i8 = Conv(%x.q : i8, %w.q : i8, %b.q : i32)
//
// Where a float node meets an integer one, Quantize or Dequantize stands between. Inputs and outputs of the
// model keep their type. A sum that could leave int32 is refused before it is computed: the channel's scale
// is doubled until it fits. Behind a 16-bit input the two halves of a sum have to fit, and the bias is i64.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/format.h"
#include "base/text.h"
#include "ir/infer.h"
#include "pass/pass.h"
#include "quant/weights.h"

namespace bantam {
namespace {

bool is_annotated(const Value* v) { return v && v->quant && v->dtype == BT_F32; }

// The node reads this operand as integers (a bias or the shape of a Reshape is none).
bool reads_quantized(const Node& n, int index) {
  if (!n.integer || !is_annotated(n.inputs[static_cast<size_t>(index)])) return false;
  const bool all = n.op->quant == BT_QUANT_ARITH || n.op->quant == BT_QUANT_JOIN;
  return all || index == 0 || (n.op->quant == BT_QUANT_MACS && index == 1);
}

class Lowerer {
 public:
  explicit Lowerer(Graph& graph) : graph_(graph) {}

  Result<bool> run() {
    std::vector<Node*> integer;
    for (Node* n : graph_.nodes())
      if (n->integer) integer.push_back(n);
    if (integer.empty()) return false;
    for (Value* v : graph_.values())
      if (is_annotated(v) && !v->is_constant()) TRY(convert(v));
    for (Node* n : integer) TRY(encode_constants(*n));
    for (Node* n : integer) n->integer = false;
    TRY(infer_graph(graph_));
    return true;
  }

 private:
  // Splits a value's readers into those of integers and those of floats, with a conversion between.
  Result<void> convert(Value* v) {
    std::vector<Use> of_floats, of_integers;
    for (const Use& u : v->uses()) (reads_quantized(*u.node, u.index) ? of_integers : of_floats).push_back(u);
    Node* behind = v->producer ? graph_.next(v->producer) : graph_.first();
    if (v->producer && v->producer->integer) {
      v->dtype = v->quant->storage;
      if (of_floats.empty() && !v->is_output()) return {};
      TRY(Node* n, graph_.insert_before(behind, "Dequantize", v->name, {v}, {}, {v->name + ".real"}));
      for (const Use& u : of_floats) graph_.set_input(u.node, u.index, n->output());
      if (v->is_output()) graph_.take_over_output(v, n->output());
      return {};
    }
    const auto quant = v->quant;
    v->quant.reset();
    if (of_integers.empty()) return {};
    TRY(Node* n, graph_.insert_before(behind, "Quantize", v->name, {v}, {}, {v->name + ".quantized"}));
    n->output()->dtype = quant->storage;
    n->output()->quant = quant;
    n->output()->range = v->range;
    for (const Use& u : of_integers) graph_.set_input(u.node, u.index, n->output());
    return {};
  }

  Result<void> encode_constants(Node& n) {
    if (n.op->quant == BT_QUANT_MACS) return encode_product(n);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      Value* v = n.inputs[i];
      if (v && v->is_constant() && reads_quantized(n, static_cast<int>(i)))
        graph_.set_input(&n, static_cast<int>(i), encoded(v, v->quant));
    }
    return {};
  }

  Value* encoded(Value* v, const std::shared_ptr<const Quant>& quant) {
    auto& twin = encoded_[{v, quant.get()}];
    if (!twin) {
      twin = graph_.add_constant(v->name, encode(*v->constant, *quant), quant);
      kept_.push_back(quant);
    }
    return twin;
  }

  // Sums of the absolute codes of each channel. Steps of a recurrent cell that is written out share their weights,
  // so what was counted last for a weight is kept.
  const std::vector<int64_t>& magnitudes(const Value& w, const Quant& q, const Quant& by_channel) {
    Counted& counted = counted_[&w];
    if (counted.sums.empty() || counted.axis != by_channel.axis || counted.quant != q) {
      const Tensor codes = encode(*w.constant, q);
      const auto code = codes.as<int8_t>();
      const ChannelIndex channel(*w.shape, by_channel);
      counted = {q, by_channel.axis, std::vector<int64_t>(by_channel.scale.size())};
      for (size_t i = 0; i < code.size(); ++i) counted.sums[channel(static_cast<int64_t>(i))] += std::abs(code[i]);
    }
    return counted.sums;
  }

  Result<void> encode_product(Node& n) {
    const Value *x = n.inputs[0], *b = n.input(2);
    Value* w = n.inputs[1];
    if (!w->quant || !x->quant)
      return Error{Code::internal, formatted("node {} is marked integer, but its {} has no scale", quote(n.name), w->quant ? "input" : "weight")};
    const auto axis = static_cast<size_t>(weight_axis(n));
    const Shape& shape = *w->shape;
    Quant q = *w->quant;
    Quant by_channel = q;  // for the sums, even where there is one scale for all
    by_channel.axis = static_cast<int>(axis);
    by_channel.scale.resize(static_cast<size_t>(shape[axis]), q.scale[0]);
    const float x_scale = x->quant->scale[0];
    const bool wide = x->quant->storage == BT_I16;
    std::vector<int64_t> bias(by_channel.scale.size());
    for (bool again = true; again;) {
      again = false;
      const std::vector<int64_t>& sums = magnitudes(*w, q, by_channel);
      for (size_t c = 0; c < sums.size(); ++c) {
        float& scale = q.scale[q.scale.size() == 1 ? 0 : c];
        const double unit = static_cast<double>(x_scale * scale);
        const double exact = b ? b->constant->number(static_cast<int64_t>(c)) / unit : 0;
        // 255: the largest distance of an input, or of a half of a 16-bit one, from its zero point;
        // sums beside 16-bit inputs are finished in doubles, which are exact up to 2^53
        const double most = static_cast<double>(sums[c]) * 255;
        const bool fits = wide ? most < 2147483000.0 && std::fabs(exact) < 0x1p51 : std::fabs(exact) + most < 2147483000.0;
        if (!fits) {
          scale *= 2;
          again = true;
          break;
        }
        bias[c] = static_cast<int64_t>(std::nearbyint(exact));
      }
    }
    const auto quant = q == *w->quant ? w->quant : std::make_shared<const Quant>(q);
    graph_.set_input(&n, 1, encoded(w, quant));
    if (b) graph_.set_input(&n, 2, bias_constant(*b, bias, q, x_scale, wide));
    return {};
  }

  Value* bias_constant(const Value& b, const std::vector<int64_t>& bias, const Quant& weight, float x_scale, bool wide) {
    auto quant = std::make_shared<Quant>();
    quant->storage = wide ? BT_I64 : BT_I32;
    quant->bits = bt_dtype_bits(quant->storage);
    quant->axis = b.rank() > 0 && weight.scale.size() > 1 ? b.rank() - 1 : -1;
    for (const float s : weight.scale) quant->scale.push_back(x_scale * s);
    const Shape shape{static_cast<int64_t>(bias.size())};
    if (wide) return graph_.add_constant(b.name, Tensor(BT_I64, shape, Bytes::copy_of(bias.data(), bias.size() * 8)), quant);
    const std::vector<int32_t> values(bias.begin(), bias.end());
    return graph_.add_constant(b.name, Tensor(BT_I32, shape, Bytes::copy_of(values.data(), values.size() * 4)), quant);
  }

  struct Counted {
    Quant quant;
    int axis = -1;  // of the channels: what one product reads by rows another may read by columns
    std::vector<int64_t> sums;
  };

  Graph& graph_;
  std::map<const Value*, Counted> counted_;  // weights stay in the graph until all nodes are done
  std::map<std::pair<const Value*, const Quant*>, Value*> encoded_;
  std::vector<std::shared_ptr<const Quant>> kept_;  // so that no address is used twice
};

Result<bool> run(Graph& graph, const NoOptions&, PassContext&) { return Lowerer(graph).run(); }

}  // namespace

extern constinit const Pass lower_to_integer = make_pass<NoOptions, describe_nothing, run>(
    "Turns annotations into integer values and kernels.", Effect::lossy, false);

}  // namespace bantam
