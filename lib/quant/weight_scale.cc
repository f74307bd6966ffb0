// SPDX-License-Identifier: Apache-2.0
#include "quant/weight_scale.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "ir/scale_runs.h"

namespace bantam {
namespace {

// Squared error of rounding `values` with one scale.
double error_of(const std::vector<float>& values, float scale, float limit) {
  double sum = 0;
  for (const float v : values) {
    const float q = std::clamp(std::nearbyint(v / scale), -limit, limit);
    const double off = static_cast<double>(v) - static_cast<double>(q * scale);
    sum += off * off;
  }
  return sum;
}

float scale_by_error(const std::vector<float>& values, float full, float limit) {
  float best = full;
  double lowest = error_of(values, full, limit);
  constexpr int kSteps = 80;  // down to 0.4 of the full range (recipes: below that nothing is won)
  for (int k = 1; k < kSteps; ++k) {
    const float scale = round_up_to_bf16(full * (1.0f - 0.6f * static_cast<float>(k) / kSteps));
    const double error = error_of(values, scale, limit);
    if (error < lowest) lowest = error, best = scale;
  }
  return best;
}

float round_up_to_power_of_two(float v) {
  int exponent = 0;
  return std::frexp(v, &exponent) == 0.5f ? v : std::ldexp(1.0f, exponent);
}

}  // namespace

float round_up_to_bf16(float v) {
  const auto bits = std::bit_cast<uint32_t>(v);
  return std::bit_cast<float>((bits + 0xFFFFu) & 0xFFFF0000u);
}

Quant weight_quant(const Tensor& weight, int axis, const WeightScaleOptions& options) {
  Quant q;
  q.storage = options.bits > 8 ? BT_I16 : BT_I8;
  q.bits = options.bits;
  q.narrow = true;
  const auto limit = static_cast<float>(q.hi());
  const auto channels = options.per_channel ? static_cast<size_t>(weight.shape()[static_cast<size_t>(axis)]) : 1;
  q.axis = options.per_channel ? axis : -1;
  q.scale.assign(channels, 1.0f);
  const auto w = weight.floats();
  std::vector<float> tops(channels);
  std::vector<std::vector<float>> values(options.by_error ? channels : 0);
  each_scale_run(weight, q, [&](size_t begin, size_t end, size_t c) {
    float top = tops[c];
    for (size_t i = begin; i < end; ++i) top = std::max(top, std::fabs(w[i]));
    tops[c] = top;
    if (options.by_error) values[c].insert(values[c].end(), w.begin() + static_cast<std::ptrdiff_t>(begin), w.begin() + static_cast<std::ptrdiff_t>(end));
  });
  const float largest = channels ? *std::max_element(tops.begin(), tops.end()) : 0.0f;
  for (size_t c = 0; c < channels; ++c) {
    float top = tops[c];
    // a dead channel: any scale stores its zeros, a tiny one would only make its bias overflow
    if (top < largest * 1e-6f || top < 1e-30f) top = largest > 0 ? largest : 1.0f;
    const float exact = top / limit;
    const float full = options.exact_in_f16 ? round_up_to_power_of_two(exact)
                                            : round_up_to_bf16(exact);
    const bool by_error = options.by_error && !options.exact_in_f16;
    q.scale[c] = by_error ? scale_by_error(values[c], full, limit) : full;
  }
  return q;
}

}  // namespace bantam
