// SPDX-License-Identifier: Apache-2.0
// Normalisations, for which the format has no operators:
//
//   LayerNormalization      =>  d / Sqrt(ReduceMean(d * d) + epsilon) * scale + bias, d = x -
//   ReduceMean(x) RMSNormalization        =>  x / Sqrt(ReduceMean(x * x) + epsilon) * scale
//   InstanceNormalization   =>  as LayerNormalization, over the pixels of each channel
//   BatchNormalization      =>  x * factor + shift, with constants
//   LpNormalization         =>  x / Max(Sqrt(ReduceSum(x * x)), tiny), or by the sum of magnitudes
#include <cfloat>
#include <cmath>

#include "formats/tflite/fit.h"

namespace bantam {
namespace {

std::vector<int64_t> axes_from(int64_t axis, int rank) {
  std::vector<int64_t> axes;
  for (int64_t a = axis < 0 ? axis + rank : axis; a < rank; ++a) axes.push_back(a);
  return axes;
}

const AttrList kKeep = {{"keepdims", int64_t{1}}};

// x over its root mean square along axes.
Value* by_root_mean_square(Speller& s, Value* x, const std::vector<int64_t>& axes, float epsilon) {
  Value* square = s.add("Mul", {x, x});
  Value* mean = s.add("ReduceMean", {square, s.list(axes)}, kKeep);
  return s.add("Div", {x, s.add("Sqrt", {s.add("Add", {mean, s.number(epsilon)})})});
}

Value* centred(Speller& s, Value* x, const std::vector<int64_t>& axes) {
  return s.add("Sub", {x, s.add("ReduceMean", {x, s.list(axes)}, kKeep)});
}

Value* scaled(Speller& s, Value* y, Value* scale, Value* bias) {
  if (scale) y = s.add("Mul", {y, scale});
  return bias ? s.add("Add", {y, bias}) : y;
}

bool is_plain_float(const Node& n) {
  return n.inputs[0]->dtype == BT_F32 && n.inputs[0]->rank() >= 2;
}

Result<bool> fit_layer_norm(Graph& graph, Node* n) {
  if (!is_plain_float(*n) || n->outputs.size() > 1) return false;
  const auto axes = axes_from(n->attr_int("axis"), n->inputs[0]->rank());
  Speller s(graph, n);
  Value* d = centred(s, n->inputs[0], axes);
  return s.become(scaled(s, by_root_mean_square(s, d, axes, n->attr_float("epsilon")), n->input(1),
                         n->input(2)));
}

Result<bool> fit_rms_norm(Graph& graph, Node* n) {
  if (!is_plain_float(*n)) return false;
  const auto axes = axes_from(n->attr_int("axis"), n->inputs[0]->rank());
  Speller s(graph, n);
  return s.become(scaled(s, by_root_mean_square(s, n->inputs[0], axes, n->attr_float("epsilon")),
                         n->input(1), nullptr));
}

Result<bool> fit_instance_norm(Graph& graph, Node* n) {
  if (!is_plain_float(*n) || n->inputs[0]->rank() < 3 || n->attr_word("layout") != "last")
    return false;
  std::vector<int64_t> axes;
  for (int i = 1; i + 1 < n->inputs[0]->rank(); ++i) axes.push_back(i);
  Speller s(graph, n);
  Value* d = centred(s, n->inputs[0], axes);
  return s.become(scaled(s, by_root_mean_square(s, d, axes, n->attr_float("epsilon")), n->inputs[1],
                         n->inputs[2]));
}

// Inputs: x, scale, bias, mean, variance.
Result<bool> fit_batch_norm(Graph& graph, Node* n) {
  const int rank = n->inputs[0]->rank();
  if (!is_plain_float(*n) || n->outputs.size() > 1 || n->attr_int("training_mode")) return false;
  for (size_t i = 1; i < 5; ++i)
    if (!n->inputs[i]->is_constant() || n->inputs[i]->dtype != BT_F32) return false;
  const auto scale = n->inputs[1]->constant->floats(), bias = n->inputs[2]->constant->floats();
  const auto mean = n->inputs[3]->constant->floats(), variance = n->inputs[4]->constant->floats();
  std::vector<float> factor(scale.size()), shift(scale.size());
  for (size_t c = 0; c < scale.size(); ++c) {
    const double f =
        static_cast<double>(scale[c]) /
        std::sqrt(static_cast<double>(variance[c]) + static_cast<double>(n->attr_float("epsilon")));
    factor[c] = static_cast<float>(f);
    shift[c] = static_cast<float>(static_cast<double>(bias[c]) - static_cast<double>(mean[c]) * f);
  }
  Shape shape = {static_cast<int64_t>(scale.size())};
  if (n->attr_word("layout") == "first") shape.resize(static_cast<size_t>(rank - 1), 1);
  Speller s(graph, n);
  Value* y = s.add("Mul", {n->inputs[0], s.constant(Tensor::of_floats(shape, factor))});
  return s.become(s.add("Add", {y, s.constant(Tensor::of_floats(shape, shift))}));
}

Result<bool> fit_lp_norm(Graph& graph, Node* n) {
  if (!is_plain_float(*n)) return false;
  Value* x = n->inputs[0];
  const int64_t axis =
      n->attr_int("axis") < 0 ? n->attr_int("axis") + x->rank() : n->attr_int("axis");
  Speller s(graph, n);
  const bool squares = n->attr_int("p") == 2;
  Value* sum = s.add("ReduceSum",
                     {squares ? s.add("Mul", {x, x}) : s.add("Abs", {x}), s.list({axis})}, kKeep);
  // what has no length stays 0
  Value* length = s.add("Max", {squares ? s.add("Sqrt", {sum}) : sum, s.number(FLT_MIN)});
  return s.become(s.add("Div", {x, length}));
}

constexpr FitRow kRows[] = {
    {"LayerNormalization", fit_layer_norm},
    {"RMSNormalization", fit_rms_norm},
    {"InstanceNormalization", fit_instance_norm},
    {"BatchNormalization", fit_batch_norm},
    {"LpNormalization", fit_lp_norm},
};

}  // namespace

std::span<const FitRow> norm_fits() { return kRows; }

}  // namespace bantam
