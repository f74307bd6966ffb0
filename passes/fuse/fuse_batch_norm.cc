// SPDX-License-Identifier: Apache-2.0
// Folds what is linear per channel into the weights of the product before it.
//
//   %c = Conv(%x, %w)                        =>   %y = Conv(%x, %w.scaled, %y.bias)
//   %y = BatchNormalization(%c, ...)
//
// The product is a Conv, ConvTranspose, Gemm or MatMul with constant weights; behind it may stand a
// BatchNormalization, or Add, Sub, Mul, Div by constants that are the same all over a channel: the
// bias of a MatMul comes in that way. A BatchNormalization that finds no such product becomes one
// Mul and one Add.
//
// Weights that several nodes share stay as they are, so that the file does not grow, and so do
// weights that are quantized already. Moves outputs by about 1e-7 of their size: the weights are
// rounded once.
#include <algorithm>
#include <cmath>

#include "ir/match.h"
#include "pass/pass.h"
#include "quant/weights.h"

namespace bantam {
namespace {

using Numbers = std::vector<double>;

// y = scale[c] * x + shift[c], c running along one axis of x.
struct Affine {
  Value* x = nullptr;
  int axis = 0;
  Numbers scale, shift;

  bool is_finite() const {
    const auto finite = [](double v) { return std::isfinite(static_cast<float>(v)); };
    return std::all_of(scale.begin(), scale.end(), finite) &&
           std::all_of(shift.begin(), shift.end(), finite);
  }
  bool scales() const {
    return std::any_of(scale.begin(), scale.end(), [](double v) { return v != 1; });
  }
  bool shifts() const {
    return std::any_of(shift.begin(), shift.end(), [](double v) { return v != 0; });
  }
};

Tensor vector_of_floats(const Numbers& values, Shape shape) {
  const std::vector<float> rounded(values.begin(), values.end());
  return Tensor::of_floats(std::move(shape), rounded);
}

// ---- what stands behind the product ----

bool is_inference_norm(const Node& n) {
  if (!n.is("BatchNormalization") || n.inputs.size() < 5 || n.attr_int("training_mode"))
    return false;
  for (size_t i = 1; i < n.outputs.size(); ++i)
    if (n.outputs[i] && (!n.outputs[i]->uses().empty() || n.outputs[i]->is_output())) return false;
  for (size_t i = 1; i < 5; ++i) {
    const Value* v = n.inputs[i];
    if (!v || !v->is_constant() || v->dtype != BT_F32 || v->quant) return false;
    if (v->constant->count() != n.inputs[1]->constant->count()) return false;
  }
  return n.inputs[0] && n.inputs[0]->rank() >= 2;
}

Affine affine_of_norm(const Node& n) {
  Affine a{.x = n.inputs[0], .axis = 1, .scale = {}, .shift = {}};
  const auto epsilon = static_cast<double>(n.attr_float("epsilon"));
  for (int64_t c = 0; c < n.inputs[1]->constant->count(); ++c) {
    const auto at = [&](size_t i) { return n.inputs[i]->constant->number(c); };
    a.scale.push_back(at(1) / std::sqrt(at(4) + epsilon));
    a.shift.push_back(at(2) - at(3) * a.scale.back());
  }
  return a;
}

// The number for each channel, where the constant is one number or varies along the axis only.
std::optional<Numbers> per_channel(const Value* constant, int rank, int axis, int64_t channels) {
  const Shape& shape = *constant->shape;
  if (constant->dtype != BT_F32 || constant->rank() > rank) return std::nullopt;
  for (int i = 0; i < constant->rank(); ++i) {
    const int64_t length = shape[static_cast<size_t>(i)];
    const bool along = i + rank - constant->rank() == axis;
    if (length != 1 && !(along && length == channels)) return std::nullopt;
  }
  Numbers list;
  for (int64_t c = 0; c < channels; ++c)
    list.push_back(constant->constant->number(constant->constant->count() == 1 ? 0 : c));
  return list;
}

// Add, Sub, Mul, Div by a constant.
std::optional<Affine> affine_of_arithmetic(const Node& n, int axis, int64_t channels) {
  const auto operands = constant_operand(n);
  if (!operands || has_clamp(n)) return std::nullopt;
  const auto c = per_channel(operands->constant, operands->x->rank(), axis, channels);
  if (!c) return std::nullopt;
  const auto count = static_cast<size_t>(channels);
  Affine a{.x = operands->x, .axis = axis, .scale = Numbers(count, 1), .shift = Numbers(count, 0)};
  const bool first = operands->constant == n.inputs[0];
  for (size_t i = 0; i < count; ++i) {
    if (n.is("Add"))
      a.shift[i] = (*c)[i];
    else if (n.is("Sub") && first)
      a.scale[i] = -1, a.shift[i] = (*c)[i];
    else if (n.is("Sub"))
      a.shift[i] = -(*c)[i];
    else if (n.is("Mul"))
      a.scale[i] = (*c)[i];
    else if (n.is("Div") && !first)
      a.scale[i] = 1 / (*c)[i];
    else
      return std::nullopt;
  }
  return a;
}

// ---- the product ----

bool is_product(const Node* n) {
  return n && (n->is("Conv") || n->is("ConvTranspose") || n->is("Gemm") || n->is("MatMul"));
}

// A product that may take a bias.
bool is_open(const Node* n) {
  if (!is_product(n) || has_clamp(*n) || n->integer) return false;
  const Value *w = n->inputs[1], *bias = n->input(2), *y = n->output();
  if (!w || w->rank() < 2 || !is_known(*w->shape)) return false;
  if (bias && (!bias->is_constant() || bias->quant)) return false;
  return y && y->rank() >= 2 && y->dtype == BT_F32 && !y->quant;
}

// ... and other weights, as nobody else reads them.
bool may_scale(const Node& n) {
  const Value* w = n.inputs[1];
  return w->is_constant() && !w->quant && only_user(w) == &n;
}

// Transposed convolutions hold [I, O/g, ...]; their groups lie along I.
bool is_grouped_transpose(const Node& n) {
  return n.is("ConvTranspose") && n.attr_word("layout") == "first" && n.attr_int("group") > 1;
}

int64_t channel_count(const Node& n) {
  const int64_t length = (*n.inputs[1]->shape)[static_cast<size_t>(weight_axis(n))];
  return is_grouped_transpose(n) ? length * n.attr_int("group") : length;
}

Tensor scaled_weight(const Node& n, const Numbers& scale) {
  const Tensor& w = *n.inputs[1]->constant;
  Quant by_channel;
  by_channel.axis = weight_axis(n);
  by_channel.scale.resize(scale.size() /
                          static_cast<size_t>(is_grouped_transpose(n) ? n.attr_int("group") : 1));
  const ChannelIndex channel(w.shape(), by_channel);
  const int64_t groups = is_grouped_transpose(n) ? n.attr_int("group") : 1;
  const size_t per_group = scale.size() / static_cast<size_t>(groups);
  const int64_t elements = std::max<int64_t>(w.count() / groups, 1);
  Numbers out;
  for (int64_t i = 0; i < w.count(); ++i) {
    const auto group = groups > 1 ? static_cast<size_t>(i / elements) : 0;
    out.push_back(w.number(i) * scale[group * per_group + channel(i)]);
  }
  return vector_of_floats(out, w.shape());
}

class Fuser {
 public:
  Fuser(Graph& graph, PassContext& ctx) : graph_(graph), ctx_(ctx) {}

