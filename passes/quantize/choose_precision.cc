// SPDX-License-Identifier: Apache-2.0
// Gives 16 bits to the few values that 8 would ruin, and keeps the few layers in float that 16 do
// not help, where a stated quality at the outputs is not reached otherwise. Changes nothing itself:
// `quantize`, which must follow, acts on it.
//
// First the whole network is quantized on a copy and measured; many networks pass and nothing more
// is done, but for layers whose float costs next to nothing. Otherwise every value is rounded alone,
// all else in float (a chain of elementwise nodes counts as one), and those that make the most noise
// at the outputs for the multiply-adds that read them get 16 bits, until the others' noise adds up to less than asked. Noise does not quite add
// up, so the result is measured again, a few rounds if needed. What noise is left then comes from
// weights: their layers stay in float. Both steps of the ladder have a budget in multiply-adds,
// which only a network that would be of no use otherwise (`floor`) may exceed. Weights of layers in
// float are stored in 12 bits; at last in 8, where the quality is reached all the same.
#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "pass/pass.h"
#include "pass/trial_steps.h"
#include "quant/output_error.h"
#include "quant/precision_suspects.h"

namespace bantam {
namespace {

struct Options {
  double quality = 25, floor = 18, wide = 10, real = 5, cheap = 2;
  int samples = 4;
  std::string steps = "quantize";
};

void describe(OptionList& list, Options& o) {
  list.real("quality", &o.quality, 0, 90, "signal to noise at the outputs to reach within the budgets, in dB");
  list.real("floor", &o.floor, 0, 90, "signal to noise at the outputs to reach beyond the budgets, in dB");
  list.real("wide", &o.wide, 0, 100, "percent of the multiply-adds that may read 16-bit values; 0: none");
  list.real("float", &o.real, 0, 100, "percent of the multiply-adds that may stay in float");
  list.real("cheap", &o.cheap, 0, 100,
            "percent of them that stay in float for a tenth of the noise, though the quality is reached");
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure with");
  list.text("steps", &o.steps, "the steps that will follow, for the measurement");
}

constexpr int kRounds = 4, kMostRounds = 10;  // of trials within the budgets, and beyond them
constexpr double kWorthFloat = 2;  // dB that layers in float must gain together
constexpr double kLoud = 0.1;  // share of the noise that a value makes which is spared without need

class Chooser {
 public:
  Chooser(const Graph& graph, const Options& options, PassContext& ctx) : graph_(graph), options_(options), ctx_(ctx), suspects_(graph, *ctx.calibration) {}

  Result<void> run() {
    ErrorOptions options{.samples = options_.samples, .threads = ctx_.threads, .calibration = ctx_.calibration.get()};
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
    if (options_.wide > 0) TRY(climb(values_, wanted, options_.wide / 100, ctx_.wide));
    if (now_ > wanted) TRY(leave_weights(wanted, options_.real / 100));
    const double worst = error_at(options_.floor);
    rounds_ = kMostRounds;
    if (now_ > worst && options_.wide > 0) TRY(climb(values_, worst, 1, ctx_.wide));
    if (now_ > worst) TRY(leave_weights(worst, 1));
    if (now_ > worst) TRY(give_up());
    TRY(coarsen_weights(wanted));
    report();
    return {};
  }

 private:
  // The error with everything quantized but what is kept.
  Result<double> measure() {
    Graph copy = graph_.clone();
    PassContext ctx = ctx_.for_trial();
    ctx.fine_weights = fine_weights();
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
    PassContext ctx = ctx_.for_trial();
    TRY(find_pass("quantize")->pass->run(copy, {}, ctx));
    return copy;
  }

  Result<void> measure_values() {
    TRY(const Graph graph, annotated());
    TRY(values_, suspects_.values(graph, noise_options()));
    return {};
  }

  Result<void> measure_weights() {
    TRY(const Graph graph, annotated());
    TRY(weights_, suspects_.weights(graph, steps_.rounded_numbers(), noise_options()));
    return {};
  }

  NoiseOptions noise_options() {
    return {&ranking_, rate_, ctx_.threads, [this](double done) { progress(0.8 * done); }};
  }

  // The quality is there. What makes a good part of the noise and is read by next to nothing, as the
  // pictures that come in, is not rounded all the same: the layers that read it stay in float.
  Result<void> spare_cheap_values() {
    NoiseOptions cheap = noise_options();
    cheap.least_share = 1e-9;
    cheap.most_share = std::min(options_.real, options_.cheap) / 100;
    if (cheap.most_share == 0) return {};
    TRY(const Graph graph, annotated());
    TRY(values_, suspects_.values(graph, cheap));
    double spent = 0;
    for (const Suspect& s : values_) {
      if (s.noise < kLoud * now_ || spent + s.share > cheap.most_share) continue;
      for (const std::string& name : s.names)
        for (const Use& use : graph.find(name)->uses())
          if (use.node->op->quant == BT_QUANT_MACS) coarse_.insert(use.node->output()->name);
      spent += s.share;
    }
    if (coarse_.empty()) return {};
    ctx_.keep_float = coarse_;
    TRY(now_, measure());
    if (now_ < before_ * (1 - kLoud / 2)) {
      ctx_.note(formatted("{} layers in float, {:.1f} % of the multiply-adds: {:.1f} dB",
                          coarse_.size(), 100 * spent, decibels(now_)));
    } else {
      ctx_.keep_float.clear();
    }
    return {};
  }

