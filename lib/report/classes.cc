// SPDX-License-Identifier: Apache-2.0
// Metrics of classifiers: top-k, flips, divergence.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "report/metrics.h"

namespace bantam {
namespace {

// Scores as doubles, one row after the other.
struct Rows {
  int64_t rows = 0, classes = 0;
  std::vector<double> scores;
  const double* row(int64_t i) const { return scores.data() + i * classes; }
};

Result<Rows> rows_of(const Tensor& t, std::optional<int> axis) {
  TRY(const ClassRows shape, class_rows(t.shape(), axis));
  Rows r{shape.rows(), shape.classes, std::vector<double>(static_cast<size_t>(t.count()))};
  const bool is_f32 = t.dtype() == BT_F32;
  size_t to = 0;
  for (int64_t o = 0; o < shape.outer; ++o)
    for (int64_t i = 0; i < shape.inner; ++i)
      for (int64_t c = 0; c < shape.classes; ++c) {
        const int64_t at = (o * shape.classes + c) * shape.inner + i;
        r.scores[to++] = is_f32 ? static_cast<double>(t.floats()[static_cast<size_t>(at)]) : t.number(at);
      }
  return r;
}

int64_t best_of(const double* scores, int64_t classes) {
  int64_t best = -1;
  for (int64_t c = 0; c < classes; ++c)
    if (!std::isnan(scores[c]) && (best < 0 || scores[c] > scores[best])) best = c;
  return best;
}

// Number of classes in front of this one; a class whose score is NaN is behind all.
int64_t rank_of(const double* scores, int64_t classes, int64_t which) {
  if (std::isnan(scores[which])) return classes;
  int64_t before = 0;
  for (int64_t c = 0; c < classes; ++c) before += scores[c] > scores[which] || (scores[c] == scores[which] && c < which);
  return before;
}

Result<void> check_labels(const Rows& rows, const std::vector<int64_t>& labels, int64_t offset) {
  if (static_cast<int64_t>(labels.size()) != rows.rows)
    return Error{Code::bad_input, formatted("there are {} labels for {} rows of scores", labels.size(), rows.rows)};
  for (const int64_t label : labels)
    if (label < -offset || label >= rows.classes - offset)
      return Error{Code::bad_input, formatted("label {}{} is not one of the {} classes of the output; [labels] offset moves labels",
                                              label, offset == 0 ? "" : formatted(" with offset {}", offset), rows.classes)};
  return {};
}

Result<void> check_same(const Rows& a, const Rows& b) {
  if (a.rows == b.rows && a.classes == b.classes) return {};
  return Error{Code::bad_input, formatted("{} rows of {} scores cannot be compared with {} rows of {}", a.rows, a.classes, b.rows, b.classes)};
}

}  // namespace

Result<ClassRows> class_rows(const Shape& shape, std::optional<int> axis) {
  const auto rank = static_cast<int>(shape.size());
  int found = -1;
  if (axis) {
    if (*axis < -rank || *axis >= rank) return Error{Code::usage, formatted("scores {} have no axis {}", shape_text(shape), *axis)};
    found = *axis < 0 ? *axis + rank : *axis;
  }
  for (int i = rank - 1; !axis && found < 0 && i >= (rank > 1 ? 1 : 0); --i)
    if (shape[static_cast<size_t>(i)] > 1) found = i;
  if (found < 0 || shape[static_cast<size_t>(found)] < 2)
    return Error{Code::bad_input, formatted("an output of {} has no axis of classes", shape_text(shape))};
  ClassRows rows;
  for (int i = 0; i < rank; ++i) (i < found ? rows.outer : i == found ? rows.classes : rows.inner) *= shape[static_cast<size_t>(i)];
  return rows;
}

Result<std::vector<int64_t>> best_classes(const Tensor& scores, std::optional<int> axis) {
  TRY(const Rows rows, rows_of(scores, axis));
  std::vector<int64_t> best;
  for (int64_t i = 0; i < rows.rows; ++i) best.push_back(best_of(rows.row(i), rows.classes));
  return best;
}

Result<void> Accuracy::add(const Tensor& scores, const std::vector<int64_t>& labels) {
  TRY(const Rows rows, rows_of(scores, axis_));
  TRY(check_labels(rows, labels, offset_));
  for (int64_t i = 0; i < rows.rows; ++i) {
    const int64_t rank = rank_of(rows.row(i), rows.classes, labels[static_cast<size_t>(i)] + offset_);
    top1_ += rank < 1;
    top5_ += rank < 5 && rank < rows.classes;
    ++n_;
  }
  return {};
}

Result<void> Flips::add(const Tensor& reference, const Tensor& test, const std::vector<int64_t>& labels) {
  TRY(const Rows a, rows_of(reference, axis_));
  TRY(const Rows b, rows_of(test, axis_));
  TRY(check_same(a, b));
  if (!labels.empty()) TRY(check_labels(a, labels, offset_));
  if (n_ > 0 && labels.empty() != (labelled_ == 0)) return Error{Code::internal, "some samples have labels, others have none"};
  for (int64_t i = 0; i < a.rows; ++i) {
    const int64_t x = best_of(a.row(i), a.classes), y = best_of(b.row(i), b.classes);
    agreeing_ += x == y;
    ++n_;
    if (labels.empty()) continue;
    const int64_t right = labels[static_cast<size_t>(i)] + offset_;
    lost_ += x == right && y != right;
    gained_ += x != right && y == right;
    ++labelled_;
  }
  return {};
}

namespace {

bool is_distribution(const double* p, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (!(p[i] >= 0 && p[i] <= 1.01)) return false;
    sum += p[i];
  }
  return std::fabs(sum - 1) <= 0.01;
}

// log softmax without overflow: x - max - log sum exp(x - max).
double log_sum(const double* x, int64_t n, double largest) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - largest);
  return largest + std::log(sum);
}

