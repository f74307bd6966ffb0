// SPDX-License-Identifier: Apache-2.0
// Gives 16 bits to the few values that 8 would ruin, and keeps the few layers in float that 16 do
// not help, where a stated quality at the outputs is not reached otherwise. Changes nothing itself:
// `quantize`, which must follow, acts on it.
//
// First the whole network is quantized on a copy and measured; many networks pass and nothing more
// is done, but for layers whose float costs next to nothing. Otherwise every value is rounded
// alone, all else in float (a chain of elementwise nodes counts as one), and those that make the
// most noise at the outputs for the multiply-adds that read them get 16 bits, until the others'
// noise adds up to less than asked. Where 16 bits gain nothing (`wide` is 0), the nodes around such
// a value stay in float instead. Noise does not quite add up, so the result is measured again, a
// few rounds if needed. What noise is left then comes from weights: their layers stay in float.
// Each step of the ladder has a budget in multiply-adds, which only a network that would be of no
// use otherwise (`floor`) may exceed. Weights of layers in float for their sake are stored in 12
// bits; at last in 8, where that hardly adds to the noise or the quality is reached all the same.
// Outputs that hang on decisions (boxes that were kept) are judged by what the decisions are made on.
#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "pass/pass.h"
#include "pass/trial_steps.h"
#include "quant/decided.h"
#include "quant/output_error.h"
#include "quant/precision_plan.h"
#include "quant/precision_suspects.h"

namespace bantam {
namespace {

struct Options {
  double quality = 25, floor = 18, wide = 10, real = 5, cheap = 2;
  int samples = 4;
  std::string steps = "quantize";
};

void describe(OptionList& list, Options& o) {
  list.real("quality", &o.quality, 0, 90,
            "signal to noise at the outputs to reach within the budgets, in dB");
  list.real("floor", &o.floor, 0, 90,
            "signal to noise at the outputs to reach beyond the budgets, in dB");
  list.real("wide", &o.wide, 0, 100,
            "percent of the multiply-adds that may read 16-bit values; 0: none");
  list.real("float", &o.real, 0, 100, "percent of the multiply-adds that may stay in float");
  list.real("cheap", &o.cheap, 0, 100,
            "percent of them that stay in float for a tenth of the noise, though the quality is "
            "reached");
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure with");
  list.text("steps", &o.steps, "the steps that will follow, for the measurement");
}

constexpr int kRounds = 4, kMostRounds = 10;  // of trials within the budgets, and beyond them
constexpr double kWorthFloat = 2;  // dB that layers in float must gain together
constexpr double kHardlyMore = 1.05;  // times the noise, for which weights in 8 bits are worth it
constexpr double kLoud = 0.1;  // share of the noise that a value makes which is spared without need

class Chooser {
 public:
  Chooser(const Graph& graph, const Options& options, PassContext& ctx)
      : graph_(graph), options_(options), ctx_(ctx), suspects_(graph, *ctx.calibration) {}

  Result<void> run() {
    ErrorOptions options{.samples = options_.samples,
                         .threads = ctx_.threads,
                         .calibration = ctx_.calibration.get()};
    TRY(error_, OutputError::of_reference(graph_, *ctx_.data, options));
    options.scores = true;
    options.samples = std::min<int64_t>(options_.samples, suspects_.affordable_samples());
    TRY(ranking_, OutputError::of_reference(graph_, *ctx_.data, options));
    TRY(steps_, TrialSteps::of(graph_, options_.steps, ctx_));
    const double wanted = error_at(options_.quality);
    TRY(before_, measure());
    now_ = before_;
    if (now_ <= wanted) {
      ctx_.note(formatted("8 bits throughout: {:.1f} dB at the outputs", decibels(now_)));
      return spare_cheap_values();
    }
    TRY(measure_values());
    TRY(repair(wanted, options_.wide / 100, options_.real / 100));
    const double worst = error_at(options_.floor);
    rounds_ = kMostRounds;
    if (now_ > worst) TRY(repair(worst, 1, 1));
    if (now_ > worst) TRY(give_up());
    TRY(coarsen_weights(wanted));
    report();
    return {};
  }

 private:
  struct Choice {
    PrecisionPlan plan;
    double error;  // with it
  };
  Choice choice() const { return {plan_, now_}; }
  void restore(const Choice& c) { plan_ = c.plan, now_ = c.error; }

