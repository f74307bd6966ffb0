// SPDX-License-Identifier: Apache-2.0
// Makes the integers that a quantized model stores constants of ours: floats that are kept as
// integers.
//
//   const %q : i8[4,3]                          =>   const %w : f32[4,3] q(i8, axis=0, scale=...)
//   %w = DequantizeLinear(%q, %scale, %zero)
//
// Whoever reads the weight sees a constant, and the file keeps the integers. Unsigned ones are
// shifted by half their range, with their zero points. i32 (biases) become plain floats, of the
// same size. The same bits are computed; scales per block, and other types, stay as they are.
#include <cmath>

#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

constexpr int64_t kSmall = 64;  // elements of constants that may be stored twice

// The Quant that DequantizeLinear stands for; empty where it is none of ours.
std::optional<Quant> quant_of(const Node& n) {
  const Value *x = n.input(0), *scale = n.input(1), *zero = n.input(2);
  if (n.has_attr("block_size") && n.attr_int("block_size") != 0) return std::nullopt;
  if (!scale->is_constant() || scale->dtype != BT_F32 || scale->rank() > 1) return std::nullopt;
  if (zero && (!zero->is_constant() || zero->constant->count() != scale->constant->count()))
    return std::nullopt;
  Quant q;
  q.bits = bt_dtype_bits(x->dtype);
  q.scale.assign(scale->constant->floats().begin(), scale->constant->floats().end());
  for (const float s : q.scale)
    if (!(s > 0) || !std::isfinite(s)) return std::nullopt;
  if (q.scale.size() != 1) {
    const int64_t axis = n.attr_int("axis");
    q.axis = static_cast<int>(axis < 0 ? axis + x->rank() : axis);
    if (q.axis < 0 || q.axis >= x->rank()) return std::nullopt;
    if ((*x->shape)[static_cast<size_t>(q.axis)] != static_cast<int64_t>(q.scale.size()))
      return std::nullopt;
  }
  bool any = false;
  for (int64_t i = 0; i < scale->constant->count(); ++i) {
    int64_t z = zero ? zero->constant->integer(i) : 0;
    if (bt_dtype_min(x->dtype) >= 0) z -= int64_t{1} << (q.bits - 1);
    q.zero.push_back(static_cast<int32_t>(z));
    any = any || z != 0;
  }
  if (!any) q.zero.clear();
  return q;
}

bool is_small_integer(DType t) { return t == BT_I8 || t == BT_U8 || t == BT_I4 || t == BT_U4; }

bool is_symmetric(const Value* zero) {
  for (int64_t i = 0; zero && i < zero->constant->count(); ++i)
    if (zero->constant->integer(i) != 0) return false;
  return true;
}

// The integers as i8, around 0.
Tensor signed_codes(const Tensor& t) {
  const int64_t shift =
      bt_dtype_min(t.dtype()) < 0 ? 0 : int64_t{1} << (bt_dtype_bits(t.dtype()) - 1);
  std::vector<uint8_t> codes(static_cast<size_t>(t.count()));
  for (size_t i = 0; i < codes.size(); ++i)
    codes[i] = static_cast<uint8_t>(t.integer(static_cast<int64_t>(i)) - shift);
  return {BT_I8, t.shape(), Bytes(std::move(codes))};
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  for (Node* node : graph.nodes()) {
    if (!node->is("DequantizeLinear") || !ctx.selected(*node)) continue;
    Value *y = node->output(), *x = node->inputs[0];
    if (!x->is_constant() || x->quant || y->dtype != BT_F32) continue;
    if (!only_user(x) && x->constant->count() > kSmall) continue;  // it would be stored twice
    auto q = quant_of(*node);
    if (!q) continue;
    if (is_small_integer(x->dtype)) {
      graph.make_constant(y, decode(signed_codes(*x->constant), *q));
      y->quant = std::make_shared<const Quant>(std::move(*q));
    } else if (x->dtype == BT_I32 && is_symmetric(node->input(2))) {
      q->zero.clear();
      graph.make_constant(y, decode(*x->constant, *q));
    } else {
      continue;
    }
    graph.erase(node);
    changed = true;
  }
  return changed;
}

}  // namespace

extern constinit const Pass fold_dequantize = make_pass<NoOptions, describe_nothing, run>(
    "Makes the integers that a quantized model stores constants that keep them.", Effect::exact);

}  // namespace bantam
