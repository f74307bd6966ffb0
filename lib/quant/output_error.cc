// SPDX-License-Identifier: Apache-2.0
#include "quant/output_error.h"

#include <algorithm>
#include <cmath>

namespace bantam {

namespace {

// Rows of numbers that are at least 0 and add up to 1.
bool are_chances(const Tensor& t) {
  if (t.dtype() != BT_F32 || t.rank() < 1 || t.count() == 0) return false;
  const auto values = t.floats();
  const auto row = static_cast<size_t>(t.shape().back());
  for (size_t i = 0; row > 2 && i < values.size(); i += row) {
    double sum = 0;
    for (size_t k = 0; k < row; ++k) {
      if (!(values[i + k] >= 0)) return false;
      sum += static_cast<double>(values[i + k]);
    }
    if (std::fabs(sum - 1) > 1e-3) return false;
  }
  return row > 2;
}

// Their logarithms, the mean of a row taken out: the numbers before a softmax.
Tensor scores_of(const Tensor& chances) {
  constexpr float kLeast = 1e-12f;
  std::vector<float> scores;
  for (const float p : chances.floats()) scores.push_back(static_cast<float>(std::log(static_cast<double>(std::max(p, kLeast)))));
  const auto row = static_cast<size_t>(chances.shape().back());
  for (size_t i = 0; i < scores.size(); i += row) {
    double sum = 0;
    for (size_t k = 0; k < row; ++k) sum += static_cast<double>(scores[i + k]);
    for (size_t k = 0; k < row; ++k) scores[i + k] -= static_cast<float>(sum / static_cast<double>(row));
  }
  return Tensor::of_floats(chances.shape(), scores);
}

// Which samples say something: some output holds a share of what it holds on the average. Most pictures
// hold no text, say; of a detector's noise they tell only where it sees something that is not there.
std::vector<bool> are_telling(const std::vector<std::vector<double>>& powers) {
  constexpr double kShare = 0.01;
  std::vector<double> sum(powers.empty() ? 0 : powers[0].size());
  for (const auto& of_sample : powers)
    for (size_t k = 0; k < sum.size(); ++k) sum[k] += of_sample[k];
  std::vector<bool> telling;
  for (const auto& of_sample : powers) {
    bool any = false;
    for (size_t k = 0; k < sum.size(); ++k)
      any = any || of_sample[k] * static_cast<double>(powers.size()) > kShare * sum[k];
    telling.push_back(any);
  }
  return telling;
}

// The middles of n parts: passes that learn from a few samples (PairedRun) take their beginnings.
std::vector<int64_t> spread(int64_t count, int64_t n) {
  std::vector<int64_t> list;
  for (int64_t i = 0; i < n; ++i) list.push_back((2 * i + 1) * count / (2 * n));
  return list;
}

// n of the samples: telling ones, as long as there are.
std::vector<int64_t> choose_samples(const Calibration* calibration, int64_t count, int64_t n) {
  if (!calibration || static_cast<int64_t>(calibration->powers.size()) != count) return spread(count, n);
  const auto telling = are_telling(calibration->powers);
  std::vector<int64_t> loud, silent, list;
  for (size_t i = 0; i < telling.size(); ++i) (telling[i] ? loud : silent).push_back(static_cast<int64_t>(i));
  const auto add = [&](const std::vector<int64_t>& from, int64_t wanted) {
    const auto all = static_cast<int64_t>(from.size());
    for (const int64_t i : spread(all, std::min(all, wanted))) list.push_back(from[static_cast<size_t>(i)]);
  };
  add(loud, n);
  add(silent, n - static_cast<int64_t>(list.size()));
  return list;
}

}  // namespace

Result<OutputError> OutputError::of_reference(const Graph& reference, SampleSource& source, const ErrorOptions& options) {
  OutputError e;
  e.threads_ = options.threads;
  e.scores_ = options.scores;
  TRY(Session session, Session::of_graph(reference, {.threads = options.threads}));
  const auto chosen = choose_samples(options.calibration, source.count(), std::min(source.count(), options.samples));
  for (const int64_t i : chosen) {
    TRY(auto inputs, source.at(i));
    TRY(auto outputs, session.run(inputs));
    e.samples_.push_back(std::move(inputs));
    e.wanted_.push_back(std::move(outputs));
  }
  return e;
}

Result<double> OutputError::of(const Graph& graph) const {
  TRY(Session session, Session::of_graph(graph, {.threads = threads_, .simulate = true}));
  std::vector<std::vector<Tensor>> made;
  for (const auto& inputs : samples_) {
    TRY(auto outputs, session.run(inputs));
    made.push_back(std::move(outputs));
  }
  return of_outputs(made);
}

double OutputError::of_outputs(const std::vector<std::vector<Tensor>>& made_of) const {
  std::vector<double> noise(wanted_.empty() ? 0 : wanted_[0].size()), signal(noise.size());
  for (size_t s = 0; s < made_of.size(); ++s) {
    const auto& outputs = made_of[s];
    for (size_t k = 0; k < outputs.size(); ++k) {
      if (outputs[k].dtype() != BT_F32) continue;
      const bool as_scores = scores_ && are_chances(wanted_[s][k]) && are_chances(outputs[k]);
      const Tensor made = as_scores ? scores_of(outputs[k]) : outputs[k], meant = as_scores ? scores_of(wanted_[s][k]) : wanted_[s][k];
      const auto got = made.floats(), want = meant.floats();
      if (got.size() != want.size()) return 1.0;
      for (size_t i = 0; i < got.size(); ++i) {
        const auto y = static_cast<double>(want[i]);
        const double d = static_cast<double>(got[i]) - y;
        if (!std::isfinite(y)) continue;
        signal[k] += y * y;
        noise[k] += std::isfinite(d) ? d * d : y * y + 1;
      }
    }
  }
  double sum = 0;
  int counted = 0;
  for (size_t k = 0; k < noise.size(); ++k)
    if (signal[k] > 0) sum += noise[k] / signal[k], ++counted;
  return counted ? sum / counted : 0.0;
}

double decibels(double error) { return -10 * std::log10(std::max(error, 1e-15)); }
double error_at(double decibels) { return std::pow(10.0, -decibels / 10); }

}  // namespace bantam
