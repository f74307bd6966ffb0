// SPDX-License-Identifier: Apache-2.0
// Chooses the step size of every layer's weights, so that the entropy-coded file is as short as a stated
// quality at the outputs allows. A layer that hardly matters gets a coarse step, one that matters a fine
// one. Only annotates; rounding happens where the weights are stored or lowered.
//
//   const %w : f32[64,64,3,3]   =>   const %w : f32[64,64,3,3] q(i8, scale=0.031)
//
// Rounding with step D adds noise of power D^2/12 to a layer; the error at the outputs grows by S * (D/rms)^2,
// with a sensitivity S that is measured here layer by layer, and the coded layer shrinks by one bit per
// weight when D doubles. The least error for a given size has D proportional to rms * sqrt(n / S)
// ("reverse water-filling", Cover and Thomas, Elements of Information Theory, 10.3.3); the common factor is
// found by bisection on the measured error of the whole network. Integers stay within 8 bits: a channel
// whose largest weight would need more gets a coarser step.
#include <algorithm>
#include <cmath>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "pass/pass.h"
#include "quant/output_error.h"
#include "quant/weight_scale.h"
#include "quant/weights.h"

namespace bantam {
namespace {

struct Options {
  double quality = 20;
  int samples = 16, small = 256;
};

void describe(OptionList& list, Options& o) {
  list.real("quality", &o.quality, 5, 60, "signal to noise at the outputs that the rounded weights keep, in dB");
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure with");
  list.number("small", &o.small, 1, 1000000, "tensors of fewer elements are left to quantize");
}

struct Layer {
  Value* weight;
  int axis;
  double rms = 0, sensitivity = 0;
};

constexpr double kProbe = 0.1;  // relative noise of the measurement
constexpr float kMostCodes = 127;

Quant quant_of_step(const Layer& layer, float step) {
  const Tensor& w = *layer.weight->constant;
  Quant q = weight_quant(w, layer.axis, {.bits = 8, .per_channel = true});  // scale: largest weight / 127
  for (float& s : q.scale) s = std::max(s, round_up_to_bf16(step));
  if (std::all_of(q.scale.begin(), q.scale.end(), [&](float s) { return s == q.scale[0]; })) {
    q.axis = -1;
    q.scale.resize(1);
  }
  return q;
}

class Chooser {
 public:
  Chooser(Graph& graph, const Options& options, PassContext& ctx) : graph_(graph), options_(options), ctx_(ctx) {}

  Result<bool> run() {
    find_layers();
    if (layers_.empty()) return false;
    TRY(error_, OutputError::of_reference(graph_, *ctx_.data, options_.samples, ctx_.threads));
    TRY(measure_layers());
    const double wanted = error_at(options_.quality);
    double low = -20, high = 20;  // log2 of the common factor
    for (int round = 0; round < 12; ++round) {
      const double middle = (low + high) / 2;
      annotate(middle);
      TRY(const double error, error_.of(graph_));
      (error <= wanted ? low : high) = middle;
      progress(0.7 + 0.3 * (round + 1) / 12);
    }
    annotate(low);
    TRY(const double error, error_.of(graph_));
    ctx_.note(formatted("{} layers, {:.1f} dB at the outputs", layers_.size(), decibels(error)));
    if (error > wanted)
      ctx_.warn("", formatted("weights of 8 bits reach {:.1f} dB, not the {:.1f} dB asked for", decibels(error), options_.quality), "-p '... choose-steps(quality=...)'");
    return true;
  }

 private:
  void find_layers() {
    std::set<const Value*> seen;
    for (const Node* n : graph_.nodes()) {
      if (!ctx_.selected(*n)) continue;
      for (const size_t i : weight_inputs(*n)) {
        Value* w = n->input(i);
        if (!w || !w->is_constant() || w->dtype != BT_F32 || w->quant || w->rank() < 2 || w->constant->count() < options_.small) continue;
        if (!all_finite(*w->constant) || !seen.insert(w).second) continue;
        double square = 0;
        for (const float v : w->constant->floats()) square += static_cast<double>(v) * static_cast<double>(v);
        if (square > 0) layers_.push_back({w, weight_axis(*n, i), std::sqrt(square / static_cast<double>(w->constant->count()))});
      }
    }
  }

  // One layer at a time is rounded so coarsely that the noise is kProbe of its weights.
  Result<void> measure_layers() {
    double largest = 0;
    for (size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
      layer.weight->quant = std::make_shared<const Quant>(quant_of_step(layer, static_cast<float>(layer.rms * kProbe * std::sqrt(12.0))));
      auto error = error_.of(graph_);
      layer.weight->quant.reset();
      TRY(const double measured, std::move(error));
      layer.sensitivity = measured / (kProbe * kProbe);
      largest = std::max(largest, layer.sensitivity);
      progress(0.7 * static_cast<double>(l + 1) / static_cast<double>(layers_.size()));
    }
    // few samples can make a layer look harmless: a floor keeps its step sane
    for (Layer& layer : layers_) layer.sensitivity = std::max({layer.sensitivity, largest * 1e-5, 1e-12});
    return {};
  }

  void annotate(double log_factor) {
    for (const Layer& layer : layers_) {
      const auto n = static_cast<double>(layer.weight->constant->count());
      double most = 0;
      for (const float v : layer.weight->constant->floats()) most = std::max(most, std::fabs(static_cast<double>(v)));
      const double step = std::exp2(log_factor) * layer.rms * std::sqrt(n / layer.sensitivity) / 1000;
      const double bounded = std::clamp(step, most / (kMostCodes * 1000), most);
      layer.weight->quant = std::make_shared<const Quant>(quant_of_step(layer, static_cast<float>(bounded)));
    }
  }

  void progress(double fraction) {
    if (ctx_.progress) ctx_.progress("choose steps", fraction);
  }

  Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  std::vector<Layer> layers_;
  OutputError error_;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (!ctx.data) {
    ctx.warn("", "without calibration samples no layer's sensitivity can be measured: all weights get 8 bits", "--data DATA");
    return false;
  }
  return Chooser(graph, options, ctx).run();
}

}  // namespace

extern constinit const Pass choose_steps = make_pass<Options, describe, run>(
    "Chooses each layer's weight step from its measured sensitivity.", Effect::lossy, false);

}  // namespace bantam
