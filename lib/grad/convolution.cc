// SPDX-License-Identifier: Apache-2.0
// Gradients of Conv: with respect to the image a convolution with the window turned over, with
// respect to the weights a matrix product of results and columns of the image (im2col), in pieces
// that stay in the cache.
#include "grad/window.h"

namespace bantam {
namespace {

std::optional<Window> window_of(const Node& n) {
  const Shape& w = shape_of(n.inputs[1]);
  if (w.size() != 4) return std::nullopt;
  return Window::of(n, {w[1], w[2]});
}

bool is_depthwise(const Node& n) {
  return n.attr_int("group") > 1 && shape_of(n.inputs[1])[0] == n.attr_int("group") &&
         shape_of(n.inputs[1])[3] == 1;
}

constexpr int64_t kMostGroups = 16;

bool fits(const Node& n) {
  return window_of(n).has_value() && (is_depthwise(n) || n.attr_int("group") <= kMostGroups);
}

// Columns under one piece of the sum: short enough for the cache, long enough for the kernels.
int64_t piece_of(const Window& w) {
  constexpr int64_t kShortest = 512;
  const int64_t lines = w.images * w.out[0];
  for (int64_t pieces = lines; pieces > 1; --pieces)
    if (lines % pieces == 0 && lines / pieces * w.out[1] >= kShortest)
      return lines / pieces * w.out[1];
  return w.positions();
}

// [O, depth] of the results [P,O] and the columns [P,depth].
Value* correlated(Tape& t, Value* results, Value* columns, int64_t piece) {
  const int64_t rows = shape_of(results)[0], outputs = shape_of(results)[1],
                depth = shape_of(columns)[1];
  const int64_t pieces = rows / piece;
  if (pieces == 1) return t.make("MatMul", {t.transposed(results, {1, 0}), columns});
  Value* left = t.transposed(t.reshaped(results, {pieces, piece, outputs}), {0, 2, 1});
  Value* sums = t.make("MatMul", {left, t.reshaped(columns, {pieces, piece, depth})});
  return t.summed(sums, {0}, false);
}

// The window's pixels side by side: [N,Ho,Wo,taps*C].
Value* columns_of(Tape& t, const Window& w, Value* x) {
  std::vector<Value*> taps;
  Value* padded = w.around(t, x);
  for (int64_t i = 0; i < w.taps(); ++i)
    taps.push_back(w.tap(t, padded, i / w.kernel[1], i % w.kernel[1]));
  return taps.size() == 1 ? taps[0] : t.make("Concat", taps, {{"axis", int64_t{3}}});
}

void dense_weights(Tape& t, const Node& n, const Window& w, Value* d) {
  const Shape& shape = shape_of(n.inputs[1]);
  const int64_t group = n.attr_int("group"), each = shape[0] / group, depth = shape[3];
  std::vector<Value*> gradients;
  for (int64_t g = 0; g < group; ++g) {
    Value *x = n.inputs[0], *part = d;
    if (group > 1) {
      x = t.sliced(x, {g * depth}, {(g + 1) * depth}, {3}, {1});
      part = t.sliced(part, {g * each}, {(g + 1) * each}, {3}, {1});
    }
    Value* columns = t.reshaped(columns_of(t, w, x), {w.positions(), w.taps() * depth});
    gradients.push_back(
        correlated(t, t.reshaped(part, {w.positions(), each}), columns, piece_of(w)));
    if (t.error()) return;
  }
  Value* all = group == 1 ? gradients[0] : t.make("Concat", gradients, {{"axis", int64_t{0}}});
  t.add(n.inputs[1], t.reshaped(all, shape));
}

void depthwise_weights(Tape& t, const Node& n, const Window& w, Value* d) {
  std::vector<Value*> gradients;
  Value* padded = w.around(t, n.inputs[0]);
  Value* ones =
      t.floats({1, w.positions()}, std::vector<float>(static_cast<size_t>(w.positions()), 1.0f));
  for (int64_t i = 0; i < w.taps(); ++i) {
    Value* products = t.times(w.tap(t, padded, i / w.kernel[1], i % w.kernel[1]), d);
    gradients.push_back(
        t.make("MatMul", {ones, t.reshaped(products, {w.positions(), w.channels})}));
    if (t.error()) return;
  }
  Value* rows = t.make("Concat", gradients, {{"axis", int64_t{0}}});
  t.add(n.inputs[1], t.reshaped(t.transposed(rows, {1, 0}), shape_of(n.inputs[1])));
}

void conv(Tape& t, const Node& n) {
  const Window w = *window_of(n);
  const int64_t group = n.attr_int("group"), outputs = shape_of(n.inputs[1])[0];
  Value* d = t.through_clamp(n);
  if (!d) return;
  Value* rows = t.reshaped(d, {w.positions(), outputs});
  if (t.wants(n.input(2))) t.add(n.input(2), t.summed(rows, {0}, false));
  if (t.wants(n.inputs[1]))
    is_depthwise(n) ? depthwise_weights(t, n, w, d) : dense_weights(t, n, w, d);
  if (!t.wants(n.inputs[0])) return;
  const bool pointwise = group == 1 && w.taps() == 1 && w.stride[0] == 1 && w.stride[1] == 1;
  if (!pointwise) {
    t.add(n.inputs[0], w.hand_back(t, d, n.inputs[1], group));
    return;
  }
  Value* matrix = t.reshaped(n.inputs[1], {outputs, w.channels});
  t.add(n.inputs[0], t.reshaped(t.make("MatMul", {rows, matrix}), shape_of(n.inputs[0])));
}

}  // namespace

const GradientRules& convolution_rules() {
  static const GradientRules rules = {{"Conv", fits, conv}};
  return rules;
}

}  // namespace bantam
