// SPDX-License-Identifier: Apache-2.0
// Rounds the weights of products so that their outputs change least on the calibration samples,
// where plain rounding takes the nearest integer for each weight by itself.
//
//   const %w : f32[4,2] q(axis=1, bits=3, scale=[0.3, 0.1]) = [0.9, -0.31, 0.42, ...]
//   => const %w : f32[4,2] q(axis=1, bits=3, scale=[0.3, 0.1]) = [0.9, -0.3, 0.3, ...]
//
// The inputs of a layer are correlated, so that an error in one weight can be made up for by the
// others of its row (lib/quant/round_rows.h). Scales stay as they are. Layers are visited in order
// and meet the inputs that their rounded predecessors leave them. Some of the samples have no say
// in the rounding: on these the layer is judged, and rounded plainly unless its output has come
// closer to the float one.
//
// With bias=correct the mean error of an output is left to the bias, so that the weights need not
// make up for it; with bias=store the bias is rounded too, so that its error is that of one weight.
//
// Belongs behind what chooses the scales (quantize, choose-steps) and before correct-bias.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "pass/pass.h"
#include "quant/rounded_layer.h"
#include "quant/sample_share.h"
#include "quant/weight_scale.h"
#include "quant/weights.h"

namespace bantam {
namespace {

struct Options {
  int samples = 32, columns = 2048, sweeps = 2;
  double damping = 0.01;
  std::string bias = "keep";
};

void describe(OptionList& list, Options& o) {
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure with");
  list.number("columns", &o.columns, 16, 1000000,
              "columns of a layer's input to measure; at least twice its depth");
  list.number("sweeps", &o.sweeps, 0, 100, "rounds in which single weights may still change");
  list.real("damping", &o.damping, 0.0001, 10,
            "distrust of measured correlations, more where columns are few");
  list.word("bias", &o.bias, "keep|correct|store",
            "let the biases of products in float take the mean error; store them in few bits");
}

using Weights = std::shared_ptr<const Tensor>;

class Rounder {
 public:
  Rounder(Graph& graph, const Options& options, PassContext& ctx)
      : graph_(graph), options_(options), ctx_(ctx) {}

  Result<bool> run() {
    const auto nodes = graph_.nodes();
    const auto wanted = [&](const Node* n) { return may_round(*n); };
    if (std::none_of(nodes.begin(), nodes.end(), wanted)) return false;
    TRY(PairedRun run, PairedRun::start(graph_, *ctx_.data, options_.samples, ctx_.threads,
                                        ctx_.originals));
    for (size_t s = 0; s < run.samples(); ++s)
      (is_judge(static_cast<int64_t>(s)) ? judges_ : teachers_).push_back(s);
    if (judges_.empty()) judges_ = teachers_;
    for (size_t i = 0; i < nodes.size(); ++i) {
      const Node& n = *nodes[i];
      TRY(run.settle(n, Side::real));
      if (may_round(n)) TRY(round(run, n));
      TRY(run.settle(n, Side::rounded));
      run.leave(n);
      const double done = static_cast<double>(i + 1) / static_cast<double>(nodes.size());
      if (ctx_.progress) ctx_.progress("round weights", done);
    }
    ctx_.note(formatted("{} of {} layers", rounded_, tried_));
    return rounded_ > 0;
  }

 private:
  // The weight as it was before anything was rounded.
  Weights original(const Value& w) const {
    const auto it = ctx_.originals.find(w.name);
    return it == ctx_.originals.end() ? w.constant : it->second;
  }

  bool may_round(const Node& n) const {
    if (n.op->quant != BT_QUANT_MACS || !ctx_.selected(n) || !n.output()) return false;
    if (!is_kernel_weight(n) || !ProductMatrix::of(n)) return false;
    const Value& w = *n.input(1);
    if (w.uses().size() != 1) return false;
    const Weights exact = original(w);
    return decode(encode(*exact, *w.quant), *w.quant) != *exact;
  }

  Result<void> round(const PairedRun& run, const Node& n) {
    const ProductMatrix matrix = *ProductMatrix::of(n);
    if (!RoundedLayer::is_measurable(matrix)) {
      ctx_.note(n, formatted("{} groups of depth {} are too much to measure; rounded plainly",
                             matrix.groups(), matrix.depth()));
      return {};
    }
    ++tried_;
    Value& w = *n.inputs[1];
    Value* bias = options_.bias == "keep" ? nullptr : free_bias(n);
    const Weights exact = original(w), plain = w.constant, bias_before = bias ? bias->constant : nullptr;
    TRY(const auto layer, RoundedLayer::measure(run, n, Side::rounded, teachers_,
                                                {.columns = static_cast<size_t>(options_.columns),
                                                 .damping = options_.damping,
                                                 .bias = bias != nullptr,
                                                 .threads = ctx_.threads}));
    if (!layer) return {};  // the samples leave nothing to multiply
    TRY(const double before, noise(run, n));
    auto rounded = layer->round(*exact, *w.quant, options_.sweeps);
    w.constant = std::make_shared<const Tensor>(std::move(rounded.weight));
    if (bias) bias->constant = std::make_shared<const Tensor>(moved_by(*bias->constant, rounded.bias));
    TRY(const double after, noise(run, n));
    if (after < before) {
      ctx_.originals.try_emplace(w.name, exact);
      ++rounded_;
    } else {
      w.constant = plain;
      if (bias) bias->constant = bias_before;
    }
    if (!bias) return {};
    if (options_.bias == "store") store(*bias, rounded.noise / static_cast<double>(matrix.depth()));
    if (bias->constant != bias_before) ctx_.originals.try_emplace(bias->name, bias_before);
    return {};
  }

  // The best use of bits gives every number of a layer the same share of the noise.
  static void store(Value& bias, double noise) {
    Quant q = weight_quant(*bias.constant, 0, {.bits = 16, .per_channel = false});
    q.scale[0] = std::max(q.scale[0], round_up_to_bf16(static_cast<float>(std::sqrt(12 * noise))));
    bias.constant = std::make_shared<const Tensor>(decode(encode(*bias.constant, q), q));
    bias.quant = std::make_shared<const Quant>(std::move(q));
  }

  // In the output of a layer, on the samples that judge.
  Result<double> noise(const PairedRun& run, const Node& n) const {
    TRY(const auto got, run.compute(n, Side::rounded, judges_));
    double sum = 0;
    for (size_t i = 0; i < judges_.size(); ++i)
      sum += squared_error({got[i]}, {run.at(n.output(), Side::real)[judges_[i]]}).noise;
    return sum;
  }

  Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  std::vector<size_t> teachers_, judges_;
  size_t tried_ = 0, rounded_ = 0;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (!ctx.data) {
    ctx.note("without calibration samples weights are rounded to the nearest");
    return false;
  }
  return Rounder(graph, options, ctx).run();
}

}  // namespace

extern constinit const Pass round_weights = make_pass<Options, describe, run>(
    "Rounds weights so that the errors of neighbours cancel.", Effect::lossy, false);

}  // namespace bantam
