// SPDX-License-Identifier: Apache-2.0
// Finds the few layers that 8-bit integers would ruin and keeps them in float, where a stated quality at
// the outputs is not reached otherwise; their weights are stored in 8 bits all the same, or in 12 where
// it is the weights that suffer. Changes nothing itself: `quantize`, which must follow, acts on it.
//
// First the whole network is quantized on a copy and measured; most networks pass and nothing more is
// done. Otherwise every integer layer is rounded alone (its operands and weights, all else in float), and
// the layers whose noise at the outputs is largest are taken out until the rest adds up to less than
// asked. Noise does not quite add up, so the result is measured again, a few rounds if needed.
#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "pass/pass.h"
#include "pass/recipe.h"
#include "pass/runner.h"
#include "quant/output_error.h"

namespace bantam {
namespace {

struct Options {
  double quality = 18;
  int samples = 4;
  std::string steps = "quantize";
};

void describe(OptionList& list, Options& o) {
  list.real("quality", &o.quality, 0, 60, "signal to noise at the outputs below which layers are kept in float, in dB");
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure with");
  list.text("steps", &o.steps, "the steps that will follow, for the measurement");
}

constexpr int kRounds = 4;
constexpr double kWorthALook = 0.02;  // share of all noise allowed that one layer's weights may make unseen

struct Suspect {
  std::string output;    // first output of the node
  double noise;          // at the network's outputs, when it alone is rounded
  double weights_noise;  // the part of it that its weights make
};

class Chooser {
 public:
  Chooser(const Graph& graph, const Options& options, PassContext& ctx) : graph_(graph), options_(options), ctx_(ctx) {}

  Result<void> run() {
    TRY(steps_, parse_recipe(options_.steps, false));
    TRY(error_, OutputError::of_reference(graph_, *ctx_.data, options_.samples, ctx_.threads));
    const double wanted = error_at(options_.quality);
    TRY(double error, measure());
    const double before = error;
    if (error <= wanted) {
      ctx_.note(formatted("all layers in integers: {:.1f} dB at the outputs", decibels(error)));
      return {};
    }
    TRY(std::vector<Suspect> suspects, measure_alone());
    double share = 1;  // of the wanted noise that the remaining layers may add up to
    for (int round = 0; round < kRounds && error > wanted && !suspects.empty(); ++round, share /= 2) {
      take_out(suspects, wanted * share);
      TRY(error, measure());
      ctx_.note(formatted("round {}: {} layers in float, {:.1f} dB at the outputs", round + 1, ctx_.keep_float.size(), decibels(error)));
    }
    report(before, error);
    return {};
  }

 private:
  // The error with everything quantized but what is kept.
  Result<double> measure() {
    TRY(const Graph copy, quantized());
    return error_.of(copy);
  }

  Result<Graph> quantized() {
    Graph copy = graph_.clone();
    PassContext ctx = ctx_.for_trial();
    TRY(run_recipe(copy, steps_, ctx, {}));
    return copy;
  }

  // Every node that reads integers, rounded alone: of all annotations only those of its operands stay.
  Result<std::vector<Suspect>> measure_alone() {
    std::vector<Suspect> list;
    TRY(const Graph annotated, quantized());
    std::vector<std::string> names;
    for (const Node* n : annotated.nodes())
      if (n->integer && n->output() && (n->op->quant == BT_QUANT_MACS || n->op->quant == BT_QUANT_ARITH || n->op->quant == BT_QUANT_TABLE))
        names.push_back(n->output()->name);
    for (size_t i = 0; i < names.size(); ++i) {
      Graph alone = annotated.clone();
      const Node* node = alone.find(names[i])->producer;
      for (Value* v : alone.values())
        if (v->dtype == BT_F32 && std::find(node->inputs.begin(), node->inputs.end(), v) == node->inputs.end()) v->quant.reset();
      TRY(const double noise, error_.of(alone));
      double weights_noise = 0;
      if (node->op->quant == BT_QUANT_MACS && noise > error_at(options_.quality) * kWorthALook) {
        for (Value* v : alone.values())
          if (!v->is_constant()) v->quant.reset();
        TRY(weights_noise, error_.of(alone));
      }
      list.push_back({names[i], noise, weights_noise});
      if (ctx_.progress) ctx_.progress("choose precision", static_cast<double>(i + 1) / static_cast<double>(names.size()));
    }
    std::stable_sort(list.begin(), list.end(), [](const Suspect& a, const Suspect& b) { return a.noise > b.noise; });
    return list;
  }

  // The worst ones go until the others' noise fits; at least one.
  void take_out(std::vector<Suspect>& suspects, double room) {
    double left = 0;
    for (const Suspect& s : suspects) left += s.noise;
    size_t gone = 0;
    while (gone < suspects.size() && (gone == 0 || left > room)) {
      left -= suspects[gone].noise;
      ctx_.keep_float.insert(suspects[gone].output);
      if (suspects[gone].weights_noise > room * kWorthALook) ctx_.fine_weights.insert(suspects[gone].output);
      ++gone;
    }
    suspects.erase(suspects.begin(), suspects.begin() + static_cast<std::ptrdiff_t>(gone));
  }

  void report(double before, double after) {
    for (const std::string& name : ctx_.keep_float) ctx_.note(*graph_.find(name)->producer, "stays in float");
    ctx_.warn("", formatted("8-bit integers throughout give {:.1f} dB at the outputs; with {} layers in float it is {:.1f} dB", decibels(before), ctx_.keep_float.size(), decibels(after)),
              "--skip choose-precision for integers throughout");
  }

  const Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  OutputError error_;
  std::vector<Step> steps_;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (ctx.data && ctx.calibration) TRY(Chooser(graph, options, ctx).run());
  return false;
}

}  // namespace

extern constinit const Pass choose_precision = make_pass<Options, describe, run>(
    "Keeps in float what integers would ruin.", Effect::annotation, false);

}  // namespace bantam
