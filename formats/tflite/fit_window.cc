// SPDX-License-Identifier: Apache-2.0
// Windows over images. The format's convolutions and pools are two-dimensional and pad like
// TensorFlow:
//
//   one-dimensional images          =>  images of height 1
//   padding that is not SAME        =>  Pad, then a window without padding
//   means that leave padding out    =>  sums over padded zeros, corrected by a constant map
//   means to another integer scale  =>  a depthwise convolution with the weights 1
//   GlobalAveragePool               =>  ReduceMean
#include <algorithm>
#include <cmath>

#include "formats/tflite/emitter.h"
#include "formats/tflite/fit.h"
#include "formats/tflite/window.h"

namespace bantam {
namespace {

// ---- one-dimensional images ----

std::vector<int64_t> with_front(std::vector<int64_t> list, int64_t value) {
  list.insert(list.begin(), value);
  return list;
}

AttrList flat_window(const Node& n) {
  AttrList attrs;
  for (auto& [key, value] : n.attrs()) {
    const auto* list = std::get_if<std::vector<int64_t>>(&value);
    if (!list || list->empty()) {
      attrs.emplace_back(key, value);
    } else if (key == "pads") {
      attrs.emplace_back(key, std::vector<int64_t>{0, list->at(0), 0, list->at(1)});
    } else {
      attrs.emplace_back(key, with_front(*list, key == "output_padding" ? 0 : 1));
    }
  }
  return attrs;
}

Value* flat_weight(Graph& graph, Value* w) {
  Shape shape = *w->shape;  // [O, k, I]
  shape.insert(shape.begin() + 1, 1);
  auto quant = w->quant;
  if (quant && quant->axis > 0) {
    auto moved = std::make_shared<Quant>(*quant);
    ++moved->axis;
    quant = moved;
  }
  return graph.add_constant(w->name + ".flat", w->constant->reshaped(shape), quant);
}

Result<bool> as_image(Graph& graph, Node* n) {
  if (n->output(1)) return false;  // places in a flat image are others
  Speller s(graph, n);
  std::vector<Value*> inputs = n->inputs;
  inputs[0] = s.add_stored("Unsqueeze", {inputs[0], s.list({1})}, {}, inputs[0]->quant);
  const bool has_weight = n->is("Conv") || n->is("ConvTranspose");
  if (has_weight && !inputs[1]->is_constant()) return false;
  if (has_weight) inputs[1] = flat_weight(graph, inputs[1]);
  const auto quant = n->output()->quant;
  Value* y = s.add_stored(n->op->name, inputs, flat_window(*n), quant);
  return s.become(s.add_stored("Squeeze", {y, s.list({1})}, {}, quant));
}

bool is_flat(const Node& n) { return n.attr_word("layout") == "last" && n.inputs[0]->rank() == 3; }
bool is_image(const Node& n) { return n.attr_word("layout") == "last" && n.inputs[0]->rank() == 4; }

// ---- padding ----

// Nothing in x is below 0, so that zeros do for a maximum.
bool is_never_negative(const Value* x) {
  if (is_q8(x)) return x->quant->zero_at(0) == -128;
  const Node* p = x->producer;
  if (!p) return false;
  if (p->is("Relu") || p->is("Sigmoid") || p->is("Softmax")) return true;
  if (p->is("Concat")) return std::all_of(p->inputs.begin(), p->inputs.end(), is_never_negative);
  return p->has_attr("lo") && p->attr_float("lo") >= 0;
}

Value* padded(Speller& s, Value* x, const Window& w, bool lowest) {
  std::vector<Value*> inputs = {x,
                                s.list({0, w.begin[0], w.begin[1], 0, 0, w.end[0], w.end[1], 0})};
  if (lowest && !is_never_negative(x))
    inputs.push_back(
        s.number(is_quantized(x)
                     ? x->quant->scale[0] *
                           static_cast<float>(bt_dtype_min(x->dtype) - x->quant->zero_at(0))
                     : -INFINITY));
  return s.add_stored("Pad", inputs, {}, x->quant);
}

Result<void> set_padding(Node* n, const char* how) {
  TRY(n->set_attr("auto_pad", std::string(how)));
  TRY(n->set_attr("pads", std::vector<int64_t>{}));
  if (n->has_attr("ceil_mode")) TRY(n->set_attr("ceil_mode", int64_t{0}));
  return {};
}

bool is_settled(const Node& n) {
  const std::string how = n.attr_word("auto_pad");
  return (how == "VALID" || how == "SAME_UPPER") &&
         !(n.has_attr("ceil_mode") && n.attr_int("ceil_mode"));
}

Result<bool> settle_padding(Graph& graph, Node* n) {
  if (is_flat(*n)) return as_image(graph, n);
  if (!is_image(*n) || is_settled(*n)) return false;
  const Window w = window_of(*n);
  if (w.padding == WindowPadding::unknown) return false;
  if (w.padding == WindowPadding::explicit_zeros) {
    if (std::min({w.begin[0], w.begin[1], w.end[0], w.end[1]}) < 0) return false;
    Speller s(graph, n);
    graph.set_input(n, 0, padded(s, n->inputs[0], w, n->is("MaxPool")));
  }
  TRY(set_padding(n, w.padding == WindowPadding::same ? "SAME_UPPER" : "VALID"));
  return true;
}

// ---- means ----

// How many elements count along one axis at position i.
int64_t counted(const Node& n, const Window& w, size_t d, int64_t i) {
  const auto pads = n.attr_ints("pads");
  const bool with_padding = n.attr_int("count_include_pad");
  const int64_t length = (*n.inputs[0]->shape)[d + 1];
  const int64_t first = with_padding ? -w.begin[d] : 0;
  const int64_t last = length + (with_padding && pads.size() == 4 ? pads[d + 2] : 0);
  int64_t count = 0;
  for (int64_t k = 0; k < w.kernel[d]; ++k) {
    const int64_t at = i * w.stride[d] - w.begin[d] + k * w.dilation[d];
    count += at >= first && at < last;
  }
  return count;
}

// What the mean over the whole window must be multiplied by, for each position.
std::vector<float> corrections(const Node& n, const Window& w) {
  const Shape& out = *n.output()->shape;
  const auto whole = static_cast<float>(w.kernel[0] * w.kernel[1]);
  std::vector<float> map;
  for (int64_t i = 0; i < out[1]; ++i)
    for (int64_t j = 0; j < out[2]; ++j)
      map.push_back(whole / static_cast<float>(
                                std::max<int64_t>(counted(n, w, 0, i) * counted(n, w, 1, j), 1)));
  return map;
}

constexpr int64_t kMapElements = 1 << 20;

bool has_known_size(const Node& n) {
  const Shape &in = *n.inputs[0]->shape, &out = *n.output()->shape;
  return in[1] >= 0 && in[2] >= 0 && out[1] >= 0 && out[2] >= 0 && out[1] <= kMapElements &&
         out[2] <= kMapElements && out[1] * out[2] <= kMapElements;
}

bool is_uniform(const std::vector<float>& map) {
  return std::all_of(map.begin(), map.end(), [](float f) { return f == 1; });
}

Result<bool> padded_mean(Graph& graph, Node* n, const Window& w) {
  const auto map = corrections(*n, w);
  Speller s(graph, n);
  AttrList attrs = n->attrs();
  std::erase_if(attrs, [](const auto& a) {
    return a.first == "pads" || a.first == "auto_pad" || a.first == "ceil_mode" ||
           a.first == "count_include_pad";
  });
  attrs.emplace_back("auto_pad", std::string("VALID"));
  Value* y = s.add("AveragePool", {padded(s, n->inputs[0], w, false)}, attrs);
  const Shape& out = *n->output()->shape;
  if (!is_uniform(map))
    y = s.add("Mul", {y, s.constant(Tensor::of_floats({1, out[1], out[2], 1}, map))});
  return s.become(y);
}

Result<bool> mean_by_weights(Graph& graph, Node* n, const Window& w) {
  const int64_t channels = n->inputs[0]->shape->back();
  const Shape shape = {channels, w.kernel[0], w.kernel[1], 1};
  auto quant = std::make_shared<Quant>();
  quant->narrow = true;
  quant->axis = 0;
  quant->scale.assign(static_cast<size_t>(channels),
                      1.0f / static_cast<float>(w.kernel[0] * w.kernel[1]));
  const std::vector<uint8_t> ones(static_cast<size_t>(element_count(shape)), 1);
  Value* weight = graph.add_constant(n->name + ".ones", Tensor(BT_I8, shape, Bytes(ones)), quant);
  AttrList attrs = n->attrs();
  std::erase_if(attrs, [](const auto& a) {
    return a.first == "count_include_pad" || a.first == "ceil_mode" || a.first == "kernel_shape";
  });
  attrs.emplace_back("group", channels);
  Speller s(graph, n);
  return s.become(s.add_stored("Conv", {n->inputs[0], weight}, attrs, n->output()->quant));
}

Result<bool> fit_average_pool(Graph& graph, Node* n) {
  if (is_flat(*n)) return as_image(graph, n);
  if (!is_image(*n)) return false;
  const Window w = window_of(*n);
  const Value *x = n->inputs[0], *y = n->output();
  if (is_quantized(y) && !(*x->quant == *y->quant))
    return x->shape->back() > 0 ? mean_by_weights(graph, n, w) : Result<bool>(false);
  if (is_settled(*n)) return false;
  const bool leaves_out = n->attr_int("count_include_pad") == 0 && w.padding == WindowPadding::same;
  const bool plain = w.padding == WindowPadding::valid || w.padding == WindowPadding::unknown;
  if (leaves_out || plain) return settle_padding(graph, n);
  if (!is_quantized(y)) return has_known_size(*n) ? padded_mean(graph, n, w) : Result<bool>(false);
  Speller s(graph, n);
  graph.set_input(n, 0, padded(s, n->inputs[0], w, false));
  TRY(set_padding(n, "VALID"));
  return true;
}

Result<bool> fit_global_pool(Graph& graph, Node* n) {
  if (n->attr_word("layout") != "last" && n->inputs[0]->rank() > 2) return false;
  std::vector<int64_t> axes;
  for (int i = 1; i + 1 < n->inputs[0]->rank(); ++i) axes.push_back(i);
  Speller s(graph, n);
  if (axes.empty()) return s.become(s.add_stored("Identity", {n->inputs[0]}, {}, n->output()->quant));
  const char* reduce = n->is("GlobalMaxPool") ? "ReduceMax" : "ReduceMean";
  return s.become(s.add_stored(reduce, {n->inputs[0], s.list(axes)}, {{"keepdims", int64_t{1}}},
                           n->output()->quant));
}

// ---- transposed convolutions ----

// Without padding the operator gives all that its taps reach; what the padding takes away is cut
// off.
Result<bool> fit_conv_transpose(Graph& graph, Node* n) {
  if (is_flat(*n)) return as_image(graph, n);
  if (!is_image(*n) || is_settled(*n) || !n->attr_ints("output_shape").empty() ||
      n->attr_word("auto_pad") != "NOTSET")
    return false;
  const Shape &in = *n->inputs[0]->shape, &out = *n->output()->shape, &w = *n->inputs[1]->shape;
  const auto pads = n->attr_ints("pads"), strides = n->attr_ints("strides"),
             dilations = n->attr_ints("dilations");
  bool same = true, whole = true;
  std::vector<int64_t> more(2), begin(2), end(2);
  for (size_t d = 0; d < 2; ++d) {
    const int64_t stride = strides.empty() ? 1 : strides[d],
                  dilation = dilations.empty() ? 1 : dilations[d];
    if (in[d + 1] < 0 || out[d + 1] < 0) return false;
    const int64_t full = (in[d + 1] - 1) * stride + (w[d + 1] - 1) * dilation + 1;
    begin[d] = pads.empty() ? 0 : pads[d];
    end[d] = begin[d] + out[d + 1];
    more[d] = std::max<int64_t>(end[d] - full, 0);
    same = same && out[d + 1] == in[d + 1] * stride && full >= out[d + 1] &&
           begin[d] == (full - out[d + 1]) / 2;
    whole = whole && begin[d] == 0 && end[d] == full;
  }
  if (whole || same) {
    TRY(set_padding(n, whole ? "VALID" : "SAME_UPPER"));
    TRY(n->set_attr("output_padding", std::vector<int64_t>{}));
    return true;
  }
  AttrList attrs = n->attrs();
  std::erase_if(attrs, [](const auto& a) {
    return a.first == "output_padding" || a.first == "auto_pad" || a.first == "pads";
  });
  attrs.emplace_back("auto_pad", std::string("VALID"));
  if (more[0] || more[1]) attrs.emplace_back("output_padding", more);
  Speller s(graph, n);
  Value* y = s.add_stored("ConvTranspose", n->inputs, attrs, n->output()->quant);
  return s.become(
      s.add_stored("Slice", {y, s.list(begin), s.list(end), s.list({1, 2})}, {}, n->output()->quant));
}

constexpr FitRow kRows[] = {
    {"Conv", settle_padding},           {"MaxPool", settle_padding},
    {"AveragePool", fit_average_pool},  {"GlobalAveragePool", fit_global_pool},
    {"GlobalMaxPool", fit_global_pool}, {"ConvTranspose", fit_conv_transpose},
};

}  // namespace

std::span<const FitRow> window_fits() { return kRows; }

}  // namespace bantam