  // Takes suspects out of the 8 bits, the worst first, until the quality is there or the budget spent.
  Result<void> climb(std::vector<Suspect>& suspects, double wanted, double budget, std::set<std::string>& taken) {
    double room = wanted;  // that the noise of those that stay may add up to
    double best = now_;    // errors are partly chance: more bits do not always make the outputs better
    auto best_taken = taken;
    for (int round = 0; round < rounds_ && now_ > wanted; ++round, room /= 2) {
      double left = 0, spent = 0;
      for (const Suspect& s : suspects) {
        const bool gone = taken.count(s.names[0]) > 0;
        (gone ? spent : left) += gone ? s.share : s.noise;
      }
      bool changed = false;
      for (const Suspect& s : suspects) {
        if (changed && left <= room) break;
        if (taken.count(s.names[0]) || spent + s.share > budget) continue;
        taken.insert(s.names.begin(), s.names.end());
        spent += s.share;
        left -= s.noise;
        changed = true;
      }
      if (!changed) break;
      TRY(now_, measure());
      ctx_.note(formatted("{} values in 16 bits, {} layers in float: {:.1f} dB at the outputs", ctx_.wide.size(), ctx_.keep_float.size(), decibels(now_)));
      if (now_ < best) best = now_, best_taken = taken;
    }
    now_ = best;
    taken = std::move(best_taken);
    return {};
  }

  Result<void> leave_weights(double wanted, double budget) {
    if (weights_.empty()) TRY(measure_weights());
    const Choice before = choice();
    TRY(climb(weights_, wanted, budget, ctx_.keep_float));
    return return_unless_worth_it(before);
  }

  // No mixture will do: integers are for storage only, unless it is the steps of the weights that cost most.
  Result<void> give_up() {
    const Choice before = choice();
    ctx_.wide.clear();
    for (const Suspect& s : weights_) ctx_.keep_float.insert(s.names[0]);
    TRY(now_, measure());
    return return_unless_worth_it(before);
  }

  // What has been taken out of the 8 bits, and the error with it.
  struct Choice {
    std::set<std::string> wide, keep_float;
    double error;
  };
  Choice choice() const { return {ctx_.wide, ctx_.keep_float, now_}; }

  Result<void> return_unless_worth_it(const Choice& before) {
    if (decibels(now_) < decibels(before.error) + kWorthFloat) {
      ctx_.wide = before.wide;
      ctx_.keep_float = before.keep_float;
      now_ = before.error;
    }
    return {};
  }

  std::set<std::string> fine_weights() const {
    std::set<std::string> fine = ctx_.keep_float;
    for (const std::string& name : coarse_) fine.erase(name);
    return fine;
  }

  // Many layers are in float for what they read, not for their weights: these are stored in 8 bits,
  // which every format knows; those of the quietest layers, where all would be too many.
  Result<void> coarsen_weights(double wanted) {
    std::vector<const Suspect*> kept;
    for (const Suspect& s : weights_) {
      const Node& layer = *graph_.find(s.names[0])->producer;
      if (ctx_.keep_float.count(s.names[0]) && !layer.inputs[1]->quant) kept.push_back(&s);
    }
    std::stable_sort(kept.begin(), kept.end(),
                     [](const Suspect* a, const Suspect* b) { return a->noise < b->noise; });
    for (size_t tried = kept.size(); now_ <= wanted && coarse_.empty() && tried > 0; tried /= 2) {
      for (size_t i = 0; i < tried; ++i) coarse_.insert(kept[i]->names[0]);
      TRY(const double after, measure());
      if (after > wanted) {
        coarse_.clear();
        continue;
      }
      now_ = after;
      ctx_.note(formatted("weights of {} of {} layers in float have 8 bits: {:.1f} dB at the outputs",
                          tried, kept.size(), decibels(now_)));
    }
    ctx_.fine_weights = fine_weights();
    return {};
  }

  static double share_of(const std::vector<Suspect>& list, const std::set<std::string>& taken) {
    double share = 0;
    for (const Suspect& s : list) share += taken.count(s.names[0]) ? s.share : 0;
    return 100 * share;
  }

  void report() {
    for (const Node* n : graph_.nodes()) {
      if (!n->output()) continue;
      if (ctx_.wide.count(n->output()->name)) ctx_.note(*n, "its result has 16 bits");
      const bool is_fine = ctx_.fine_weights.count(n->output()->name) > 0;
      if (is_fine) ctx_.note(*n, "stays in float, its weights in 12 bits");
      else if (ctx_.keep_float.count(n->output()->name)) ctx_.note(*n, "stays in float");
    }
    const double reals = share_of(weights_, ctx_.keep_float), wide = share_of(values_, ctx_.wide);
    ctx_.warn("", formatted("8 bits throughout give {:.1f} dB at the outputs; with {} values in 16 bits ({:.1f} % of the multiply-adds read them) and {} layers in float ({:.1f} %) it is {:.1f} dB",
                            decibels(before_), ctx_.wide.size(), wide, ctx_.keep_float.size(), reals, decibels(now_)),
              "--skip choose-precision for 8 bits throughout");
  }

  void progress(double fraction) {
    if (ctx_.progress) ctx_.progress("choose precision", fraction);
  }

  const Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  PrecisionSuspects suspects_;
  OutputError error_;    // judges the whole
  OutputError ranking_;  // tells one value from another: by scores, of which every sample tells something
  double rate_ = 0;      // of the one to the other
  TrialSteps steps_;
  std::vector<Suspect> values_, weights_;
  std::set<std::string> coarse_;  // layers in float whose weights have 8 bits all the same
  int rounds_ = kRounds;
  double before_ = 0, now_ = 0;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (ctx.data && ctx.calibration) TRY(Chooser(graph, options, ctx).run());
  return false;
}

}  // namespace

extern constinit const Pass choose_precision = make_pass<Options, describe, run>(
    "Gives 16 bits, or float, to what 8 bits would ruin.", Effect::annotation, false);

}  // namespace bantam
