// SPDX-License-Identifier: Apache-2.0
// Asks whether the calibration samples are prepared as the model's training data were. Changes nothing;
// belongs before batch normalizations are folded.
//
// A BatchNormalization carries the mean and the variance that each channel had in training. Samples with
// another scale (0..255 in place of 0..1), another mean or another order of colours give the channels of
// the first one other moments: this is measured, and where it is clear, a few usual ways to prepare
// pictures are tried on the samples for one that fits. A model that carries no such moments says less:
// only samples that are far too small show, as the first product then gives little more than its biases.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/format.h"
#include "eval/session.h"
#include "pass/pass.h"

namespace bantam {
namespace {

struct Options {
  int samples = 16;
};

void describe(OptionList& list, Options& o) {
  list.number("samples", &o.samples, 1, 1000, "calibration samples to look at");
}

using Numbers = std::vector<double>;
using Samples = std::vector<std::vector<Tensor>>;

struct Moments {
  Numbers mean, variance;
};

// A way to prepare pictures of three channels: value * scale + shift, colours perhaps the other way round.
struct Preparation {
  const char* text;
  std::array<double, 3> scale, shift;
  bool reversed = false;
};

constexpr Preparation kReversed = {"", {1, 1, 1}, {0, 0, 0}, true};

std::array<double, 3> all(double v) { return {v, v, v}; }

std::vector<Preparation> preparations() {
  const std::array<double, 3> mean = {0.485, 0.456, 0.406}, deviation = {0.229, 0.224, 0.225};
  std::array<double, 3> scale{}, scale255{}, shift{};
  for (size_t c = 0; c < 3; ++c) {
    scale[c] = 1 / deviation[c];
    scale255[c] = scale[c] / 255;
    shift[c] = -mean[c] / deviation[c];
  }
  std::vector<Preparation> list = {
      {"divided by 255", all(1 / 255.0), all(0)},
      {"multiplied by 255", all(255), all(0)},
      {"divided by 127.5, less 1", all(1 / 127.5), all(-1)},
      {"times 2, less 1", all(2), all(-1)},
      {"plus 1, halved", all(0.5), all(0.5)},
      {"divided by 255 and normalized by the mean and deviation of ImageNet", scale255, shift},
      {"normalized by the mean and deviation of ImageNet", scale, shift},
      {"freed of the mean and deviation of ImageNet", deviation, mean},
  };
  const size_t plain = list.size();
  for (size_t i = 0; i < plain; ++i) {
    list.push_back(list[i]);
    list.back().reversed = true;
  }
  list.push_back(kReversed);
  return list;
}

std::string text_of(const Preparation& how) {
  std::string text = how.text;
  if (how.reversed) text += text.empty() ? "with colours in the other order" : ", with colours in the other order,";
  return text;
}

Tensor prepared(const Tensor& x, const Preparation& how) {
  std::vector<float> values(x.floats().begin(), x.floats().end());
  const auto plane = static_cast<size_t>(x.shape()[2] * x.shape()[3]);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = i / plane % 3, from = how.reversed ? 2 - c : c;
    const size_t at = i / (3 * plane) * 3 * plane + from * plane + i % plane;
    values[i] = static_cast<float>(static_cast<double>(x.floats()[at]) * how.scale[c] + how.shift[c]);
  }
  return Tensor::of_floats(x.shape(), values);
}

bool is_normalization(const Node& n) {
  if (!n.is("BatchNormalization") || n.inputs.size() < 5 || n.attr_int("training_mode")) return false;
  const auto known = [&](size_t i) {
    const Value* v = n.inputs[i];
    return v && v->is_constant() && v->dtype == BT_F32 && v->constant->count() == n.inputs[3]->constant->count();
  };
  return n.inputs[0] && !n.inputs[0]->is_constant() && n.inputs[3] && n.inputs[3]->is_constant() && known(3) && known(4);
}

bool has_bias(const Node& n) {
  return n.is("Conv") && n.input(2) && n.inputs[2]->is_constant() && n.inputs[2]->dtype == BT_F32 && n.inputs[0] && !n.inputs[0]->is_constant();
}

// What it takes to compute one value, as a graph of its own.
class Beginning {
 public:
  Beginning(const Graph& whole, const Value* wanted) : name_(wanted->name) {
    std::set<const Value*> needed = {wanted};
    const auto nodes = whole.nodes();
    std::vector<const Node*> own;
    for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
      if (std::none_of((*it)->outputs.begin(), (*it)->outputs.end(), [&](const Value* v) { return needed.count(v) > 0; })) continue;
      own.push_back(*it);
      needed.insert((*it)->inputs.begin(), (*it)->inputs.end());
    }
    for (size_t k = 0; k < whole.inputs().size(); ++k) {
      const Value* v = whole.inputs()[k];
      if (!needed.count(v)) continue;
      graph_.add_input(v->name, v->dtype, std::nullopt);
      inputs_.push_back(k);
    }
    for (auto it = own.rbegin(); it != own.rend(); ++it) copy(**it);
  }

