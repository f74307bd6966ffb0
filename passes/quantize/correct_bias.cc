// SPDX-License-Identifier: Apache-2.0
// Takes the mean error that rounding brings into a product's channels out of its bias.
//
//   %y = Conv(%x, %w q(...), %b) integer   =>   %y = Conv(%x, %w q(...), %y.bias) integer
//
// Rounded weights and inputs do not only add noise to a channel, they also move its mean, and the
// layers behind amplify that; depthwise layers, with few weights per channel, suffer most (Nagel et
// al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019; here the mean is
// measured). Layers are visited in order, so that each is corrected for what its corrected
// predecessors leave. Where a clamp is fused, only elements that it lets through count: the others do
// not depend on the bias.
//
// Belongs between quantize and lower-to-integer. A correction that does not bring a layer's output
// closer to the float one is taken back, and all of them if the model's outputs do not gain.
#include <algorithm>
#include <cmath>
#include <set>

#include "base/format.h"
#include "pass/pass.h"
#include "quant/paired_run.h"
#include "quant/weights.h"

namespace bantam {
namespace {

struct Options {
  int samples = 16, rounds = 2;
};

void describe(OptionList& list, Options& o) {
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure with");
  list.number("rounds", &o.rounds, 1, 10,
              "corrections of one layer: a clamp makes the first one inexact");
}

bool may_correct(const Node& n, PassContext& ctx) {
  if (!n.integer || n.op->quant != BT_QUANT_MACS || !ctx.selected(n) || !n.output()) return false;
  if (n.is("ConvTranspose") && n.attr_int("group") > 1) return false;  // another order of channels
  const Value *w = n.input(1), *bias = n.input(2);
  if (!w || !w->is_constant() || !w->quant || n.output()->rank() < 2) return false;
  return !bias || (bias->is_constant() && bias->dtype == BT_F32 && !bias->quant);
}

// Sum of differences of one channel of one sample, and how many there are.
struct Sum {
  double value = 0;
  int64_t count = 0;
};

// Over the elements of each channel that the clamp of the node lets through.
std::vector<Sum> channel_sums(const Node& n, const Tensor& got, const Tensor& want) {
  Quant along;
  along.axis = channel_axis(n);
  along.scale.resize(static_cast<size_t>(want.shape()[static_cast<size_t>(along.axis)]));
  const ChannelIndex channel(want.shape(), along);
  const float lo = n.attr_float("lo"), hi = n.attr_float("hi");
  std::vector<Sum> sums(along.scale.size());
  const auto a = got.floats(), b = want.floats();
  for (size_t i = 0; i < b.size(); ++i) {
    if (!(a[i] > lo && a[i] < hi) || !std::isfinite(b[i])) continue;
    Sum& sum = sums[channel(static_cast<int64_t>(i))];
    sum.value += static_cast<double>(b[i]) - static_cast<double>(a[i]);
    ++sum.count;
  }
  return sums;
}

// The mean over all samples, made smaller by what of it may be chance: where samples disagree about the
// error of a channel, its mean over a few of them says little about others (shrinkage after Stein).
double credible_mean(const std::vector<Sum>& by_sample) {
  Sum all;
  for (const Sum& s : by_sample) all.value += s.value, all.count += s.count;
  if (all.count == 0 || all.value == 0) return 0;
  const auto count = static_cast<double>(all.count), samples = static_cast<double>(by_sample.size());
  const double mean = all.value / count;
  double spread = 0;
  for (const Sum& s : by_sample) {
    const double off = s.value - mean * static_cast<double>(s.count);
    spread += off * off;
  }
  const double variance = samples > 1 ? spread / (count * count) * samples / (samples - 1) : 0;
  return mean * std::max(0.0, 1 - variance / (mean * mean));
}

std::vector<double> mean_error(const Node& n, const std::vector<Tensor>& got,
                               const std::vector<Tensor>& want) {
  std::vector<std::vector<Sum>> by_channel;
  for (size_t s = 0; s < want.size(); ++s) {
    const auto sums = channel_sums(n, got[s], want[s]);
    by_channel.resize(sums.size());
    for (size_t c = 0; c < sums.size(); ++c) by_channel[c].push_back(sums[c]);
  }
  std::vector<double> means;
  for (const auto& by_sample : by_channel) means.push_back(credible_mean(by_sample));
  return means;
}

class Corrector {
 public:
  Corrector(Graph& graph, const Options& options, PassContext& ctx)
      : graph_(graph), options_(options), ctx_(ctx) {}

