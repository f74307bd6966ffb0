// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/fit.h"

#include <algorithm>
#include <string_view>

#include "base/format.h"
#include "base/text.h"
#include "formats/tflite/emitter.h"
#include "formats/tflite/window.h"
#include "ir/match.h"

namespace bantam {
namespace {

FitNode fit_of(const Node& n) {
  for (const auto rows :
       {window_fits(), norm_fits(), function_fits(), product_fits(), reduce_fits(), index_fits()})
    for (const FitRow& row : rows)
      if (n.is(row.name)) return row.fit;
  return nullptr;
}

bool touches_integers(const Node& n) {
  for (const Value* v : n.inputs)
    if (is_quantized(v)) return true;
  for (const Value* v : n.outputs)
    if (is_quantized(v)) return true;
  return false;
}

// ---- conversions that the source model brought ----

// The scale and zero point of a QuantizeLinear or DequantizeLinear of whole int8 or int16 tensors.
std::shared_ptr<const Quant> linear_quant(const Node& n, const Value* integers) {
  const auto scale = number_of(n.input(1)), zero = number_of(n.input(2));
  const bool wide = integers->dtype == BT_I16 && zero.value_or(0) == 0;
  const bool plain = (integers->dtype == BT_I8 || wide) && n.inputs[1]->dtype == BT_F32;
  if (!plain || !scale || !(*scale > 0) || (n.input(2) && !zero)) return nullptr;
  Quant q;
  q.scale = {static_cast<float>(*scale)};
  q.zero = {static_cast<int32_t>(zero.value_or(0))};
  if (wide) q.storage = BT_I16, q.bits = 16;
  return std::make_shared<const Quant>(q);
}

// Where nobody has said otherwise, the integers take the scale with which they are made or read.
Result<void> fit_linear(Graph& graph, Node* n) {
  const bool quantizes = n->is("QuantizeLinear");
  Value* integers = quantizes ? n->output() : n->inputs[0];
  const auto quant = linear_quant(*n, integers);
  const Value* reals = quantizes ? n->inputs[0] : n->output();
  if (!quant || reals->dtype != BT_F32 || (integers->quant && !(*integers->quant == *quant)))
    return {};
  if (!quantizes && !integers->is_constant()) integers->quant = quant;
  if (!is_quantized(integers) && !quantizes) return {};
  Speller s(graph, n);
  TRY(s.become(quantizes ? s.add_stored("Quantize", {n->inputs[0]}, {}, quant)
                         : s.add("Dequantize", {n->inputs[0]})));
  return {};
}

// Quantize of a Dequantize with the same scale gives the same integers.
Result<void> fit_round_trip(Graph& graph, Node* n) {
  const Node* back = made_by(n->inputs[0], "Dequantize");
  if (!back || n->output()->is_output() || !back->inputs[0]->quant) return {};
  if (!(*back->inputs[0]->quant == *n->output()->quant)) return {};
  graph.replace_uses(n->output(), back->inputs[0]);
  graph.erase(n);
  return {};
}

// What nobody reads any more.
void drop_unused(Graph& graph) {
  auto nodes = graph.nodes();
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    bool unused = true;
    for (const Value* v : (*it)->outputs)
      unused = unused && (!v || (v->uses().empty() && !v->is_output()));
    if (unused) graph.erase(*it);
  }
}

constexpr int kRounds = 16;  // a spelling may be spelled out further, but not for ever

}  // namespace

Result<void> fit_graph(Graph& graph, Notes& notes) {
  TRY(widen_halves(graph, notes));
  for (Node* n : graph.nodes())
    if (n->is("QuantizeLinear") || n->is("DequantizeLinear")) TRY(fit_linear(graph, n));
  for (Node* n : graph.nodes())
    if (n->is("Quantize")) TRY(fit_round_trip(graph, n));
  drop_unused(graph);
  for (Node* n : graph.nodes()) {
    if (!touches_integers(*n) || n->is("Quantize") || n->is("Dequantize") || has_integer_form(*n))
      continue;
    notes.push_back(formatted(
        "{} {} is computed in float: {}", n->op->name, quote(n->name),
        is_quantized(n->output()) ? "the format has no integer operator that does the same"
                                  : "its result is not rounded to integers (quantize(tail=int8) would)"));
    TRY(compute_in_float(graph, n));
  }
  for (int round = 0; round < kRounds; ++round) {
    bool changed = false;
    for (Node* n : graph.nodes()) {
      const FitNode fit = fit_of(*n);
      if (!fit || !n->output() || !n->output()->shape || !n->inputs[0] || !n->inputs[0]->shape)
        continue;
      TRY(const bool replaced, fit(graph, n));
      changed = changed || replaced;
    }
    if (!changed) break;
  }
  return {};
}

