// SPDX-License-Identifier: Apache-2.0
#include "quant/output_error.h"

#include <algorithm>
#include <cmath>

namespace bantam {

Result<OutputError> OutputError::of_reference(const Graph& reference, SampleSource& source, int64_t samples, int threads) {
  OutputError e;
  e.threads_ = threads;
  const int64_t n = std::min(source.count(), samples);
  TRY(Session session, Session::of_graph(reference, {.threads = threads}));
  for (int64_t i = 0; i < n; ++i) {
    TRY(auto inputs, source.at(i * source.count() / n));
    TRY(auto outputs, session.run(inputs));
    e.samples_.push_back(std::move(inputs));
    e.wanted_.push_back(std::move(outputs));
  }
  return e;
}

Result<double> OutputError::of(const Graph& graph) const {
  TRY(Session session, Session::of_graph(graph, {.threads = threads_, .simulate = true}));
  std::vector<double> noise(wanted_.empty() ? 0 : wanted_[0].size()), signal(noise.size());
  for (size_t s = 0; s < samples_.size(); ++s) {
    TRY(const auto outputs, session.run(samples_[s]));
    for (size_t k = 0; k < outputs.size(); ++k) {
      if (outputs[k].dtype() != BT_F32) continue;
      const auto got = outputs[k].floats(), want = wanted_[s][k].floats();
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