  // `quantize` is told.
  void tell() {
    ctx_.wide = plan_.wide.taken;
    ctx_.keep_float = plan_.in_float();
    ctx_.fine_weights = plan_.fine.taken;
    ctx_.fine_in_f16 = options_.wide == 0;  // formats other than ours have no 12 bits
    for (const std::string& name : coarse_) ctx_.fine_weights.erase(name);
  }

  // The error with everything quantized but what is taken out.
  Result<double> measure() {
    Graph copy = graph_.clone();
    tell();
    PassContext ctx = ctx_.for_trial();
    TRY(steps_.run(copy, ctx));
    TRY(const double error, error_.of(copy));
    if (rate_ == 0) {
      TRY(const double ranked, ranking_.of(copy));
      rate_ = ranked > 0 ? error / ranked : 1;
    }
    return error;
  }

  // As quantize annotates it, without the corrections that may follow.
  Result<Graph> annotated() {
    Graph copy = graph_.clone();
    tell();
    PassContext ctx = ctx_.for_trial();
    TRY(find_pass("quantize")->pass->run(copy, {}, ctx));
    return copy;
  }

  Result<void> measure_values() {
    TRY(const Graph graph, annotated());
    TRY(plan_.wide.suspects, suspects_.values(graph, noise_options()));
    plan_.eased.suspects = suspects_.in_float(graph, plan_.wide.suspects);
    return {};
  }

  Result<void> measure_weights() {
    TRY(const Graph graph, annotated());
    TRY(plan_.fine.suspects, suspects_.weights(graph, steps_.rounded_numbers(), noise_options()));
    return {};
  }

  NoiseOptions noise_options() {
    const auto progress = [this](double done) {
      if (ctx_.progress) ctx_.progress("choose precision", 0.8 * done);
    };
    return {&ranking_, rate_, ctx_.threads, progress};
  }

  // The quality is there. What makes a good part of the noise and is read by next to nothing, as
  // the pictures that come in, is not rounded all the same: the layers that read it stay in float.
  Result<void> spare_cheap_values() {
    NoiseOptions cheap = noise_options();
    cheap.least_share = 1e-9;
    cheap.most_share = std::min(options_.real, options_.cheap) / 100;
    if (cheap.most_share == 0) return {};
    TRY(const Graph graph, annotated());
    TRY(const auto values, suspects_.values(graph, cheap));
    double spent = 0;
    for (const Suspect& s : values) {
      if (s.noise < kLoud * now_ || spent + s.share() > cheap.most_share) continue;
      for (const auto& [layer, share] : s.products) plan_.eased.taken.insert(layer);
      spent += s.share();
    }
    if (plan_.eased.taken.empty()) return {};
    TRY(now_, measure());
    if (now_ < before_ * (1 - kLoud / 2)) {
      ctx_.note(formatted("{} layers in float, {:.1f} % of the multiply-adds: {:.1f} dB",
                          plan_.eased.taken.size(), 100 * spent, decibels(now_)));
    } else {
      plan_.eased.taken.clear();
      tell();
    }
    return {};
  }

  // With 16 bits, and floats for the weights that still cost too much; or with floats for both, where
  // 16 bits gain nothing.
  Result<void> repair(double wanted, double wide, double real) {
    if (options_.wide > 0) {
      TRY(climb({&plan_.wide}, wanted, wide));
      if (now_ <= wanted) return {};
    }
    if (plan_.fine.suspects.empty()) TRY(measure_weights());
    const Choice before = choice();
    std::vector<Rung*> rungs = {&plan_.fine};
    if (options_.wide == 0) rungs.push_back(&plan_.eased);
    TRY(climb(rungs, wanted, real));
    return_unless_worth_it(before);
    return {};
  }

  // Takes suspects out of the 8 bits, until the quality is there or the budget spent. Errors are
  // partly chance: more bits do not always make the outputs better.
  Result<void> climb(const std::vector<Rung*>& rungs, double wanted, double budget) {
    Choice best = choice();
    double room = wanted;  // that the noise of those that stay may add up to
    for (int round = 0; round < rounds_ && now_ > wanted; ++round, room /= 2) {
      if (!plan_.take_worst(rungs, room, budget)) break;
      TRY(now_, measure());
      ctx_.note(formatted("{} values in 16 bits, {} layers in float: {:.1f} dB at the outputs",
                          plan_.wide.taken.size(), layers_in_float().size(), decibels(now_)));
      if (now_ < best.error) best = choice();
    }
    restore(best);
    return {};
  }

