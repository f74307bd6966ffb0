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
// Belongs between quantize and lower-to-integer. A correction that does not bring a channel closer to
// the float one is taken back, and all of them if the model's outputs do not gain.
#include <algorithm>
#include <cmath>
#include <set>

#include "base/format.h"
#include "ir/match.h"
#include "pass/pass.h"
#include "quant/output_error.h"
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

// Of one channel of one sample: the sum of differences over the elements that the clamp of the node
// lets through, how many there are, and the squares of all differences.
struct Sum {
  double value = 0, noise = 0;
  int64_t count = 0;
};
using Sums = std::vector<Sum>;

// `got` is the result without its clamp; its channels are moved, and clamped.
Sums channel_sums(const Node& n, const Tensor& got, const Tensor& want,
                  const std::vector<double>& by) {
  const Shape& shape = want.shape();
  const auto axis = static_cast<size_t>(channel_axis(n));
  size_t inner = 1, at = 0;
  for (size_t d = axis + 1; d < shape.size(); ++d) inner *= static_cast<size_t>(shape[d]);
  const float lo = n.attr_float("lo"), hi = n.attr_float("hi");
  Sums sums(static_cast<size_t>(shape[axis]));
  const std::vector<float> moves(by.begin(), by.end());
  const auto a = got.floats(), b = want.floats();
  while (at < b.size())
    for (size_t c = 0; c < sums.size(); ++c) {
      Sum& sum = sums[c];
      for (const size_t end = at + inner; at < end; ++at) {
        const float moved = a[at] + moves[c];
        const double off = static_cast<double>(b[at]) -
                           static_cast<double>(std::min(std::max(moved, lo), hi));
        if (!std::isfinite(off)) continue;
        sum.noise += off * off;
        if (!(moved > lo && moved < hi)) continue;
        sum.value += off;
        ++sum.count;
      }
    }
  return sums;
}

// The mean over all samples, made smaller by what of it may be chance: where samples disagree about the
// error of a channel, its mean over a few of them says little about others (shrinkage after Stein).
double credible_mean(const Sums& by_sample) {
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

// How the channels of a node's result, without its clamp, are best moved.
class ChannelMoves {
 public:
  ChannelMoves(const Node& n, const std::vector<Tensor>& got, const std::vector<Tensor>& want)
      : node_(n), got_(got), want_(want) {
    const auto axis = static_cast<size_t>(channel_axis(n));
    by_.resize(static_cast<size_t>(want.at(0).shape()[axis]));
    sums_ = sums_with(by_);
  }

  // A move of each channel, kept where the channel's error falls; false: of none it did.
  bool improve() {
    std::vector<double> tried = by_;
    for (size_t c = 0; c < by_.size(); ++c) tried[c] += credible_mean(sums_[c]);
    const auto sums = sums_with(tried);
    bool any = false;
    for (size_t c = 0; c < by_.size(); ++c) {
      if (!(noise(sums[c]) < noise(sums_[c]))) continue;
      by_[c] = tried[c];
      sums_[c] = sums[c];
      any = true;
    }
    return any;
  }

  const std::vector<double>& by() const { return by_; }

 private:
  static double noise(const Sums& by_sample) {
    double sum = 0;
    for (const Sum& s : by_sample) sum += s.noise;
    return sum;
  }

  // By channel, then by sample.
  std::vector<Sums> sums_with(const std::vector<double>& by) const {
    std::vector<Sums> by_channel(by.size());
    for (size_t s = 0; s < want_.size(); ++s) {
      const Sums sums = channel_sums(node_, got_[s], want_[s], by);
      for (size_t c = 0; c < sums.size(); ++c) by_channel[c].push_back(sums[c]);
    }
    return by_channel;
  }

  const Node& node_;
  const std::vector<Tensor>&got_, &want_;
  std::vector<double> by_;
  std::vector<Sums> sums_;
};

// The result of the node once its channels are moved.
Tensor moved_and_clamped(const Node& n, const Tensor& got, const std::vector<double>& by) {
  const auto axis = static_cast<size_t>(channel_axis(n));
  size_t inner = 1, at = 0;
  for (size_t d = axis + 1; d < got.shape().size(); ++d) inner *= static_cast<size_t>(got.shape()[d]);
  const float lo = n.attr_float("lo"), hi = n.attr_float("hi");
  std::vector<float> values(got.floats().begin(), got.floats().end());
  while (at < values.size())
    for (const double move : by)
      for (const size_t end = at + inner; at < end; ++at)
        values[at] = std::min(std::max(values[at] + static_cast<float>(move), lo), hi);
  return Tensor::of_floats(got.shape(), values);
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
    const Graph uncorrected = graph_.clone();
    TRY(PairedRun run, PairedRun::start(graph_, *ctx_.data, options_.samples, ctx_.threads,
                                        ctx_.originals));
    TRY(walk(run, nodes));
    TRY(const double before, run.error_of(uncorrected, *ctx_.data));
    const double after = run.error_at_outputs(graph_);
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

  Result<void> walk(PairedRun& run, const std::vector<Node*>& nodes) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      Node* n = nodes[i];
      TRY(run.settle(*n, Side::real));  // with the bias as it was
      if (may_correct(*n, ctx_)) TRY(correct(run, *n));
      else TRY(run.settle(*n, Side::rounded));
      run.leave(*n);
      if (ctx_.progress)
        ctx_.progress("correct bias", static_cast<double>(i + 1) / static_cast<double>(nodes.size()));
    }
    return {};
  }

  // A bias moves the result by itself: the product is computed once, whatever is tried.
  Result<void> correct(PairedRun& run, Node& n) {
    const auto& want = run.at(n.output(), Side::real);
    TRY(auto got, run.compute_open(n, Side::rounded));
    ChannelMoves moves(n, got, want);
    const int rounds = has_clamp(n) ? options_.rounds : 1;
    for (int round = 0; round < rounds && moves.improve(); ++round) {
    }
    for (Tensor& t : got) t = moved_and_clamped(n, t, moves.by());
    run.settle(n, Side::rounded, std::move(got));
    if (std::all_of(moves.by().begin(), moves.by().end(), [](double v) { return v == 0; })) return {};
    changes_.push_back({&n, n.input(2)});
    put(n, moved(n, moves.by()));
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