  Result<bool> run() {
    for (Node* node : graph_.nodes())
      if (ctx_.selected(*node) && node->output() && !node->output()->quant) TRY(visit(node));
    return changed_;
  }

 private:
  Result<void> visit(Node* node) {
    const bool norm = is_inference_norm(*node);
    if (norm) {
      const Affine a = affine_of_norm(*node);
      if (!a.is_finite() || fold(node, a)) return {};
      return take_apart(node, a);
    }
    const auto operands = constant_operand(*node);
    const Node* product = operands ? operands->x->producer : nullptr;
    if (!is_product(product) || !is_open(product)) return {};
    const auto a = affine_of_arithmetic(*node, channel_axis(*product), channel_count(*product));
    if (a && a->is_finite()) fold(node, *a);
    return {};
  }

  // True: the node is gone.
  bool fold(Node* node, const Affine& a) {
    Node* product = a.x->producer;
    if (!is_open(product) || only_user(a.x) != node || channel_axis(*product) != a.axis)
      return false;
    if (channel_count(*product) != static_cast<int64_t>(a.scale.size())) return false;
    if (a.scales() && !may_scale(*product)) return false;
    const auto bias = new_bias(*product, a);
    if (!bias) return false;
    const std::string name = node->output()->name;
    if (a.scales())
      replace_constant(graph_, product, 1, scaled_weight(*product, a.scale), ".scaled");
    if (!bias->empty()) set_bias(product, name, *bias);
    take_over(graph_, node->output(), product->output());
    graph_.erase(node);
    changed_ = true;
    return true;
  }

