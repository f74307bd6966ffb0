// SPDX-License-Identifier: Apache-2.0
#include "report/error_budget.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "ir/call.h"
#include "quant/output_error.h"
#include "quant/weights.h"

namespace bantam {
namespace {

constexpr double kWorthACause = 0.05;  // share of the noise from which on a layer is explained
constexpr double kOutlier = 24;        // range over rms of an activation that has outliers
constexpr double kPeaky = 12;          // largest over rms of a weight channel with outliers

bool reads_integers(const Node& n) { return n.integer && n.op->quant != BT_QUANT_NONE; }

// Activations (by name) that each layer is charged with, by the layer's first output.
using Owners = std::map<std::string, std::vector<std::string>>;

bool is_rounded_activation(const Value* v) { return v && v->quant && !v->is_constant() && v->dtype == BT_F32; }

Owners owners_of(const Graph& graph) {
  Owners owners;
  std::set<const Value*> taken;
  for (const Node* n : graph.nodes()) {
    if (!n->output() || !reads_integers(*n)) continue;
    auto& own = owners[n->output()->name];
    for (const Value* v : n->inputs)
      if (is_rounded_activation(v) && taken.insert(v).second) own.push_back(v->name);
  }
  for (const Value* v : graph.values())  // what only floats read
    if (is_rounded_activation(v) && taken.insert(v).second)
      owners[v->producer ? v->producer->output()->name : v->name].push_back(v->name);
  return owners;
}

class Budget {
 public:
  Budget(const Graph& annotated, SampleSource& source, const BudgetOptions& options)
      : annotated_(annotated), source_(source), options_(options), owners_(owners_of(annotated)) {}

  Result<ErrorBudget> run() {
    const Graph base = rounded({}, {});
    ErrorBudget budget;
    budget.samples = std::min(source_.count(), options_.samples > 0 ? options_.samples : affordable_samples());
    TRY(error_, OutputError::of_reference(base, source_, {.samples = budget.samples, .threads = options_.threads, .calibration = options_.calibration}));
    TRY(budget.measured, error_.of(annotated_));
    for (const Node* n : annotated_.nodes())
      if (rounds(*n)) layers_.push_back(n);
    TRY(layers_.size() <= options_.layers ? measure_each(budget) : measure_worst(budget));
    for (BudgetRow& row : budget.rows) finish(row, budget.sum);
    return budget;
  }

 private:
  // Each layer that rounds costs up to two runs per sample.
  int64_t affordable_samples() const {
    constexpr int64_t kMultiplyAdds = 100'000'000'000;
    const auto as_run = with_lengths_of(source_, annotated_);
    int64_t macs = 1, layers = 1;
    for (const Node* n : (as_run.ok() ? *as_run : annotated_).nodes()) macs += std::max<int64_t>(0, multiply_adds(*n)), layers += reads_integers(*n);
    return std::clamp<int64_t>(kMultiplyAdds / macs / (2 * layers), 1, 32);
  }

  const Tensor* original(const Value& v) const {
    if (!options_.originals || !v.is_constant()) return nullptr;
    const auto it = options_.originals->find(v.name);
    return it == options_.originals->end() ? nullptr : it->second.get();
  }

  // The constant makes noise: it will be rounded, or is.
  bool is_rounded_weight(const Value* v) const {
    return v && v->is_constant() && v->dtype == BT_F32 && (v->quant || original(*v));
  }

  // A copy with the rounding of these activations and of these layers' weights only.
  Graph rounded(const std::vector<std::string>& activations, const std::vector<std::string>& weights_of) const {
    Graph copy = annotated_.clone();
    const std::set<std::string> kept(activations.begin(), activations.end());
    std::set<const Value*> weights;
    for (const std::string& layer : weights_of)
      for (const Value* v : copy.find(layer)->producer->inputs)
        if (v && v->is_constant()) weights.insert(v);
    for (Value* v : copy.values()) {
      if (v->dtype != BT_F32 || weights.count(v) || kept.count(v->name)) continue;
      v->quant.reset();
      if (const Tensor* exact = original(*v)) v->constant = std::make_shared<const Tensor>(*exact);
    }
    return copy;
  }

