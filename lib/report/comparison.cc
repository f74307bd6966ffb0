// SPDX-License-Identifier: Apache-2.0
#include "report/comparison.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "base/format.h"
#include "base/text.h"
#include "report/metrics.h"
#include "report/strips.h"

namespace bantam {
namespace {

struct OutputState {
  size_t reference = 0, model = 0;  // places in the two models
  Difference difference;
  bool is_classes = false;
  int64_t lengths_differ = 0;  // samples
  Flips flips;
  Divergence divergence;
};

// Scores of classes: [N,C], [N,C,1,1] with a handful to some ten thousand classes.
bool looks_like_classes(const Tensor& t) {
  if (!bt_is_float(t.dtype()) || t.rank() < 2 || t.rank() > 4) return false;
  int64_t longest = 0;
  for (size_t d = 1; d < t.shape().size(); ++d) longest = std::max(longest, t.shape()[d]);
  int64_t per_sample = 1;
  for (size_t d = 1; d < t.shape().size(); ++d) per_sample *= t.shape()[d];
  return longest == per_sample && longest >= 2 && longest <= 100000;
}

// The shape that holds both, where the lengths that differ are ones that neither model knows beforehand.
std::optional<Shape> shape_of_both(const Tensor& a, const Tensor& b, const Port& of_a, const Port& of_b) {
  if (a.shape() == b.shape() || a.rank() != b.rank()) return std::nullopt;
  Shape both = a.shape();
  for (size_t d = 0; d < both.size(); ++d) {
    const auto is_open = [&](const Port& p) { return !p.shape || (p.shape->size() == both.size() && (*p.shape)[d] < 0); };
    if (both[d] == b.shape()[d]) continue;
    if (!is_open(of_a) || !is_open(of_b)) return std::nullopt;
    both[d] = std::max(both[d], b.shape()[d]);
  }
  return both;
}

// `t` in the first places of each axis, zeros behind.
Tensor filled_up(const Tensor& t, const Shape& shape) {
  const size_t size = bt_dtype_size(t.dtype()), row = t.shape().empty() ? size : static_cast<size_t>(t.shape().back()) * size;
  std::vector<uint8_t> bytes(static_cast<size_t>(element_count(shape)) * size);
  for (size_t r = 0; row > 0 && r * row < t.bytes().size(); ++r) {
    size_t left = r, at = 0, step = size * static_cast<size_t>(shape.back());
    for (size_t d = shape.size() - 1; d-- > 0; step *= static_cast<size_t>(shape[d])) {
      const auto length = static_cast<size_t>(t.shape()[d]);
      at += left % length * step;
      left /= length;
    }
    std::copy_n(t.bytes().data() + r * row, row, bytes.data() + at);
  }
  return Tensor(t.dtype(), shape, Bytes(std::move(bytes)));
}

size_t place_of(const std::vector<Port>& ports, const std::string& name) {
  size_t i = 0;
  while (i < ports.size() && ports[i].name != name) ++i;
  return i;
}

class Comparison {
 public:
  Comparison(Session& reference, Session& model, Dataset& data, const ComparisonOptions& options, Report& report)
      : reference_(reference), model_(model), data_(data), options_(options), report_(report) {}

  Result<void> run() {
    TRY(match());
    for (int64_t i = 0; i < data_.count(); ++i) {
      TRY(sample(i));
      if (options_.progress) options_.progress(static_cast<double>(i + 1) / static_cast<double>(data_.count()));
    }
    report_.samples = data_.count();
    report_.data_hash = data_.hash();
    fill_outputs();
    fill_metric();
    fill_layers();
    if (options_.cost) TRY(measure_cost());
    return {};
  }

 private:
  Result<void> match() {
    for (const Port& p : reference_.inputs())
      if (place_of(model_.inputs(), p.name) == model_.inputs().size())
        return Error{Code::bad_input, formatted("input {} of the reference is missing in the model", quote(p.name))};
    for (size_t i = 0; i < reference_.outputs().size(); ++i) {
      const std::string& name = reference_.outputs()[i].name;
      OutputState state;
      state.reference = i;
      state.model = place_of(model_.outputs(), name);
      state.flips = Flips(data_.label_offset());
      if (state.model == model_.outputs().size())
        return Error{Code::bad_input, formatted("output {} of the reference is missing in the model", quote(name))};
      outputs_.push_back(std::move(state));
    }
    const MetricChoice& metric = data_.metric();
    judged_ = metric.output.empty() ? 0 : place_of(reference_.outputs(), metric.output);
    if (judged_ == reference_.outputs().size()) {
      std::vector<std::string> names;
      for (const Port& p : reference_.outputs()) names.push_back(p.name);
      return Error{Code::usage, formatted("the data's metric judges output {}, which the model does not have{}", quote(metric.output), suggestion(metric.output, names))};
    }
    return {};
  }