  Result<bool> run() {
    const auto nodes = graph_.nodes();
    const auto wanted = std::count_if(nodes.begin(), nodes.end(),
                                      [&](const Node* n) { return may_correct(*n, ctx_); });
    if (wanted == 0) return false;
    TRY(const double before, walk(nodes, false));
    TRY(const double after, walk(nodes, true));
    const bool kept = after < before && !changes_.empty();
    settle_changes(kept);
    if (kept)
      ctx_.note(formatted("{} of {} layers: {:.1f} dB at the outputs, {:.1f} dB before",
                          changes_.size(), wanted, decibels(after), decibels(before)));
    return kept;
  }

 private:
  struct Change {
    Node* node;
    Value* old_bias;  // null: there was none
  };

  static double decibels(double error) { return -10 * std::log10(std::max(error, 1e-30)); }

  // Error at the outputs after a walk along all nodes, correcting them or not.
  Result<double> walk(const std::vector<Node*>& nodes, bool correcting) {
    TRY(PairedRun run,
        PairedRun::start(graph_, *ctx_.data, options_.samples, ctx_.threads, ctx_.originals));
    for (size_t i = 0; i < nodes.size(); ++i) {
      Node* n = nodes[i];
      TRY(run.settle(*n, Side::real));  // with the bias as it was
      if (correcting && may_correct(*n, ctx_)) TRY(correct(run, *n));
      TRY(run.settle(*n, Side::rounded));
      run.leave(*n);
      const double done = static_cast<double>(i + 1) / static_cast<double>(nodes.size());
      if (ctx_.progress) ctx_.progress("correct bias", (done + (correcting ? 1 : 0)) / 2);
    }
    return run.error_at_outputs(graph_);
  }

  Result<void> correct(const PairedRun& run, Node& n) {
    const auto& want = run.at(n.output(), Side::real);
    const Change change{&n, n.input(2)};
    TRY(auto got, run.compute(n, Side::rounded));
    double noise = squared_error(got, want).noise;
    bool changed = false;
    for (int round = 0; round < options_.rounds; ++round) {
      Value* last = n.input(2);
      put(n, moved(n, mean_error(n, got, want)));
      TRY(auto next, run.compute(n, Side::rounded));
      const double now = squared_error(next, want).noise;
      const bool better = now < noise;
      Value* unwanted = better ? last : n.input(2);
      if (!better) put(n, last);
      if (unwanted && unwanted != change.old_bias) graph_.erase_constant(unwanted);
      if (!better) break;
      changed = true;
      noise = now;
      got = std::move(next);
    }
    if (changed) changes_.push_back(change);
    return {};
  }

  // A new bias, moved by `by`.
  Value* moved(const Node& n, const std::vector<double>& by) {
    std::vector<float> values;
    const Value* old = n.input(2);
    for (size_t c = 0; c < by.size(); ++c) {
      const double before = old ? old->constant->number(static_cast<int64_t>(c)) : 0;
      values.push_back(static_cast<float>(before + by[c]));
    }
    const std::string name = old ? old->name : n.output()->name + ".bias";
    const auto channels = static_cast<int64_t>(values.size());
    return graph_.add_constant(name, Tensor::of_floats({channels}, values));
  }

  void put(Node& n, Value* bias) {
    if (n.inputs.size() > 2) graph_.set_input(&n, 2, bias);
    else if (bias) graph_.add_node_input(&n, bias);
  }

  void settle_changes(bool keep) {
    std::set<Value*> unwanted;  // layers may have shared a bias
    for (const Change& c : changes_) {
      unwanted.insert(keep ? c.old_bias : c.node->inputs[2]);
      if (!keep) put(*c.node, c.old_bias);
    }
    for (Value* v : unwanted)
      if (v && v->uses().empty() && !v->is_output()) graph_.erase_constant(v);
  }

  Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  std::vector<Change> changes_;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (!ctx.data) return false;  // without samples there are no integer nodes either
  return Corrector(graph, options, ctx).run();
}

}  // namespace

extern constinit const Pass correct_bias = make_pass<Options, describe, run>(
    "Takes the mean error of rounding out of the biases.", Effect::lossy, false);

}  // namespace bantam