  // No mixture will do: integers are for storage only, unless the steps of weights cost most.
  Result<void> give_up() {
    const Choice before = choice();
    plan_.wide.taken.clear();
    for (const Suspect& s : plan_.fine.suspects) plan_.fine.take(s);
    TRY(now_, measure());
    return_unless_worth_it(before);
    return {};
  }

  void return_unless_worth_it(const Choice& before) {
    if (decibels(now_) < decibels(before.error) + kWorthFloat) restore(before);
  }

  // Many layers are in float for what they read, not for their weights: these are stored in 8 bits,
  // which every format knows; those of the quietest layers, where all would be too many.
  Result<void> coarsen_weights(double wanted) {
    std::vector<const Suspect*> kept;
    for (const Suspect& s : plan_.fine.suspects) {
      const Node& layer = *graph_.find(s.names[0])->producer;
      if (plan_.fine.has(s) && !layer.inputs[1]->quant) kept.push_back(&s);
    }
    std::stable_sort(kept.begin(), kept.end(),
                     [](const Suspect* a, const Suspect* b) { return a->noise < b->noise; });
    const double bearable = std::max(wanted, now_ * kHardlyMore);
    for (size_t tried = kept.size(); coarse_.empty() && tried > 0; tried /= 2) {
      for (size_t i = 0; i < tried; ++i) coarse_.insert(kept[i]->names[0]);
      TRY(const double after, measure());
      if (after > bearable) {
        coarse_.clear();
        continue;
      }
      now_ = after;
      ctx_.note(
          formatted("weights of {} of {} layers in float have 8 bits: {:.1f} dB at the outputs",
                    tried, kept.size(), decibels(now_)));
    }
    tell();
    return {};
  }

  std::vector<const Node*> layers_in_float() const {
    std::vector<const Node*> layers;
    for (const Node* n : graph_.nodes())
      if (n->op->quant == BT_QUANT_MACS && n->output() && ctx_.keep_float.count(n->output()->name))
        layers.push_back(n);
    return layers;
  }

  void report() {
    for (const Node* n : graph_.nodes()) {
      if (!n->output()) continue;
      if (ctx_.wide.count(n->output()->name)) ctx_.note(*n, "its result has 16 bits");
      const bool is_fine = ctx_.fine_weights.count(n->output()->name) > 0;
      if (is_fine) ctx_.note(*n, "stays in float, its weights in 12 bits");
      else if (ctx_.keep_float.count(n->output()->name)) ctx_.note(*n, "stays in float");
    }
    const auto layers = layers_in_float();
    double real = 0;
    for (const Node* n : layers) real += suspects_.share_of(*n);
    ctx_.warn("",
              formatted("8 bits throughout give {:.1f} dB at the outputs; with {} values in 16 "
                        "bits ({:.1f} % of the multiply-adds read them) and {} layers in float "
                        "({:.1f} %) it is {:.1f} dB",
                        decibels(before_), ctx_.wide.size(), 100 * plan_.spent_on(plan_.wide),
                        layers.size(), 100 * real, decibels(now_)),
              "--skip choose-precision for 8 bits throughout");
  }

  const Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  PrecisionSuspects suspects_;
  OutputError error_;  // judges the whole
  // Tells one value from another: by scores, of which every sample tells something.
  OutputError ranking_;
  double rate_ = 0;  // of the one to the other
  TrialSteps steps_;
  PrecisionPlan plan_;
  std::set<std::string> coarse_;  // layers in float whose weights have 8 bits all the same
  int rounds_ = kRounds;
  double before_ = 0, now_ = 0;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (!ctx.data || !ctx.calibration) return false;
  const auto before = before_decisions(graph);
  TRY(Chooser(before ? *before : graph, options, ctx).run());
  return false;
}

}  // namespace

extern constinit const Pass choose_precision = make_pass<Options, describe, run>(
    "Gives 16 bits, or float, to what 8 bits would ruin.", Effect::annotation, false);

}  // namespace bantam
