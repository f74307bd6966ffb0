// SPDX-License-Identifier: Apache-2.0
// Gives the channels of a value similar ranges, so that one scale for all of them wastes little.
//
//   %a = Conv(%x, %w, %b) {lo=0}          =>   %a.even = Conv(%x, %w.even, %b.even) {lo=0}
//   %y = Conv(%a, %v)                          %y = Conv(%a.even, %v.even)
//
// Channel c of %a becomes 2^k times as large: row c of %w and its bias are multiplied by 2^k,
// whatever reads channel c in %v is divided by it. Relu and poolings let such a factor through, so the
// outputs of the model stay the same to the bit (powers of two do not round); a clamp at another
// number than 0 does not, and such layers stay as they are. Cross-layer equalization after Nagel et
// al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019, with measured
// ranges in place of those of the weights.
//
// Scales of %w are per channel and do not mind; in %v a factor trades the rounding of %a for the
// rounding of %v. How far to go is decided for each value by the noise that both will leave in %y,
// computed from the ranges and energies of the channels. Then the whole model is quantized on trial,
// as it was and as it is; where the outputs do not gain, all is taken back.
//
// Belongs before `calibrate`, after the layers have their final layout.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/format.h"
#include "eval/session.h"
#include "ir/match.h"
#include "pass/pass.h"
#include "quant/paired_run.h"
#include "quant/weight_scale.h"
#include "quant/weights.h"

namespace bantam {
namespace {

struct Options {
  int samples = 32;
};

void describe(OptionList& list, Options& o) {
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure ranges and the trial with");
}

using Numbers = std::vector<double>;

// What is known of the channels of a value.
struct Channels {
  Numbers largest, energy;  // of magnitudes; the sum of squares
  int64_t count = 0;        // elements per channel
};

// A value whose channels may be scaled: the product that makes it, and all products that read it.
struct Link {
  Node* maker;
  std::vector<Node*> readers;
};

bool owns_floats(const Node& n, size_t index) {
  const Value* v = n.input(index);
  return v && v->is_constant() && v->dtype == BT_F32 && !v->quant && v->uses().size() == 1;
}

bool is_product(const Node& n) {
  if (!n.is("Conv") && !n.is("MatMul") && !n.is("Gemm")) return false;
  if (!owns_floats(n, 1) || n.inputs[1]->rank() < 2 || n.integer) return false;
  if (n.is("Conv")) return true;
  const bool plain = n.is("MatMul") || (n.attr_float("alpha") == 1 && n.attr_float("beta") == 1 &&
                                        !n.attr_int("transA"));
  return plain && n.inputs[1]->rank() == 2;
}

bool lets_factors_through(const Node& n) {
  const float lo = n.attr_float("lo"), hi = n.attr_float("hi");
  return (lo == 0 || lo == -INFINITY) && hi == INFINITY;
}

bool may_make(const Node& n) {
  if (!is_product(n) || !lets_factors_through(n)) return false;
  if (!n.output() || n.output()->rank() < 2) return false;
  const Value* bias = n.input(2);
  const int64_t channels = (*n.inputs[1]->shape)[static_cast<size_t>(weight_axis(n))];
  return !bias || (owns_floats(n, 2) && bias->constant->count() == channels);
}

// f(c * x) = c * f(x) for c > 0, channel by channel.
bool is_homogeneous(const Node& n) {
  static constexpr std::array names = {"Relu",        "LeakyRelu",         "Identity",     "MaxPool",
                                       "AveragePool", "GlobalAveragePool", "GlobalMaxPool"};
  const auto named = [&](const char* name) { return n.is(name); };
  return n.outputs.size() == 1 && std::any_of(names.begin(), names.end(), named);
}

// All products that read v, perhaps through poolings; false where something else reads it.
bool find_readers(const Value* v, const Node& maker, std::vector<Node*>& readers) {
  if (v->is_output() || v->quant) return false;
  for (const Use& use : v->uses()) {
    Node& n = *use.node;
    if (use.index != 0) return false;
    if (is_homogeneous(n)) {
      if (!find_readers(n.output(), maker, readers)) return false;
    } else if (is_product(n) && n.is("Conv") == maker.is("Conv")) {
      if (n.is("Conv") && n.attr_word("layout") != maker.attr_word("layout")) return false;
      readers.push_back(&n);
    } else {
      return false;
    }
  }
  return true;
}

// Which input channel of the value each element of a reader's weight multiplies.
class InputChannel {
 public:
  explicit InputChannel(const Node& n) : InputChannel(n, *n.inputs[1]->shape) {}
  size_t operator()(int64_t i) const {
    return output_(i) / per_group_ * depth_length_ + depth_(i);
  }
  size_t channels() const { return outputs_ / per_group_ * depth_length_; }

