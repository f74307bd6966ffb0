// SPDX-License-Identifier: Apache-2.0
// Gradients of Softmax and of layer normalization.
#include "grad/tape.h"

namespace bantam {
namespace {

bool always(const Node&) { return true; }

// y * (d - sum of d * y)
void softmax(Tape& t, const Node& n) {
  Value *y = n.output(), *d = t.of(y);
  Value* mean = t.summed(t.times(d, y), {n.attr_int("axis")});
  t.add(n.inputs[0], t.times(y, t.minus(d, mean)));
}

bool is_last_axis(const Node& n) {
  const int64_t axis = n.attr_int("axis"), rank = n.inputs[0]->rank();
  return axis == -1 || axis == rank - 1;
}

void layer_norm(Tape& t, const Node& n) {
  Value *x = n.inputs[0], *gain = n.inputs[1], *shift = n.input(2), *d = t.of(n.output());
  Value* centred = t.minus(x, t.averaged(x, {-1}));
  Value* variance = t.averaged(t.times(centred, centred), {-1});
  Value* deviation = t.make("Sqrt", {t.plus(variance, t.number(n.attr_float("epsilon")))});
  Value* normal = t.over(centred, deviation);
  if (t.wants(gain)) t.add(gain, t.times(d, normal));
  t.add(shift, d);
  if (!t.wants(x)) return;
  Value* scaled = t.times(d, gain);
  Value* along = t.times(normal, t.averaged(t.times(scaled, normal), {-1}));
  Value* rest = t.minus(t.minus(scaled, t.averaged(scaled, {-1})), along);
  t.add(x, t.over(rest, deviation));
}

}  // namespace

const GradientRules& norm_rules() {
  static const GradientRules rules = {{"Softmax", always, softmax},
                                      {"LayerNormalization", is_last_axis, layer_norm}};
  return rules;
}

}  // namespace bantam
