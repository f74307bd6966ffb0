// SPDX-License-Identifier: Apache-2.0
// Gradients of pools and of means along axes.
#include "grad/window.h"
#include "ir/match.h"

namespace bantam {
namespace {

std::optional<Window> window_of(const Node& n) {
  if (n.attr_int("ceil_mode") != 0) return std::nullopt;
  return Window::of(n, n.attr_ints("kernel_shape"));
}

bool has_window(const Node& n) { return window_of(n).has_value(); }

// Pixels under the window at every position.
std::vector<float> shares(const Window& w, bool with_padding) {
  const auto seen = [&](int d, int64_t at) {
    int64_t count = 0;
    for (int64_t k = 0; k < w.kernel[d]; ++k) {
      const int64_t pixel = at * w.stride[d] - w.pad[d] + k * w.dilation[d];
      count += pixel >= 0 && pixel < w.in[d];
    }
    return count;
  };
  std::vector<float> share;
  for (int64_t y = 0; y < w.out[0]; ++y)
    for (int64_t x = 0; x < w.out[1]; ++x) {
      const int64_t count = with_padding ? w.taps() : seen(0, y) * seen(1, x);
      share.push_back(count > 0 ? 1 / static_cast<float>(count) : 0);
    }
  return share;
}

void average_pool(Tape& t, const Node& n) {
  const Window w = *window_of(n);
  Value* share =
      t.floats({1, w.out[0], w.out[1], 1}, shares(w, n.attr_int("count_include_pad") != 0));
  const auto weights = static_cast<size_t>(w.channels * w.taps());
  Value* ones =
      t.floats({w.channels, w.kernel[0], w.kernel[1], 1}, std::vector<float>(weights, 1.0f));
  t.add(n.inputs[0], w.hand_back(t, t.times(t.of(n.output()), share), ones, w.channels));
}

// The element that was the largest gets it all. Places count elements with channels first.
void max_pool(Tape& t, const Node& n) {
  const Window w = *window_of(n);
  auto again = t.places(n);
  if (!again) return;
  const int64_t all = element_count(shape_of(n.inputs[0]));
  Value* zeros = t.floats({all}, std::vector<float>(static_cast<size_t>(all)));
  Value* d = t.make("ScatterElements",
                    {zeros, t.reshaped(again, {w.positions() * w.channels}),
                     t.reshaped(t.of(n.output()), {w.positions() * w.channels})},
                    {{"axis", int64_t{0}}, {"reduction", std::string("add")}});
  d = t.reshaped(d, {w.images, w.channels, w.in[0], w.in[1]});
  t.add(n.inputs[0], t.transposed(d, {0, 2, 3, 1}));
}

void global_average_pool(Tape& t, const Node& n) {
  const Shape &x = shape_of(n.inputs[0]), &y = shape_of(n.output());
  const auto each = static_cast<float>(element_count(y)) / static_cast<float>(element_count(x));
  t.add(n.inputs[0], t.broadcast(t.times(t.of(n.output()), t.number(each)), x));
}

// The shape of the result if it had kept its axes; empty where the axes are not constant.
std::optional<Shape> kept_shape(const Node& n) {
  Shape shape = shape_of(n.inputs[0]);
  const auto axes = n.input(1) ? integers_of(n.input(1)) : std::vector<int64_t>();
  if (!axes || (axes->empty() && n.attr_int("noop_with_empty_axes") != 0)) return std::nullopt;
  if (axes->empty()) return Shape(shape.size(), 1);
  for (const int64_t axis : *axes)
    shape[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis)] = 1;
  return shape;
}

bool has_axes(const Node& n) { return kept_shape(n).has_value(); }

void reduce_sum(Tape& t, const Node& n) {
  t.add(n.inputs[0],
        t.broadcast(t.reshaped(t.of(n.output()), *kept_shape(n)), shape_of(n.inputs[0])));
}

void reduce_mean(Tape& t, const Node& n) {
  const Shape &x = shape_of(n.inputs[0]), kept = *kept_shape(n);
  const auto each = static_cast<float>(element_count(kept)) / static_cast<float>(element_count(x));
  t.add(n.inputs[0], t.broadcast(t.times(t.reshaped(t.of(n.output()), kept), t.number(each)), x));
}

bool always(const Node&) { return true; }

}  // namespace

const GradientRules& pool_rules() {
  static const GradientRules rules = {
      {"AveragePool", has_window, average_pool},
      {"MaxPool", has_window, max_pool},
      {"GlobalAveragePool", always, global_average_pool},
      {"ReduceMean", has_axes, reduce_mean},
      {"ReduceSum", has_axes, reduce_sum},
  };
  return rules;
}

}  // namespace bantam
