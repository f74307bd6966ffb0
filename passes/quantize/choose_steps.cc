// SPDX-License-Identifier: Apache-2.0
// Chooses the step size of every layer's weights, so that the entropy-coded file is as short as a stated
// quality at the outputs allows. A layer that hardly matters gets a coarse step, one that matters a fine
// one. Only annotates; rounding happens where the weights are stored or lowered.
//
//   const %w : f32[64,64,3,3]   =>   const %w : f32[64,64,3,3] q(i8, scale=0.031)
//
// Rounding with step D adds noise of power D^2/12 to a layer; the error at the outputs grows by S * (D/rms)^2,
// with a sensitivity S that is measured layer by layer, and the coded layer shrinks by one bit per
// weight when D doubles. The least error for a given size has D proportional to rms * sqrt(n / S)
// ("reverse water-filling", Cover and Thomas, Elements of Information Theory, 10.3.3); the common factor is
// found by bisection on the measured error of the whole network (lib/quant/step_search.h).
//
// With rounding=compensated all of this is measured with weights that are rounded as round-weights does it,
// from samples that the error is not measured on. Belongs before quantize.
#include <cmath>

#include "base/format.h"
#include "pass/pass.h"
#include "quant/output_error.h"
#include "quant/step_search.h"

namespace bantam {
namespace {

struct Options {
  double quality = 20;
  int samples = 16, small = 256, bits = 8;
  std::string rounding = "nearest";
};

void describe(OptionList& list, Options& o) {
  list.real("quality", &o.quality, 5, 60, "signal to noise at the outputs (of chances: of their logarithms) that the rounded weights alone keep, in dB");
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure with");
  list.number("small", &o.small, 1, 1000000, "tensors of fewer elements are left to quantize");
  list.number("bits", &o.bits, 8, 16, "a channel whose largest weight would need more gets a coarser step; more than 8 are for weights that are computed in float");
  list.word("rounding", &o.rounding, "nearest|compensated", "how the weights will be rounded: by quantize alone, or by round-weights");
}

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (!ctx.data) {
    ctx.warn("", "without calibration samples no layer's sensitivity can be measured: all weights get 8 bits", "--data DATA");
    return false;
  }
  const auto selected = [&](const Node& n) { return ctx.selected(n); };
  const auto progress = [&](double fraction) {
    if (ctx.progress) ctx.progress("choose steps", fraction);
  };
  const StepOptions measured{.bits = options.bits, .samples = options.samples, .small = options.small,
                             .compensated = options.rounding == "compensated", .threads = ctx.threads};
  if (!ctx.steps || !ctx.steps->attach(graph, measured, selected, progress)) {
    TRY(StepSearch fresh, StepSearch::measure(graph, *ctx.data, measured, selected, progress));
    ctx.steps = std::make_shared<StepSearch>(std::move(fresh));
  }
  StepSearch& search = *ctx.steps;
  if (search.layers() == 0) return false;
  const double wanted = error_at(options.quality);
  TRY(const double error, search.choose(wanted));
  search.annotate();
  ctx.note(formatted("{} layers, {:.1f} dB at the outputs", search.layers(), decibels(error)));
  if (error > wanted)
    ctx.warn("", formatted("weights of {} bits reach {:.1f} dB, not the {:.1f} dB asked for", options.bits, decibels(error), options.quality), "-p '... choose-steps(quality=...)'");
  return true;
}

}  // namespace

extern constinit const Pass choose_steps = make_pass<Options, describe, run>(
    "Chooses each layer's weight step from its measured sensitivity.", Effect::lossy, false);

}  // namespace bantam