  Result<void> sample(int64_t i) {
    TRY(const auto inputs, data_.at(i));
    std::vector<Tensor> other(model_.inputs().size());
    for (size_t k = 0; k < inputs.size(); ++k) other[place_of(model_.inputs(), reference_.inputs()[k].name)] = inputs[k];
    const bool layers = i < options_.layer_samples;
    watch(layers);
    TRY(auto want, reference_.run(inputs));
    TRY(auto got, model_.run(other));
    if (layers) watch(false);
    for (OutputState& o : outputs_) fit_lengths(o, want[o.reference], got[o.model]);
    const std::vector<int64_t> labels = data_.has_labels() ? data_.labels(i) : std::vector<int64_t>();
    if (i < options_.strips) TRY(keep_pictures(i, inputs, want[outputs_[judged_].reference], got[outputs_[judged_].model]));
    for (OutputState& o : outputs_) {
      const Tensor &x = want[o.reference], &y = got[o.model];
      TRY(o.difference.add(x, y));
      if (i == 0) o.is_classes = looks_like_classes(x);
      if (o.lengths_differ > 0) o.is_classes = false;  // things that were found
      if (!o.is_classes) continue;
      TRY(o.flips.add(x, y, o.reference == judged_ ? labels : std::vector<int64_t>()));
      TRY(o.divergence.add(x, y));
    }
    return judge_sample(i, want[outputs_[judged_].reference], got[outputs_[judged_].model], labels);
  }

  // Detectors find more or fewer things than before.
  void fit_lengths(OutputState& o, Tensor& x, Tensor& y) const {
    const auto both = shape_of_both(x, y, reference_.outputs()[o.reference], model_.outputs()[o.model]);
    if (!both) return;
    ++o.lengths_differ;
    x = filled_up(x, *both);
    y = filled_up(y, *both);
  }

  Result<void> keep_pictures(int64_t i, const std::vector<Tensor>& inputs, const Tensor& want, const Tensor& got) {
    TRY(auto strip, picture_strip(formatted("sample {}", i + 1), inputs.empty() ? nullptr : &inputs[0], want, got));
    if (strip) report_.strips.push_back(std::move(*strip));
    return {};
  }

  Result<void> judge_sample(int64_t i, const Tensor& x, const Tensor& y, const std::vector<int64_t>& labels) {
    if (!labels.empty()) {
      TRY(accuracy_[0].add(x, labels));
      TRY(accuracy_[1].add(y, labels));
    }
    if (!data_.has_targets()) return {};
    TRY(const Tensor target, data_.target(i));
    if (data_.metric().name == "ssim") {
      TRY(ssim_[0].add(target, x));
      TRY(ssim_[1].add(target, y));
    } else {
      TRY(to_target_[0].add(target, x));
      TRY(to_target_[1].add(target, y));
    }
    return {};
  }

  // ---- layers ----

  void watch(bool on) {
    if (!on) {
      reference_.set_tap(nullptr);
      model_.set_tap(nullptr);
      return;
    }
    values_.clear();
    reference_.set_tap([this](const Tapped& t) {
      if (t.dtype != BT_F32) return;
      const auto* reals = static_cast<const float*>(t.data);
      values_[t.name] = Tensor::of_floats(Shape(t.dims.begin(), t.dims.end()), {reals, static_cast<size_t>(t.count)});
    });
    model_.set_tap([this](const Tapped& t) {
      const auto it = values_.find(t.name);
      if (it == values_.end() || it->second.count() != t.count || t.name[0] == '\0') return;
      const std::vector<float> reals = t.reals();
      if (reals.size() != static_cast<size_t>(t.count)) return;
      const Shape shape(t.dims.begin(), t.dims.end());
      if (shape != it->second.shape()) return;  // another order of axes: not comparable here
      const Bytes bytes(reals.data(), reals.size() * sizeof(float), nullptr);
      (void)layers_[t.name].add(it->second, Tensor(BT_F32, shape, bytes));
      values_.erase(it);
    });
  }

  void fill_layers() {
    for (LayerRow& row : report_.layers)
      if (const auto it = layers_.find(row.name); it != layers_.end()) row.sqnr_db = it->second.sqnr();
  }

  // ---- results ----

