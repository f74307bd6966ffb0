// SPDX-License-Identifier: Apache-2.0
#include "pass/trial_steps.h"

#include <algorithm>

#include "pass/runner.h"

namespace bantam {

Result<TrialSteps> TrialSteps::of(const Graph& graph, std::string_view recipe,
                                  const PassContext& ctx) {
  TrialSteps steps;
  TRY(steps.first_, parse_recipe(recipe, false));
  const auto rounds = std::find_if(steps.first_.begin(), steps.first_.end(), [](const Step& s) {
    return s.pass && s.pass->name == "round-weights";
  });
  if (rounds == steps.first_.end()) return steps;
  steps.later_.assign(rounds + 1, steps.first_.end());
  steps.first_.erase(rounds + 1, steps.first_.end());
  Graph copy = graph.clone();
  PassContext trial = ctx.for_trial();
  TRY(run_recipe(copy, steps.first_, trial, {}));
  for (const Value* v : copy.values()) {
    if (!v->is_constant() || !v->quant || !trial.originals.count(v->name)) continue;
    steps.quants_[v->name] = v->quant;
    steps.numbers_[v->name] = v->constant;
  }
  steps.first_.pop_back();
  return steps;
}

Result<void> TrialSteps::run(Graph& copy, PassContext& ctx) const {
  TRY(run_recipe(copy, first_, ctx, {}));
  round_weights(copy, ctx.originals);
  TRY(run_recipe(copy, later_, ctx, {}));
  return {};
}

// Weights with other steps now, as layers in float may have, keep the numbers that they have.
void TrialSteps::round_weights(Graph& copy, Originals& originals) const {
  for (Value* w : copy.values()) {
    const auto it = quants_.find(w->name);
    if (it == quants_.end() || !w->quant || !(*w->quant == *it->second)) continue;
    originals.try_emplace(w->name, w->constant);
    w->constant = numbers_.at(w->name);
  }
}

}  // namespace bantam