double divergence_of_scores(const double* r, const double* t, int64_t n) {
  const double log_r = log_sum(r, n, *std::max_element(r, r + n)), log_t = log_sum(t, n, *std::max_element(t, t + n));
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(r[i] - log_r) * ((r[i] - log_r) - (t[i] - log_t));
  return std::max(sum, 0.0);  // rounding may leave -1e-17
}

double divergence_of_probabilities(const double* r, const double* t, int64_t n) {
  const auto at_least = [](double p) { return std::max(p, Divergence::kFloor); };
  double sum_r = 0, sum_t = 0, sum = 0;
  for (int64_t i = 0; i < n; ++i) sum_r += at_least(r[i]), sum_t += at_least(t[i]);
  for (int64_t i = 0; i < n; ++i) {
    const double p = at_least(r[i]) / sum_r, q = at_least(t[i]) / sum_t;
    sum += p * std::log(p / q);
  }
  return std::max(sum, 0.0);
}

}  // namespace

Result<void> Divergence::add(const Tensor& reference, const Tensor& test) {
  TRY(const Rows a, rows_of(reference, axis_));
  TRY(const Rows b, rows_of(test, axis_));
  TRY(check_same(a, b));
  if (a.rows == 0) return Error{Code::bad_input, "the output has no rows"};
  for (const Rows* rows : {&a, &b})
    for (const double v : rows->scores)
      if (!std::isfinite(v)) return Error{Code::bad_input, formatted("a score is {}", shortest(v))};
  double scores = 0, probabilities = 0;
  for (int64_t i = 0; i < a.rows; ++i) {
    are_probabilities_ = are_probabilities_ && is_distribution(a.row(i), a.classes);
    scores += divergence_of_scores(a.row(i), b.row(i), a.classes);
    if (are_probabilities_) probabilities += divergence_of_probabilities(a.row(i), b.row(i), a.classes);
  }
  of_scores_.push_back(scores / static_cast<double>(a.rows));
  if (are_probabilities_) of_probabilities_.push_back(probabilities / static_cast<double>(a.rows));
  return {};
}

double Divergence::mean() const {
  double sum = 0;
  for (const double v : values()) sum += v;
  return values().empty() ? 0 : sum / static_cast<double>(values().size());
}

double Divergence::quantile(double fraction) const {
  std::vector<double> sorted = values();
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(sorted.size());
  const double rank = std::clamp(std::ceil(fraction * n), 1.0, n);
  return sorted[static_cast<size_t>(rank) - 1];
}

}  // namespace bantam
