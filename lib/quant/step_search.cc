// SPDX-License-Identifier: Apache-2.0
#include "quant/step_search.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "quant/sample_share.h"
#include "quant/weight_scale.h"
#include "quant/weights.h"

namespace bantam {
namespace {

constexpr double kProbe = 0.1;         // relative noise of the first measurement
constexpr size_t kMomentSamples = 32;  // that moments are measured on, at most
constexpr double kFurthest = 20;       // octaves of the common factor
constexpr int kMeasurements = 12;

// Constants that were changed for a measurement; they are put back at the end of it.
class Borrowed {
 public:
  ~Borrowed() {
    for (auto it = list_.rbegin(); it != list_.rend(); ++it) {
      it->value->constant = it->constant;
      it->value->quant = it->quant;
    }
  }
  void put(Value& v, Tensor t) {
    list_.push_back({&v, v.constant, v.quant});
    v.constant = std::make_shared<const Tensor>(std::move(t));
  }

 private:
  struct Entry {
    Value* value;
    std::shared_ptr<const Tensor> constant;
    std::shared_ptr<const Quant> quant;
  };
  std::vector<Entry> list_;
};

}  // namespace

Result<StepSearch> StepSearch::measure(Graph& graph, SampleSource& data, const StepOptions& options,
                                       const std::function<bool(const Node&)>& selected,
                                       const std::function<void(double)>& progress) {
  StepSearch s(graph, options);
  s.progress_ = progress;
  s.layers_ = layers_of(graph, options, selected);
  if (s.layers_.empty()) return s;
  SampleShare teachers(data, SampleShare::Part::teach), judges(data, SampleShare::Part::judge);
  if (options.compensated) TRY(s.measure_moments(teachers));
  SampleSource& measured = options.compensated ? judges : data;
  TRY(s.error_, OutputError::of_reference(graph, measured, {.samples = options.samples, .threads = options.threads, .scores = true}));
  TRY(s.measure_alone());
  return s;
}

bool StepSearch::attach(Graph& graph, const StepOptions& options, const std::function<bool(const Node&)>& selected,
                        const std::function<void(double)>& progress) {
  auto layers = layers_of(graph, options, selected);
  if (!(options == options_) || layers.size() != layers_.size()) return false;
  for (size_t l = 0; l < layers.size(); ++l)
    if (layers[l].weight->name != layers_[l].weight_name || layers[l].constant != layers_[l].constant) return false;
  for (size_t l = 0; l < layers.size(); ++l) {
    layers_[l].weight = layers[l].weight;
    layers_[l].node = layers[l].node;
  }
  graph_ = &graph;
  progress_ = progress;
  return true;
}

std::vector<StepSearch::Layer> StepSearch::layers_of(Graph& graph, const StepOptions& options, const std::function<bool(const Node&)>& selected) {
  std::vector<Layer> layers;
  std::set<const Value*> seen;
  for (Node* n : graph.nodes()) {
    if (!selected(*n)) continue;
    for (const size_t i : weight_inputs(*n)) {
      Value* w = n->inputs.size() > i ? n->inputs[i] : nullptr;
      if (!w || !w->is_constant() || w->dtype != BT_F32 || w->quant || w->rank() < 2 || w->constant->count() < options.small) continue;
      if (!all_finite(*w->constant) || !seen.insert(w).second) continue;
      double square = 0, most = 0;
      for (const float v : w->constant->floats()) {
        square += static_cast<double>(v) * static_cast<double>(v);
        most = std::max(most, std::fabs(static_cast<double>(v)));
      }
      const auto count = static_cast<double>(w->constant->count());
      if (square > 0) layers.push_back({w, n, w->constant, w->name, weight_axis(*n, i), std::sqrt(square / count), most, count, 0, {}});
    }
  }
  return layers;
}

// Along the float graph: what later layers meet will be a little different, but not so much that the choice of
// a step depends on it.
Result<void> StepSearch::measure_moments(SampleSource& data) {
  const Originals none;
  TRY(PairedRun run, PairedRun::start(*graph_, data, kMomentSamples, options_.threads, none));
  std::vector<size_t> all(run.samples());
  for (size_t s = 0; s < all.size(); ++s) all[s] = s;
  for (const Node* n : graph_->nodes()) {
    TRY(run.settle(*n, Side::real));
    for (Layer& layer : layers_) {
      if (layer.node != n || layer.weight != n->input(1) || layer.weight->uses().size() != 1 || n->op->quant != BT_QUANT_MACS) continue;
      const auto matrix = ProductMatrix::of(*n);
      if (!matrix || !RoundedLayer::is_measurable(*matrix)) continue;
      TRY(layer.moments, RoundedLayer::measure(run, *n, Side::real, all, {.bias = free_bias(*n) != nullptr, .threads = options_.threads}));
    }
    run.leave(*n);
  }
  return {};
}

Quant StepSearch::quant_of(const Layer& layer, double step) const {
  const Tensor& w = *layer.weight->constant;
  Quant q = weight_quant(w, layer.axis, {.bits = options_.bits, .per_channel = true});  // scale: largest weight / largest code
  for (float& s : q.scale) s = std::max(s, round_up_to_bf16(static_cast<float>(step)));
  if (std::all_of(q.scale.begin(), q.scale.end(), [&](float s) { return s == q.scale[0]; })) {
    q.axis = -1;
    q.scale.resize(1);
  }
  return q;
}

double StepSearch::step_of(const Layer& layer) const {
  const double step = std::exp2(log_factor_) * layer.rms * std::sqrt(layer.count / layer.sensitivity) / 1000;
  return std::clamp(step, layer.most / 1e9, layer.most);
}

// With some layers rounded, and the others as they are; 0: each with its own step.
Result<double> StepSearch::error_with(const std::vector<Layer*>& rounded, double step) {
  Borrowed borrowed;
  for (const Layer* layer : rounded) {
    const Tensor& w = *layer->weight->constant;
    const Quant q = quant_of(*layer, step > 0 ? step : step_of(*layer));
    if (!layer->moments) {
      borrowed.put(*layer->weight, decode(encode(w, q), q));
      continue;
    }
    auto result = layer->moments->round(w, q, 1);
    borrowed.put(*layer->weight, std::move(result.weight));
    if (Value* bias = free_bias(*layer->node)) borrowed.put(*bias, moved_by(*bias->constant, result.bias));
  }
  return error_.of(*graph_);
}

// One layer at a time is rounded so coarsely that the noise is kProbe of its weights.
Result<void> StepSearch::measure_alone() {
  double largest = 0;
  for (size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    TRY(const double measured, error_with({&layer}, layer.rms * kProbe * std::sqrt(12.0)));
    layer.sensitivity = measured / (kProbe * kProbe);
    largest = std::max(largest, layer.sensitivity);
    progress_(0.7 * static_cast<double>(l + 1) / static_cast<double>(layers_.size()));
  }
  // few samples can make a layer look harmless: a floor keeps its step sane
  for (Layer& layer : layers_) layer.sensitivity = std::max({layer.sensitivity, largest * 1e-5, 1e-12});
  return {};
}

Result<double> StepSearch::error_at_factor(double log_factor) {
  log_factor_ = log_factor;
  std::vector<Layer*> all;
  for (Layer& layer : layers_) all.push_back(&layer);
  return error_with(all);
}

// Halving, but where the last measurement puts the wanted error while errors grow with the square of a step.
Result<double> StepSearch::choose(double wanted) {
  double low = -kFurthest, high = kFurthest, weights = 0, best = 0;
  for (const Layer& layer : layers_) weights += layer.count;
  double next = std::log2(1000 * std::sqrt(12 * wanted / weights));
  bool found = false;
  for (int i = 0; i < kMeasurements && high - low > 0.02; ++i) {
    TRY(const double error, error_at_factor(next));
    progress_(0.7 + 0.3 * (i + 1) / kMeasurements);
    if (error <= wanted) low = next, best = error, found = true;
    else high = next;
    const double guess = next + std::log2(wanted / std::max(error, wanted * 1e-6)) / 2 - 0.005;
    const bool is_inside = guess > low + 0.004 && guess < high - 0.004;
    next = is_inside && i < kMeasurements / 2 ? guess : (low + high) / 2;
  }
  if (!found) {
    TRY(best, error_at_factor(low));
  }
  log_factor_ = low;
  return best;
}

void StepSearch::annotate() {
  for (const Layer& layer : layers_)
    layer.weight->quant = std::make_shared<const Quant>(quant_of(layer, step_of(layer)));
}

}  // namespace bantam
