// SPDX-License-Identifier: Apache-2.0
// Runs the float graph on the calibration samples and remembers the distribution of every value, for
// `quantize`. Changes nothing in the graph.
//
// Distributions are histograms over fixed bins, so memory does not grow with the samples, and neither
// their order nor the number of threads matters.
#include "base/format.h"
#include "pass/pass.h"

namespace bantam {
namespace {

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  if (!ctx.data) {
    ctx.warn("", "there are no calibration samples: activations stay in float, only weights are quantized", "--data DATA");
    return false;
  }
  const auto progress = [&](double fraction) {
    if (ctx.progress) ctx.progress("calibrate", fraction);
  };
  TRY(ctx.calibration, collect(graph, *ctx.data, ctx.threads, progress));
  for (const Value* v : graph.values())  // nothing is chosen from what was seen of ranges that are given
    if (v->quant)
      for (Calibration::Part& part : ctx.calibration->parts) part.values.erase(v->name);
  ctx.note(formatted("{} sample{}", ctx.calibration->samples, ctx.calibration->samples == 1 ? "" : "s"));
  return false;
}

}  // namespace

extern constinit const Pass calibrate = make_pass<NoOptions, describe_nothing, run>(
    "Collects the distribution of every value over the calibration samples.", Effect::annotation, false);

}  // namespace bantam
