// SPDX-License-Identifier: Apache-2.0
// Asks whether there were enough calibration samples: ranges from half of them are judged on the other
// half (lib/quant/range_check.h). Changes nothing; belongs behind `quantize`.
#include "pass/pass.h"

namespace bantam {
namespace {

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  if (!ctx.calibration) return false;
  const RangeCheck check = RangeCheck::of(graph, *ctx.calibration);
  if (check.samples != 1 && !check.is_possible()) return false;
  if (check.is_too_few()) ctx.warn("", check.text(), "--data with more samples, as different as those that the model will see");
  else ctx.note(check.text());
  ctx.calibration->range_check = check;
  return false;
}

}  // namespace

extern constinit const Pass check_ranges = make_pass<NoOptions, describe_nothing, run>(
    "Asks whether more calibration samples would change the ranges.", Effect::annotation, false);

}  // namespace bantam
