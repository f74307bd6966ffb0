// SPDX-License-Identifier: Apache-2.0
// Sets the smallest weights to zero. The file shrinks by what was removed (sparse and entropy-coded
// tensors); the time to compute does not.
//
//   const %w = [0.9, 0.01, -0.4, 0.02]   =>   const %w = [0.9, 0, -0.4, 0]     (target=0.5)
//
// Lossy, and without retraining compact networks stand little of it: measure with `compare`. Weights
// that are zero already count towards the target, so that a model pruned elsewhere stays as it is.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "pass/pass.h"
#include "quant/weights.h"

namespace bantam {
namespace {

struct Options {
  double target = 0.3;
  std::string pattern = "free", scope = "layer";
  int small = 256;
};

void describe(OptionList& list, Options& o) {
  list.real("target", &o.target, 0, 0.99, "share of weights that become zero, for pattern=free");
  list.text("pattern", &o.pattern, "free, or n:m as in 2:4: at most n of each m weights along the input channels are kept");
  list.word("scope", &o.scope, "layer|model", "every layer loses the target's share, or the model as a whole (by weight over the layer's root mean square)");
  list.number("small", &o.small, 1, 1000000, "tensors of fewer elements stay as they are");
}

struct Pattern {
  int64_t keep = 0, of = 0;  // of == 0: free
};

Result<Pattern> parse_pattern(const std::string& text) {
  if (text == "free") return Pattern{};
  const auto parts = split(text, ':');
  Pattern p;
  if (parts.size() != 2 || !parse_int(parts[0], &p.keep) || !parse_int(parts[1], &p.of) || p.keep < 1 || p.of > 64 || p.keep >= p.of)
    return Error{Code::usage, formatted("pattern={}: write free, or n:m with 1 <= n < m <= 64, as in 2:4", text)};
  return p;
}

struct Weight {
  Value* value;
  int depth_axis;
  float unit;  // what magnitudes are measured in
};

// Indices of the `count` smallest magnitudes; of equal ones the first.
std::vector<size_t> smallest(const std::vector<float>& magnitudes, size_t count) {
  std::vector<size_t> order(magnitudes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), [&](size_t a, size_t b) {
    return magnitudes[a] != magnitudes[b] ? magnitudes[a] < magnitudes[b] : a < b;
  });
  order.resize(count);
  return order;
}

bool replace(Value* w, std::vector<float> values) {
  Tensor pruned = Tensor::of_floats(w->constant->shape(), values);
  if (pruned == *w->constant) return false;
  w->constant = std::make_shared<const Tensor>(std::move(pruned));
  return true;
}

// All weights of the list together lose a share.
bool prune_free(const std::vector<Weight>& weights, double target) {
  std::vector<float> magnitudes;
  for (const Weight& w : weights)
    for (const float v : w.value->constant->floats()) magnitudes.push_back(std::fabs(v) / w.unit);
  const auto count = static_cast<size_t>(target * static_cast<double>(magnitudes.size()));
  std::vector<bool> gone(magnitudes.size());
  if (count > 0)
    for (const size_t i : smallest(magnitudes, count)) gone[i] = true;
  bool changed = false;
  size_t at = 0;
  for (const Weight& w : weights) {
    std::vector<float> values(w.value->constant->floats().begin(), w.value->constant->floats().end());
    for (float& v : values)
      if (gone[at++]) v = 0;
    changed = replace(w.value, std::move(values)) || changed;
  }
  return changed;
}

// Of every `of` weights that follow each other along the depth axis the largest `keep` stay.
bool prune_pattern(const Weight& w, Pattern pattern) {
  const Shape& shape = *w.value->shape;
  const auto axis = static_cast<size_t>(w.depth_axis);
  int64_t inner = 1, outer = 1;
  for (size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
  for (size_t d = 0; d < axis; ++d) outer *= shape[d];
  std::vector<float> values(w.value->constant->floats().begin(), w.value->constant->floats().end());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i)
      for (int64_t g = 0; g + pattern.of <= shape[axis]; g += pattern.of) {
        std::vector<float> magnitudes;
        const auto place = [&](int64_t k) { return static_cast<size_t>((o * shape[axis] + g + k) * inner + i); };
        for (int64_t k = 0; k < pattern.of; ++k) magnitudes.push_back(std::fabs(values[place(k)]));
        for (const size_t k : smallest(magnitudes, static_cast<size_t>(pattern.of - pattern.keep)))
          values[place(static_cast<int64_t>(k))] = 0;
      }
  return replace(w.value, std::move(values));
}

Result<std::vector<Weight>> find_weights(const Graph& graph, const Options& options, PassContext& ctx) {
  std::vector<Weight> list;
  std::set<const Value*> seen;
  for (const Node* n : graph.nodes()) {
    if (!ctx.selected(*n)) continue;
    for (const size_t i : weight_inputs(*n)) {
      Value* w = n->input(i);
      if (!w || !w->is_constant() || w->dtype != BT_F32 || w->rank() < 2 || w->constant->count() < options.small) continue;
      if (!seen.insert(w).second) continue;
      if (w->quant) {
        ctx.note(*n, "its weight is quantized already; prune before quantize");
        continue;
      }
      if (!all_finite(*w->constant))
        return Error{Code::bad_input, formatted("weight {} of node {} holds NaN or infinity; its magnitudes have no order", quote(w->name), quote(n->name))};
      double square = 0;
      for (const float v : w->constant->floats()) square += static_cast<double>(v) * static_cast<double>(v);
      const double rms = std::sqrt(square / static_cast<double>(w->constant->count()));
      list.push_back({w, weight_depth_axis(*n, i), options.scope == "model" && rms > 0 ? static_cast<float>(rms) : 1.0f});
    }
  }
  return list;
}

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  TRY(const Pattern pattern, parse_pattern(options.pattern));
  TRY(const auto weights, find_weights(graph, options, ctx));
  if (weights.empty()) return false;
  if (pattern.of == 0 && options.scope == "model") return prune_free(weights, options.target);
  bool changed = false;
  for (const Weight& w : weights)
    changed = (pattern.of ? prune_pattern(w, pattern) : prune_free({w}, options.target)) || changed;
  return changed;
}

}  // namespace

extern constinit const Pass prune_magnitude = make_pass<Options, describe, run>(
    "Sets the smallest weights to zero, freely or in an n:m pattern.", Effect::lossy);

}  // namespace bantam
