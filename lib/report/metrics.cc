// SPDX-License-Identifier: Apache-2.0
// Differences of signals: PSNR, SQNR, cosine, SSIM.
#include "report/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Shape without_leading_ones(const Shape& shape) {
  auto it = shape.begin();
  while (it != shape.end() && *it == 1) ++it;
  return {it, shape.end()};
}

Result<void> check_shapes(const Tensor& reference, const Tensor& test) {
  if (without_leading_ones(reference.shape()) == without_leading_ones(test.shape())) return {};
  return Error{Code::bad_input, formatted("shapes {} and {} cannot be compared", shape_text(reference.shape()), shape_text(test.shape()))};
}

// Any type as doubles; f32, which is nearly always what comes, without a call for each element.
std::vector<double> numbers_of(const Tensor& t) {
  if (t.dtype() == BT_F32) return {t.floats().begin(), t.floats().end()};
  std::vector<double> values(static_cast<size_t>(t.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = t.number(static_cast<int64_t>(i));
  return values;
}

double decibels(double ratio) { return 10 * std::log10(ratio); }

}  // namespace

Result<void> Difference::add(const Tensor& reference, const Tensor& test) {
  TRY(check_shapes(reference, test));
  const bool are_floats = reference.dtype() == BT_F32 && test.dtype() == BT_F32;
  if (are_floats) add(reference.floats(), test.floats());
  else add<double>(numbers_of(reference), numbers_of(test));
  return {};
}

template <typename T>
void Difference::add(std::span<const T> reference, std::span<const T> test) {
  // The sample's own sums first: adding single elements to a sum over thousands of samples would lose digits.
  double error = 0, rr = 0, tt = 0, rt = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const auto r = static_cast<double>(reference[i]), t = static_cast<double>(test[i]);
    if (!std::isfinite(r) || !std::isfinite(t)) {
      if (r == t || (std::isnan(r) && std::isnan(t))) continue;
      error = max_error_ = kInfinity;
      ++elements_;
      continue;
    }
    const double e = r - t;
    error += e * e;
    rr += r * r;
    tt += t * t;
    rt += r * t;
    max_error_ = std::max(max_error_, std::fabs(e));
    min_ = std::min(min_, r);
    max_ = std::max(max_, r);
    ++elements_;
  }
  error_ += error;
  reference_ += rr;
  test_ += tt;
  product_ += rt;
}

double Difference::mse() const { return elements_ > 0 ? error_ / static_cast<double>(elements_) : 0; }

double Difference::psnr(double peak) const { return error_ > 0 ? decibels(peak * peak / mse()) : kInfinity; }

double Difference::sqnr() const { return error_ > 0 ? decibels(reference_ / error_) : kInfinity; }

double Difference::cosine() const {
  if (reference_ == 0 && test_ == 0) return 1;
  if (reference_ == 0 || test_ == 0) return 0;
  return product_ / (std::sqrt(reference_) * std::sqrt(test_));
}

namespace {

constexpr size_t kWindow = 11;
// exp(-k^2 / (2 * 1.5^2)) for k = -5..5, divided by their sum.
constexpr std::array<double, kWindow> kGauss = {
    0.0010283800844791101, 0.0075987581352391747, 0.036000772079497121, 0.10936068743860601,
    0.21300554086322127,   0.26601172479791476,   0.21300554086322127,  0.10936068743860601,
    0.036000772079497121,  0.0075987581352391747, 0.0010283800844791101};

// One channel of two pictures; element (y, x) is at y * width * step + x * step.
struct Plane {
  std::span<const double> reference, test;
  size_t offset, height, width, step;
};

double ssim_of(const Plane& p, double peak) {
  const double c1 = (0.01 * peak) * (0.01 * peak), c2 = (0.03 * peak) * (0.03 * peak);
  const size_t out = p.width - kWindow + 1;
  // Horizontally filtered r, t, r^2, t^2, r t of the last 11 rows.
  std::array<std::vector<std::array<double, 5>>, kWindow> ring;
  double sum = 0;
  for (size_t y = 0; y < p.height; ++y) {
    auto& row = ring[y % kWindow];
    row.assign(out, {});
    const size_t begin = p.offset + y * p.width * p.step;
    for (size_t x = 0; x < out; ++x)
      for (size_t k = 0; k < kWindow; ++k) {
        const size_t at = begin + (x + k) * p.step;
        const double r = p.reference[at], t = p.test[at], w = kGauss[k];
        const std::array<double, 5> values = {r, t, r * r, t * t, r * t};
        for (size_t m = 0; m < 5; ++m) row[x][m] += w * values[m];
      }
    if (y + 1 < kWindow) continue;
    for (size_t x = 0; x < out; ++x) {
      std::array<double, 5> m{};
      for (size_t k = 0; k < kWindow; ++k)
        for (size_t i = 0; i < 5; ++i) m[i] += kGauss[k] * ring[(y + 1 + k) % kWindow][x][i];
      const double rr = m[2] - m[0] * m[0], tt = m[3] - m[1] * m[1], rt = m[4] - m[0] * m[1];
      sum += (2 * m[0] * m[1] + c1) * (2 * rt + c2) / ((m[0] * m[0] + m[1] * m[1] + c1) * (rr + tt + c2));
    }
  }
  return sum / static_cast<double>(out * (p.height - kWindow + 1));
}

}  // namespace

Result<void> Ssim::add(const Tensor& reference, const Tensor& test) {
  TRY(check_shapes(reference, test));
  if (!(peak_ > 0)) return Error{Code::usage, "SSIM needs a peak above 0"};
  Shape s = without_leading_ones(reference.shape());
  while (s.size() < 3) s.insert(s.begin(), 1);  // [H,W], of which a channel axis of length 1 may have gone
  const bool is_first = layout_ == Layout::channels_first || s[0] == 1;
  const size_t rank = s.size();
  const auto length = [&](size_t from_end) { return static_cast<size_t>(s[rank - from_end]); };
  const size_t channels = is_first ? length(3) : length(1), height = is_first ? length(2) : length(3),
               width = is_first ? length(1) : length(2);
  if (height < kWindow || width < kWindow)
    return Error{Code::bad_input, formatted("SSIM needs pictures of at least 11 x 11; these are {}", shape_text(reference.shape()))};
  const std::vector<double> r = numbers_of(reference), t = numbers_of(test);
  const size_t picture = channels * height * width, plane = height * width;
  for (size_t begin = 0; begin < r.size(); begin += picture) {
    double sum = 0;
    for (size_t c = 0; c < channels; ++c) {
      const size_t offset = begin + (is_first ? c * plane : c);
      sum += ssim_of({r, t, offset, height, width, is_first ? 1 : channels}, peak_);
    }
    sum_ += sum / static_cast<double>(channels);
    ++pictures_;
  }
  return {};
}

}  // namespace bantam