  bool rounds_weights(const Node& n) const {
    return std::any_of(n.inputs.begin(), n.inputs.end(), [&](const Value* v) { return is_rounded_weight(v); });
  }

  std::vector<std::string> activations_of(const Node& n) const {
    const auto own = owners_.find(n.output()->name);
    return own == owners_.end() ? std::vector<std::string>() : own->second;
  }

  bool rounds(const Node& n) const { return n.output() && (rounds_weights(n) || !activations_of(n).empty()); }

  // ---- measuring ----

  Result<void> measure_each(ErrorBudget& budget) {
    for (size_t i = 0; i < layers_.size(); ++i) {
      TRY(add_row(*layers_[i], budget));
      budget.sum += budget.rows.back().noise;
      progress(i + 1, layers_.size());
    }
    return {};
  }

  // Neighbouring layers that are rounded together.
  struct Part {
    size_t begin, end;  // in layers_
    double noise;
    size_t size() const { return end - begin; }
  };

  Result<Part> part(size_t begin, size_t end) {
    std::vector<std::string> activations, weights;
    for (size_t i = begin; i < end; ++i) {
      const auto own = activations_of(*layers_[i]);
      activations.insert(activations.end(), own.begin(), own.end());
      if (rounds_weights(*layers_[i])) weights.push_back(layers_[i]->output()->name);
    }
    TRY(const double noise, error_.of(rounded(activations, weights)));
    return Part{begin, end, noise};
  }

