// SPDX-License-Identifier: Apache-2.0
// Replaces the weights of a layer by a palette of a few numbers: the file then holds the palette and
// short indices, which the entropy coder shortens further. Computation stays in float.
//
//   const %w : f32[64,32,3,3]   =>   const %w : f32[64,32,3,3]    of 16 distinct numbers (bits=4)
//
// Lossy. Use it where the target computes in float anyway; `quantize` makes smaller files of networks
// that run in integers. Zeros of pruned weights stay zeros. A model whose weights are shared already
// keeps its palette.
#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "pass/pass.h"
#include "quant/codebook.h"
#include "quant/weights.h"

namespace bantam {
namespace {

struct Options {
  int bits = 6, group = 0, small = 256;
};

void describe(OptionList& list, Options& o) {
  list.number("bits", &o.bits, 2, 8, "bits per index: a palette has 2^bits numbers");
  list.number("group", &o.group, 0, 65536, "output channels that share a palette; 0: one for the tensor");
  list.number("small", &o.small, 1, 1000000, "tensors of fewer elements stay as they are");
}

// One palette per group of channels along `axis`.
Tensor share(const Tensor& weight, int axis, const Options& options) {
  const auto values = weight.floats();
  const int64_t channels = weight.shape()[static_cast<size_t>(axis)];
  const int64_t group = options.group > 0 ? options.group : channels;
  int64_t inner = 1;
  for (size_t d = static_cast<size_t>(axis) + 1; d < weight.shape().size(); ++d) inner *= weight.shape()[d];
  std::vector<std::vector<float>> members(static_cast<size_t>((channels + group - 1) / group));
  const auto group_of = [&](size_t i) { return static_cast<size_t>(static_cast<int64_t>(i) / inner % channels / group); };
  for (size_t i = 0; i < values.size(); ++i) members[group_of(i)].push_back(values[i]);
  std::vector<std::vector<float>> palettes;
  for (const auto& m : members) palettes.push_back(choose_palette(m, 1 << options.bits));
  std::vector<float> out(values.size());
  for (size_t i = 0; i < values.size(); ++i) out[i] = nearest_entry(palettes[group_of(i)], values[i]);
  return Tensor::of_floats(weight.shape(), out);
}

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  bool changed = false;
  std::set<const Value*> done;
  for (Node* n : graph.nodes()) {
    if (!ctx.selected(*n)) continue;
    for (const size_t i : weight_inputs(*n)) {
      Value* w = n->input(i);
      if (!w || !w->is_constant() || w->dtype != BT_F32 || w->rank() < 2 || w->constant->count() < options.small) continue;
      if (!done.insert(w).second) continue;
      if (w->quant) {
        ctx.note(*n, "its weight is quantized already; it keeps its integers");
        continue;
      }
      if (!all_finite(*w->constant))
        return Error{Code::bad_input, formatted("weight {} of node {} holds NaN or infinity; it has no palette", quote(w->name), quote(n->name))};
      Tensor shared = share(*w->constant, weight_axis(*n, i), options);
      if (shared == *w->constant) continue;
      w->constant = std::make_shared<const Tensor>(std::move(shared));
      changed = true;
    }
  }
  return changed;
}

}  // namespace

extern constinit const Pass share_weights = make_pass<Options, describe, run>(
    "Replaces weights by palettes of few numbers (k-means).", Effect::lossy);

}  // namespace bantam