  // scale * bias + shift; nothing in it where no bias is needed, none where it cannot be had.
  static std::optional<Numbers> new_bias(const Node& product, const Affine& a) {
    const Value* old = product.input(2);
    if (!old && !a.shifts()) return Numbers{};
    if (product.op->in_max < 3) return std::nullopt;
    Numbers bias = a.shift;
    if (!old) return bias;
    const int rank = std::max(old->rank(), 1);
    const auto numbers = per_channel(old, rank, rank - 1, static_cast<int64_t>(bias.size()));
    if (!numbers) return std::nullopt;
    const double beta = product.is("Gemm") ? static_cast<double>(product.attr_float("beta")) : 1;
    for (size_t c = 0; c < bias.size(); ++c) bias[c] += a.scale[c] * beta * (*numbers)[c];
    return bias;
  }

  void set_bias(Node* product, const std::string& name, const Numbers& bias) {
    const auto channels = static_cast<int64_t>(bias.size());
    Value* fresh = graph_.add_constant(name + ".bias", vector_of_floats(bias, {channels}));
    Value* old = product->input(2);
    if (product->inputs.size() < 3)
      graph_.add_node_input(product, fresh);
    else
      graph_.set_input(product, 2, fresh);
    if (old && old->uses().empty() && !old->is_output()) graph_.erase_constant(old);
    if (product->is("Gemm")) (void)product->set_attr("beta", 1.0f);
  }

  // y = x * scale + shift
  Result<void> take_apart(Node* node, const Affine& a) {
    Value* y = node->output();
    Shape shape(static_cast<size_t>(a.x->rank()) - 1, 1);
    shape[0] = static_cast<int64_t>(a.scale.size());
    Value* scale = graph_.add_constant(y->name + ".scale", vector_of_floats(a.scale, shape));
    Value* shift = graph_.add_constant(y->name + ".shift", vector_of_floats(a.shift, shape));
    TRY(Node * mul,
        graph_.insert_before(node, "Mul", node->name, {a.x, scale}, {}, {y->name + ".scaled"}));
    TRY(Node * add, graph_.insert_before(node, "Add", node->name, {mul->output(), shift}, {},
                                         {y->name + ".shifted"}));
    take_over(graph_, y, add->output());
    graph_.erase(node);
    changed_ = true;
    return visit(mul);  // a MatMul takes the factor, if not the summand
  }

  Graph& graph_;
  PassContext& ctx_;
  bool changed_ = false;
};

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  return Fuser(graph, ctx).run();
}

}  // namespace

extern constinit const Pass fuse_batch_norm = make_pass<NoOptions, describe_nothing, run>(
    "Folds batch normalization, and arithmetic per channel, into the product before it.",
    Effect::exact);

}  // namespace bantam