  // Each measurement runs the whole model, so that many layers would cost the square of their number: parts are
  // measured instead, and the noisiest is halved again and again. Rows are the layers that come to stand alone.
  Result<void> measure_worst(ErrorBudget& budget) {
    const size_t first = std::max<size_t>(options_.layers / 4, 1);
    std::vector<Part> parts;
    size_t measured = 0;
    const auto measure = [&](size_t begin, size_t end) -> Result<void> {
      TRY(const Part p, part(begin, end));
      parts.push_back(p);
      progress(++measured, options_.layers);
      return {};
    };
    for (size_t i = 0; i < first; ++i) TRY(measure(layers_.size() * i / first, layers_.size() * (i + 1) / first));
    while (measured + 2 <= options_.layers) {
      const auto worst = std::max_element(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
        return (a.size() > 1 ? a.noise : -1) < (b.size() > 1 ? b.noise : -1);
      });
      const Part p = *worst;
      if (p.size() == 1) break;
      parts.erase(worst);
      TRY(measure(p.begin, p.begin + p.size() / 2));
      TRY(measure(p.begin + p.size() / 2, p.end));
    }
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.begin < b.begin; });
    for (const Part& p : parts) {
      budget.sum += p.noise;
      if (p.size() == 1) TRY(add_row(*layers_[p.begin], budget));
    }
    return {};
  }

  void progress(size_t done, size_t all) const {
    if (options_.progress) options_.progress(static_cast<double>(done) / static_cast<double>(all));
  }

  Result<void> add_row(const Node& n, ErrorBudget& budget) {
    BudgetRow row;
    row.layer = n.output()->name;
    row.activations = activations_of(n);
    const bool weights = rounds_weights(n), activations = !row.activations.empty();
    TRY(row.noise, error_.of(rounded(row.activations, weights ? std::vector{row.layer} : std::vector<std::string>())));
    row.weights_noise = activations ? 0 : row.noise;
    if (weights && activations) {
      TRY(row.weights_noise, error_.of(rounded({}, {row.layer})));
    }
    budget.rows.push_back(std::move(row));
    return {};
  }

  void finish(BudgetRow& row, double sum) const {
    row.share = sum > 0 ? row.noise / sum : 0;
    row.gain_db = row.share < 1 ? -10 * std::log10(1 - row.share) : 0;
    if (row.share < kWorthACause) return;
    const Node& n = *annotated_.find(row.layer)->producer;
    row.cause = row.weights_noise > row.noise / 2 ? weight_cause(n) : activation_cause(owners_.at(row.layer));
  }

  // ---- causes ----

  static std::string weight_cause(const Node& n) {
    for (const size_t i : weight_inputs(n)) {
      const Value* w = n.input(i);
      if (!w || !w->quant || !w->is_constant()) continue;
      if (w->quant->bits < 8) return formatted("weights of {} bits", w->quant->bits);
      const auto [peak, channel] = peakiest_channel(*w, weight_axis(n, i));
      if (peak > kPeaky) return formatted("outlier weight: the largest of channel {} is {:.0f} times the channel's rms", channel, peak);
    }
    return "rounding of the weights";
  }

  static std::pair<double, int64_t> peakiest_channel(const Value& w, int axis) {
    Quant by_channel;
    by_channel.axis = axis;
    by_channel.scale.resize(static_cast<size_t>((*w.shape)[static_cast<size_t>(axis)]), 1.0f);
    const ChannelIndex channel(*w.shape, by_channel);
    std::vector<double> largest(by_channel.scale.size()), power(largest.size());
    for (int64_t i = 0; i < w.constant->count(); ++i) {
      const double v = w.constant->number(i);
      largest[channel(i)] = std::max(largest[channel(i)], std::fabs(v));
      power[channel(i)] += v * v;
    }
    const double per_channel = static_cast<double>(w.constant->count()) / static_cast<double>(largest.size());
    std::pair<double, int64_t> worst = {0, 0};
    for (size_t c = 0; c < largest.size(); ++c) {
      const double rms = std::sqrt(power[c] / per_channel);
      if (rms > 0 && largest[c] / rms > worst.first) worst = {largest[c] / rms, static_cast<int64_t>(c)};
    }
    return worst;
  }

  std::string activation_cause(const std::vector<std::string>& names) const {
    std::string text = "rounding of the activations";
    double worst = 0;
    for (const std::string& name : names) {
      if (!options_.calibration) break;
      const auto it = options_.calibration->values.find(name);
      if (it == options_.calibration->values.end()) continue;
      const auto [noise, cause] = explain(it->second, *annotated_.find(name)->quant, name);
      if (noise > worst && !cause.empty()) worst = noise, text = cause;
    }
    return text;
  }

  // Noise of a rounded distribution over its power, and what is special about it.
  static std::pair<double, std::string> explain(const Histogram& h, const Quant& q, const std::string& name) {
    const double scale = static_cast<double>(q.scale[0]);
    const double lo = scale * static_cast<double>(q.lo() - q.zero_at(0)), hi = scale * static_cast<double>(q.hi() - q.zero_at(0));
    double power = 0, clipped = 0;
    uint64_t outside = 0;
    for (const Histogram::Bin& b : h.bins()) {
      const auto count = static_cast<double>(b.count);
      power += count * b.value * b.value;
      const double beyond = b.value < lo ? lo - b.value : b.value > hi ? b.value - hi : 0;
      if (beyond > scale) outside += b.count, clipped += count * beyond * beyond;
    }
    if (power <= 0) return {0, ""};
    const double rounding = static_cast<double>(h.count()) * scale * scale / 12;
    const double noise = (rounding + clipped) / power;
    if (clipped > rounding)
      return {noise, formatted("clipped range: {:.2g} % of {} lie outside {:.4g}..{:.4g}", 100.0 * static_cast<double>(outside) / static_cast<double>(h.count()), quote(name), lo, hi)};
    const double rms = std::sqrt(power / static_cast<double>(h.count()));
    if ((hi - lo) / rms > kOutlier)
      return {noise, formatted("outliers: the range of {}, {:.4g}..{:.4g}, is {:.0f} times its rms, so that most values share few steps", quote(name), lo, hi, (hi - lo) / rms)};
    return {noise, ""};
  }

  const Graph& annotated_;
  SampleSource& source_;
  const BudgetOptions& options_;
  Owners owners_;
  std::vector<const Node*> layers_;  // that round something
  OutputError error_;
};

}  // namespace

Result<ErrorBudget> error_budget(const Graph& annotated, SampleSource& source, const BudgetOptions& options) {
  return Budget(annotated, source, options).run();
}

}  // namespace bantam