  // The only input, where it is a picture of three colours; else -1.
  int64_t picture(const Graph& whole) const {
    if (inputs_.size() != 1) return -1;
    const Value* v = whole.inputs()[inputs_[0]];
    const bool fits = v->dtype == BT_F32 && v->rank() == 4 && (*v->shape)[1] == 3;
    return fits ? static_cast<int64_t>(inputs_[0]) : -1;
  }

  // Of each channel over the samples, which are prepared in another way before.
  Result<Moments> moments(const Samples& samples, int threads, const Preparation* how = nullptr) const {
    TRY(Session session, Session::of_graph(graph_, {.threads = threads}));
    Numbers sum, squares;
    double count = 0;
    session.set_tap([&](const Tapped& t) {
      if (t.name != name_ || t.dtype != BT_F32 || t.dims.size() < 2) return;
      const auto channels = static_cast<size_t>(t.dims[1]);
      const size_t plane = static_cast<size_t>(t.count) / std::max<size_t>(channels * static_cast<size_t>(t.dims[0]), 1);
      sum.resize(channels);
      squares.resize(channels);
      for (size_t i = 0; i < static_cast<size_t>(t.count); ++i) {
        const auto v = static_cast<double>(static_cast<const float*>(t.data)[i]);
        sum[i / plane % channels] += v;
        squares[i / plane % channels] += v * v;
      }
      count += static_cast<double>(plane * static_cast<size_t>(t.dims[0]));
    });
    for (const auto& sample : samples) {
      std::vector<Tensor> own;
      for (const size_t k : inputs_) own.push_back(how ? prepared(sample[k], *how) : sample[k]);
      TRY(session.run(own));
    }
    Moments m;
    for (size_t c = 0; c < sum.size() && count > 0; ++c) {
      m.mean.push_back(sum[c] / count);
      m.variance.push_back(std::max(0.0, squares[c] / count - m.mean[c] * m.mean[c]));
    }
    return m;
  }

 private:
  void copy(const Node& n) {
    std::vector<Value*> inputs;
    for (const Value* v : n.inputs) {
      Value* known = v ? graph_.find(v->name) : nullptr;
      inputs.push_back(v && !known ? graph_.add_constant(v->name, *v->constant, v->quant) : known);
    }
    for (Value* v : graph_.adopt_copy(n, inputs)->outputs)
      if (v) v->shape.reset();  // samples may differ
  }

  Graph graph_;
  std::string name_;
  std::vector<size_t> inputs_;  // of the whole graph
};

// How far the moments are from those of the training data: 0 where equal, 1 where means are off by one
// deviation, or deviations by a factor of e. Channels that tell nothing at all do not drown the others.
double distance(const Moments& seen, const Node& norm) {
  constexpr double kMost = 9;
  const auto epsilon = static_cast<double>(norm.attr_float("epsilon"));
  double sum = 0;
  const size_t channels = std::min(seen.mean.size(), static_cast<size_t>(norm.inputs[3]->constant->count()));
  for (size_t c = 0; c < channels; ++c) {
    const double mean = norm.inputs[3]->constant->number(static_cast<int64_t>(c));
    const double variance = std::max(norm.inputs[4]->constant->number(static_cast<int64_t>(c)), 0.0) + epsilon;
    const double off = seen.mean[c] - mean, ratio = std::log((seen.variance[c] + epsilon) / variance) / 2;
    sum += std::min(off * off / variance + ratio * ratio, kMost);
  }
  return channels ? std::sqrt(sum / static_cast<double>(channels)) : 0;
}

