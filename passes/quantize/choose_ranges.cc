// SPDX-License-Identifier: Apache-2.0
// Chooses how far the 8 bits of values reach. Only writes the ranges down: `quantize`, which must
// follow, takes them.
//
// The range of the smallest squared error gives up the peaks of a value for finer steps. In a single
// value that is the best bargain. But rounding has as many signs as elements and averages out in the
// sums that follow, while what is clipped has one sign, lies together, and is clipped again in the
// next layers, so that it adds up along the network: how much depends on its depth and on what it
// computes. So clipped elements count several times, and how many is measured: the whole network is
// quantized on trial with each of a few weights, and the one that leaves the outputs closest to the
// float model is kept.
//
// Belongs between calibrate and quantize.
#include <algorithm>
#include <array>

#include "base/format.h"
#include "pass/pass.h"
#include "quant/output_error.h"
#include "quant/precision_suspects.h"

namespace bantam {
namespace {

struct Options {
  int samples = 16;
};

void describe(OptionList& list, Options& o) {
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure with");
}

constexpr std::array kWeights = {1, 4, 16};  // of clipped elements
constexpr double kWorthwhile = 0.95;         // of the error with the first of them

class RangeChooser {
 public:
  RangeChooser(Graph& graph, const Options& options, PassContext& ctx)
      : graph_(graph), options_(options), ctx_(ctx) {}

  Result<void> run() {
    const ErrorOptions options{.samples = std::min<int64_t>(options_.samples, affordable_samples()),
                               .threads = ctx_.threads,
                               .scores = true,
                               .calibration = ctx_.calibration.get()};
    TRY(const OutputError error, OutputError::of_reference(graph_, *ctx_.data, options));
    TRY(Graph best, quantized(kWeights[0]));
    TRY(const double before, error.of(best));
    double lowest = before * kWorthwhile;
    int chosen = kWeights[0];
    for (const int weight : kWeights) {
      if (weight == kWeights[0]) continue;
      TRY(Graph other, quantized(weight));
      TRY(const double now, error.of(other));
      if (!(now < lowest)) continue;
      lowest = now;
      chosen = weight;
      best = std::move(other);
    }
    if (chosen == kWeights[0]) return {};
    write_down(best);
    ctx_.note(formatted("clipped elements count {} times: {:.1f} dB at the outputs, {:.1f} dB before",
                        chosen, decibels(lowest), decibels(before)));
    return {};
  }

 private:
  // Time must not depend on how large a network is.
  int64_t affordable_samples() const {
    const PrecisionSuspects network(graph_, *ctx_.calibration);
    return std::clamp<int64_t>(network.affordable_samples(), 8, 1000);
  }

  Result<Graph> quantized(int weight) const {
    Graph copy = graph_.clone();
    PassContext trial = ctx_.for_trial();
    TRY(find_pass("quantize")->pass->run(copy, {{"clip", std::to_string(weight)}}, trial));
    return copy;
  }

  void write_down(const Graph& annotated) {
    for (Value* v : graph_.values()) {
      const Value* twin = annotated.find(v->name);
      if (!v->is_constant() && twin && twin->quant && !v->quant) v->range = twin->range;
    }
  }

  Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (ctx.data && ctx.calibration) TRY(RangeChooser(graph, options, ctx).run());
  return false;
}

}  // namespace

extern constinit const Pass choose_ranges = make_pass<Options, describe, run>(
    "Chooses how far the 8 bits of values reach.", Effect::annotation, false);

}  // namespace bantam