 private:
  static Quant along(int axis, const Shape& shape) {
    Quant q;
    q.axis = axis;
    q.scale.resize(static_cast<size_t>(shape[static_cast<size_t>(axis)]));
    return q;
  }
  static int depth_axis(const Node& n, const Shape& shape) {
    if (!n.is("Conv")) return 1 - weight_axis(n);
    return n.attr_word("layout") == "last" ? static_cast<int>(shape.size()) - 1 : 1;
  }
  InputChannel(const Node& n, const Shape& shape)
      : output_(shape, along(weight_axis(n), shape)),
        depth_(shape, along(depth_axis(n, shape), shape)),
        outputs_(static_cast<size_t>(shape[static_cast<size_t>(weight_axis(n))])),
        depth_length_(static_cast<size_t>(shape[static_cast<size_t>(depth_axis(n, shape))])),
        per_group_(outputs_ / static_cast<size_t>(n.is("Conv") ? n.attr_int("group") : 1)) {}

  ChannelIndex output_, depth_;
  size_t outputs_, depth_length_, per_group_;
};

// The weight of a reader for an input whose channel c was multiplied by factor[c].
Tensor divided(const Node& reader, const InputChannel& channel, const Numbers& factor) {
  const Tensor& w = *reader.inputs[1]->constant;
  std::vector<float> values(w.floats().begin(), w.floats().end());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] /= static_cast<float>(factor[channel(static_cast<int64_t>(i))]);
  return Tensor::of_floats(w.shape(), values);
}

// Noise in the outputs of a reader if its input, multiplied so, and its weight are rounded.
double noise_of(const Node& reader, const Channels& in, const Numbers& factor) {
  const InputChannel channel(reader);
  const Tensor weight = divided(reader, channel, factor);
  const Quant quant = weight_quant(weight, weight_axis(reader), {});
  const Tensor rounded = decode(encode(weight, quant), quant);
  double step = 0;
  for (size_t c = 0; c < factor.size(); ++c) step = std::max(step, in.largest[c] * factor[c] / 255);
  double noise = 0;
  for (size_t i = 0; i < weight.floats().size(); ++i) {
    const size_t c = channel(static_cast<int64_t>(i));
    const auto w = static_cast<double>(weight.floats()[i]);
    const double off = w - static_cast<double>(rounded.floats()[i]);
    const double energy = in.energy[c] / static_cast<double>(in.count) * factor[c] * factor[c];
    noise += step * step / 12 * w * w + off * off * energy;
  }
  return noise;
}

// A few of the samples, evenly spread.
class FewSamples : public SampleSource {
 public:
  FewSamples(SampleSource& all, int64_t most) : all_(all), count_(std::min(all.count(), most)) {}
  int64_t count() const override { return count_; }
  Result<std::vector<Tensor>> at(int64_t i) override { return all_.at(i * all_.count() / count_); }
  std::string hash() const override { return all_.hash(); }

 private:
  SampleSource& all_;
  int64_t count_;
};

// Error at the outputs if the graph is quantized as it is.
Result<double> error_on_trial(const Graph& graph, SampleSource& samples, int threads) {
  Graph trial = graph.clone();
  PassContext ctx;
  ctx.data = &samples;
  ctx.threads = threads;
  for (const char* name : {"calibrate", "quantize"})
    TRY(find_pass(name)->pass->run(trial, {}, ctx));
  TRY(PairedRun run, PairedRun::start(trial, samples, samples.count(), threads, ctx.originals));
  for (const Node* n : trial.nodes()) {
    TRY(run.settle(*n, Side::real));
    TRY(run.settle(*n, Side::rounded));
    run.leave(*n);
  }
  return run.error_at_outputs(trial);
}

class Equalizer {
 public:
  Equalizer(Graph& graph, const Options& options, PassContext& ctx)
      : graph_(graph), options_(options), ctx_(ctx) {}

  Result<bool> run() {
    const auto links = find_links();
    if (links.empty()) return false;
    FewSamples samples(*ctx_.data, options_.samples);
    TRY(measure(links, samples));
    Graph saved = graph_.clone();
    size_t changed = 0;
    for (const Link& link : links) changed += equalize(link);
    if (changed == 0) return false;
    TRY(const double before, error_on_trial(saved, samples, ctx_.threads));
    TRY(const double after, error_on_trial(graph_, samples, ctx_.threads));
    if (!(after < before)) {
      graph_ = std::move(saved);
      return false;
    }
    const auto decibels = [](double error) { return -10 * std::log10(std::max(error, 1e-30)); };
    ctx_.note(formatted("{} value{}: {:.1f} dB at the outputs, {:.1f} dB before", changed,
                        changed == 1 ? "" : "s", decibels(after), decibels(before)));
    return true;
  }