// ---- spelling ----

Value* Speller::add(const char* op, std::vector<Value*> inputs, AttrList attrs) {
  const auto made = add_many(op, std::move(inputs), std::move(attrs), 1);
  return made[0];
}

std::vector<Value*> Speller::add_many(const char* op, std::vector<Value*> inputs, AttrList attrs,
                                      size_t outputs) {
  std::vector<Value*> dummies(outputs, node_->inputs[0]);
  if (error_) return dummies;
  const std::vector<std::string> names(outputs, node_->output()->name + ".part");
  auto made =
      graph_.insert_before(node_, op, node_->name, std::move(inputs), std::move(attrs), names);
  if (made.ok()) return (*made)->outputs;
  error_ = made.error();
  return dummies;
}

Value* Speller::add_stored(const char* op, std::vector<Value*> inputs, AttrList attrs,
                       const std::shared_ptr<const Quant>& quant) {
  Value* v = add(op, std::move(inputs), std::move(attrs));
  if (!error_ && quant) {
    v->dtype = quant->storage;
    v->quant = quant;
  }
  return v;
}

Value* Speller::constant(Tensor data) {
  return graph_.add_constant(node_->output()->name + ".constant", std::move(data));
}
Value* Speller::number(float value) { return constant(Tensor::scalar_float(value)); }
Value* Speller::list(const std::vector<int64_t>& values) {
  return constant(Tensor::vector_of(values));
}

Result<bool> Speller::become(Value* made) {
  if (error_) return *error_;
  take_over(graph_, node_->output(), made);
  graph_.erase(node_);
  return true;
}

// ---- integers ----

Result<void> compute_in_float(Graph& graph, Node* n) {
  std::vector<Value*> inputs;
  Speller speller(graph, n);
  for (Value* v : n->inputs) {
    if (!v || !v->quant || v->dtype == BT_F32) {
      inputs.push_back(v);
    } else if (v->is_constant()) {  // weights stay in integers in the file
      inputs.push_back(graph.add_constant(v->name, decode(*v->constant, *v->quant),
                                          v->dtype == BT_I8 ? v->quant : nullptr));
    } else {
      inputs.push_back(speller.add("Dequantize", {v}));
    }
  }
  Value* y = speller.add(n->op->name, inputs, n->attrs());
  if (is_quantized(n->output())) y = speller.add_stored("Quantize", {y}, {}, n->output()->quant);
  TRY(speller.become(y));
  return {};
}

namespace {

// Every position of an AveragePool divides by the same number.
bool counts_alike(const Node& n) {
  const auto pads = n.attr_ints("pads");
  const bool padded = std::any_of(pads.begin(), pads.end(), [](int64_t p) { return p != 0; }) ||
                      n.attr_word("auto_pad").starts_with("SAME");
  return !n.attr_int("ceil_mode") && (!padded || n.attr_int("count_include_pad"));
}

bool leaves_same_padding_out(const Node& n) {
  const bool image = n.inputs[0]->rank() == 4 && n.attr_word("layout") == "last";
  return image && !n.attr_int("count_include_pad") && window_of(n).padding == WindowPadding::same;
}

}  // namespace

bool has_integer_form(const Node& n) {
  const Value *x = n.input(0), *y = n.output();
  if (n.is("AveragePool") && is_quantized(x) && is_quantized(y) && !counts_alike(n) &&
      !(*x->quant == *y->quant && leaves_same_padding_out(n)))
    return false;
  if (std::any_of(n.inputs.begin(), n.inputs.end(), is_q16) || is_q16(y)) return has_wide_form(n);
  if (!is_q8(y)) return n.op->quant == BT_QUANT_SAME && n.outputs.size() > 1;
  switch (n.op->quant) {
    case BT_QUANT_MACS: return !n.is("MatMul") || n.inputs[1]->rank() == 2;
    case BT_QUANT_JOIN:
    case BT_QUANT_TABLE: return true;
    case BT_QUANT_SAME: return is_q8(x) && *x->quant == *y->quant;
    case BT_QUANT_ARITH:
      return !n.is("Softmax") ||
             (y->quant->scale[0] == 1.0f / 256 && y->quant->zero_at(0) == -128);
    default: return false;
  }
}

}  // namespace bantam