  void fill_outputs() {
    for (const OutputState& o : outputs_) {
      OutputQuality q;
      q.name = reference_.outputs()[o.reference].name;
      q.peak = o.difference.reference_range();
      q.sqnr_db = o.difference.sqnr();
      q.psnr_db = o.difference.psnr(q.peak > 0 ? q.peak : 1.0);
      q.cosine = o.difference.cosine();
      q.max_error = o.difference.max_abs_error();
      if (o.is_classes) {
        q.kl = o.divergence.mean();
        q.agreement = o.flips.agreement();
      }
      if (o.lengths_differ > 0)
        report_.warnings.push_back({"", formatted("output {} has another length in {} of {} samples; what one side alone has counts as error",
                                                  quote(q.name), o.lengths_differ, data_.count()), ""});
      report_.outputs.push_back(std::move(q));
    }
  }

  void fill_metric() {
    const std::string& chosen = data_.metric().name;
    const OutputState& o = outputs_[judged_];
    MetricResult m;
    if (data_.has_targets()) {
      const double peak = data_.metric().peak > 0 ? data_.metric().peak : 1.0;
      m.name = chosen == "ssim" ? "ssim" : "psnr";
      m.reference = chosen == "ssim" ? ssim_[0].mean() : to_target_[0].psnr(peak);
      m.compressed = chosen == "ssim" ? ssim_[1].mean() : to_target_[1].psnr(peak);
      m.n = data_.count();
    } else if (data_.has_labels()) {
      m.name = chosen == "top5" ? "top5" : "top1";
      m.reference = chosen == "top5" ? accuracy_[0].top5() : accuracy_[0].top1();
      m.compressed = chosen == "top5" ? accuracy_[1].top5() : accuracy_[1].top1();
      m.n = accuracy_[0].decisions();
      m.lost = o.flips.lost();
      m.won = o.flips.gained();
      m.p = mcnemar_p(m.lost, m.won);
      if (m.name == "top1") m.judgement = judgement(m);
    } else if (o.is_classes) {
      m.name = "agreement";
      m.reference = 1;
      m.compressed = o.flips.agreement();
      m.n = o.flips.decisions();
      m.lost = o.flips.decisions() - o.flips.agreeing();
    } else {
      return;
    }
    report_.metric = m;
  }

  MetricResult::Judgement judgement(const MetricResult& m) const {
    const double budget = options_.drop_budget;
    const Interval interval = drop_interval(m.lost, m.won, m.n);
    const Verdict verdict = judge_drop(m.lost, m.won, m.n, budget);
    MetricResult::Judgement j{interval.low, interval.high, budget, verdict == Verdict::pass ? "PASS" : verdict == Verdict::fail ? "FAIL" : "UNDECIDED", {}};
    if (verdict == Verdict::undecided) j.needed = decisions_to_decide(m.lost, m.won, m.n, budget);
    return j;
  }

  Result<void> measure_cost() {
    if (data_.count() == 0) return {};
    TRY(const auto inputs, data_.at(0));
    std::vector<Tensor> other(model_.inputs().size());
    for (size_t k = 0; k < inputs.size(); ++k) other[place_of(model_.inputs(), reference_.inputs()[k].name)] = inputs[k];
    const auto time = [](Session& s, const std::vector<Tensor>& x) -> Result<double> {
      std::vector<double> ms;
      double total = 0;
      while (ms.size() < 3 || (total < 100 && ms.size() < 50)) {
        const auto start = std::chrono::steady_clock::now();
        TRY(s.run(x));
        ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
        total += ms.back();
      }
      std::sort(ms.begin(), ms.end());
      return ms[ms.size() / 2];
    };
    TRY(const double a, time(reference_, inputs));
    TRY(const double b, time(model_, other));
    report_.reference_cost = SideCost{a, reference_.arena_bytes()};
    report_.model_cost = SideCost{b, model_.arena_bytes()};
    report_.kernels = model_.kernels();
    return {};
  }

  Session& reference_;
  Session& model_;
  Dataset& data_;
  const ComparisonOptions& options_;
  Report& report_;
  std::vector<OutputState> outputs_;
  size_t judged_ = 0;
  Accuracy accuracy_[2] = {Accuracy(data_.label_offset()), Accuracy(data_.label_offset())};
  Difference to_target_[2];
  Ssim ssim_[2] = {Ssim(data_.metric().peak > 0 ? data_.metric().peak : 1.0), Ssim(data_.metric().peak > 0 ? data_.metric().peak : 1.0)};
  std::map<std::string, Tensor> values_;
  std::map<std::string, Difference> layers_;
};

}  // namespace

Result<void> compare_sessions(Session& reference, Session& model, Dataset& data, const ComparisonOptions& options,
                              Report& report) {
  return Comparison(reference, model, data, options, report).run();
}

}  // namespace bantam