 private:
  std::vector<Link> find_links() const {
    std::vector<Link> links;
    for (Node* n : graph_.nodes()) {
      Link link{n, {}};
      if (!ctx_.selected(*n) || !may_make(*n)) continue;
      if (!find_readers(n->output(), *n, link.readers) || link.readers.empty()) continue;
      const auto channels = (*n->inputs[1]->shape)[static_cast<size_t>(weight_axis(*n))];
      const auto fits = [&](const Node* r) {
        return static_cast<int64_t>(InputChannel(*r).channels()) == channels;
      };
      if (std::all_of(link.readers.begin(), link.readers.end(), fits)) links.push_back(link);
    }
    return links;
  }

  Result<void> measure(const std::vector<Link>& links, FewSamples& samples) {
    std::map<std::string, const Node*> makers;
    for (const Link& link : links) makers[link.maker->output()->name] = link.maker;
    TRY(Session session, Session::of_graph(graph_, {.threads = ctx_.threads}));
    session.set_tap([&](const Tapped& t) {
      const auto it = makers.find(t.name);
      if (it == makers.end() || t.dtype != BT_F32) return;
      Channels& known = channels_[it->second];
      Quant along;
      along.axis = channel_axis(*it->second);
      along.scale.resize(static_cast<size_t>(t.dims[static_cast<size_t>(along.axis)]));
      known.largest.resize(along.scale.size());
      known.energy.resize(along.scale.size());
      const ChannelIndex channel(Shape(t.dims.begin(), t.dims.end()), along);
      const auto* data = static_cast<const float*>(t.data);
      for (int64_t i = 0; i < t.count; ++i) {
        const size_t c = channel(i);
        const auto v = static_cast<double>(data[i]);
        known.largest[c] = std::max(known.largest[c], std::fabs(v));
        known.energy[c] += v * v;
      }
      known.count += t.count / static_cast<int64_t>(along.scale.size());
    });
    for (int64_t i = 0; i < samples.count(); ++i) {
      TRY(const auto inputs, samples.at(i));
      TRY(session.run(inputs));
    }
    return {};
  }

  bool equalize(const Link& link) {
    const Channels& in = channels_[link.maker];
    if (in.count == 0) return false;
    const auto total = [&](const Numbers& factor) {
      double sum = 0;
      for (const Node* r : link.readers) sum += noise_of(*r, in, factor);
      return sum;
    };
    Numbers best(in.largest.size(), 1);
    const double before = total(best);
    double lowest = before * kWorthwhile;
    for (const double strength : {0.25, 0.5, 0.75, 1.0}) {
      const Numbers factor = factors(in, strength);
      const double noise = total(factor);
      if (noise < lowest) lowest = noise, best = factor;
    }
    if (std::all_of(best.begin(), best.end(), [](double f) { return f == 1; })) return false;
    scale(*link.maker, 1, best);
    if (link.maker->input(2)) scale(*link.maker, 2, best);
    for (Node* r : link.readers)
      replace_constant(graph_, r, 1, divided(*r, InputChannel(*r), best), ".even");
    rename_scaled(link.maker->output());
    return true;
  }

  // The old name stands for other numbers: whoever compares values by name must not find it.
  void rename_scaled(Value* v) {
    graph_.rename(v, v->name + ".even");
    for (const Use& use : v->uses())
      if (is_homogeneous(*use.node)) rename_scaled(use.node->output());
  }

  // Small channels grow towards the largest one, by a power of two.
  static Numbers factors(const Channels& in, double strength) {
    const double top = *std::max_element(in.largest.begin(), in.largest.end());
    Numbers list;
    for (const double v : in.largest) {
      const double octaves = v > 0 ? std::log2(top / v) * strength : 0;
      list.push_back(std::exp2(std::floor(std::min(octaves, kMostOctaves))));
    }
    return list;
  }

  // Output channels of weight or bias.
  void scale(Node& n, int index, const Numbers& factor) {
    const Value* v = n.inputs[static_cast<size_t>(index)];
    Quant along;
    along.axis = index == 1 ? weight_axis(n) : v->rank() - 1;
    along.scale.resize(factor.size());
    const ChannelIndex channel(*v->shape, along);
    std::vector<float> values(v->constant->floats().begin(), v->constant->floats().end());
    for (size_t i = 0; i < values.size(); ++i)
      values[i] *= static_cast<float>(factor[channel(static_cast<int64_t>(i))]);
    replace_constant(graph_, &n, index, Tensor::of_floats(*v->shape, values), ".even");
  }

  static constexpr double kMostOctaves = 10, kWorthwhile = 0.9;
  Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  std::map<const Node*, Channels> channels_;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (!ctx.data) return false;  // ranges are unknown, and activations stay in float
  return Equalizer(graph, options, ctx).run();
}

}  // namespace

extern constinit const Pass equalize_layers = make_pass<Options, describe, run>(
    "Evens out the ranges of channels between layers.", Effect::exact, false);

}  // namespace bantam