class Checker {
 public:
  Checker(Graph& graph, const Options& options, PassContext& ctx) : graph_(graph), options_(options), ctx_(ctx) {}

  Result<void> run() {
    const auto nodes = graph_.nodes();
    const auto norm = std::find_if(nodes.begin(), nodes.end(), [](const Node* n) { return is_normalization(*n); });
    const auto product = std::find_if(nodes.begin(), nodes.end(), [](const Node* n) { return n->is("Conv"); });
    if (norm == nodes.end() && (product == nodes.end() || !has_bias(**product))) return {};
    const int64_t n = std::min<int64_t>(options_.samples, ctx_.data->count());
    for (int64_t i = 0; i < n; ++i) {
      TRY(auto sample, ctx_.data->at((2 * i + 1) * ctx_.data->count() / (2 * n)));
      samples_.push_back(std::move(sample));
    }
    return norm != nodes.end() ? compare(**norm) : weigh_bias(**product);
  }

 private:
  Result<void> compare(const Node& norm) {
    const Beginning beginning(graph_, norm.inputs[0]);
    TRY(const Moments seen, beginning.moments(samples_, ctx_.threads));
    const double off = distance(seen, norm);
    ctx_.note(norm, formatted("samples are {:.2f} from the moments of the training data", off));
    const bool picture = beginning.picture(graph_) >= 0;
    if (off > kFar) {
      std::string better;
      if (picture) {
        double least = off / 2;
        for (const Preparation& how : preparations()) {
          TRY(const Moments other, beginning.moments(samples_, ctx_.threads, &how));
          const double d = distance(other, norm);
          if (d < least) least = d, better = formatted("; {} they would be {:.2f} away", text_of(how), d);
        }
      }
      ctx_.warn(norm.name, formatted("the calibration samples do not look like the data that the model was trained with: before the first batch normalization means and deviations of the channels are {:.2f} away from the stored ones (0: equal, 1: by a whole deviation){}", off, better),
                "check how the samples are prepared: scale, mean, order of colours");
      return {};
    }
    if (!picture) return {};
    TRY(const Moments reversed, beginning.moments(samples_, ctx_.threads, &kReversed));
    const double other = distance(reversed, norm);
    if (other < off * kClearly && off > kNear)
      ctx_.warn(norm.name, formatted("the colours of the calibration samples may be in the wrong order: reversed, they are {:.2f} away from the moments of the training data, as given {:.2f}", other, off),
                "check the order of colours (RGB or BGR)");
    return {};
  }

  Result<void> weigh_bias(const Node& product) {
    const Beginning beginning(graph_, product.output());
    TRY(const Moments seen, beginning.moments(samples_, ctx_.threads));
    Numbers shares;
    for (size_t c = 0; c < seen.variance.size() && static_cast<int64_t>(c) < product.inputs[2]->constant->count(); ++c) {
      const double deviation = std::sqrt(seen.variance[c]);
      if (deviation > 0) shares.push_back(std::fabs(product.inputs[2]->constant->number(static_cast<int64_t>(c))) / deviation);
    }
    if (shares.empty()) return {};
    std::nth_element(shares.begin(), shares.begin() + static_cast<int64_t>(shares.size() / 2), shares.end());
    const double middle = shares[shares.size() / 2];
    if (middle > kMostBias)
      ctx_.warn(product.name, formatted("the calibration samples may be far too small: the biases of the first product are {:.0f} times what its results vary by", middle),
                "check how the samples are prepared: 0..1 or 0..255");
    return {};
  }

  // Measured: the right samples are up to 0.6 away from the moments, 0..255 for 0..1 is 3; biases
  // are up to 8 times what the results vary by.
  static constexpr double kFar = 0.8, kNear = 0.1, kClearly = 0.85, kMostBias = 50;
  const Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  Samples samples_;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (ctx.data && ctx.data->count() > 0) TRY(Checker(graph, options, ctx).run());
  return false;
}

}  // namespace

extern constinit const Pass check_data = make_pass<Options, describe, run>(
    "Asks whether the samples are prepared as the training data were.", Effect::annotation, false);

}  // namespace bantam
