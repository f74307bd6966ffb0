// SPDX-License-Identifier: Apache-2.0
// How far a model's outputs are from what they should be. `reference` is the float model's output or the
// known answer, `test` the output of the model under judgement.
//
// Accumulators take one sample after the other and keep a few numbers (one per sample where a percentile is
// asked for). Sums are doubles, added in the order of the calls: the same samples in the same order give the
// same result for any number of threads. The logarithms and exponentials of dB and KL are libm's and may
// differ in the last of 16 digits between machines; reports round far above that. What decides a gate by
// counting (top-k, flips, the significance of a drop) uses no libm function but sqrt, which is exact to the
// last bit everywhere.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <optional>
#include <vector>

#include "base/result.h"
#include "ir/tensor.h"

namespace bantam {

// Differences of two tensors, element by element. Means are over all elements of all samples (the mean of the
// squared errors, never of dB). Elements that are the same infinity or both NaN agree and are left out; where
// only one of them is finite, or infinities differ, the error is infinite.
class Difference {
 public:
  // Fails where the shapes differ in more than leading axes of length 1.
  Result<void> add(const Tensor& reference, const Tensor& test);

  int64_t elements() const { return elements_; }
  double mse() const;  // 0 before anything was added
  // dB, infinite where equal. `peak` is the largest value that the signal can have (255, 1.0; of a hidden
  // layer reference_range()): 10 log10(peak^2 / mse).
  double psnr(double peak) const;
  // dB: 10 log10(sum reference^2 / sum (reference - test)^2); infinite where equal. 6.02 dB are one bit.
  double sqnr() const;
  // sum r t / sqrt(sum r^2 sum t^2); 1 where both are all zero, 0 where one is. Blind to a wrong scale: read
  // it beside sqnr().
  double cosine() const;
  double max_abs_error() const { return max_error_; }
  // Largest minus smallest finite value of the reference: the peak for psnr() of a hidden layer.
  double reference_range() const { return max_ >= min_ ? max_ - min_ : 0; }

 private:
  template <typename T>
  void add(std::span<const T> reference, std::span<const T> test);

  int64_t elements_ = 0;
  double error_ = 0, reference_ = 0, test_ = 0, product_ = 0;  // sums of squares and products
  double max_error_ = 0;
  double min_ = std::numeric_limits<double>::infinity(), max_ = -std::numeric_limits<double>::infinity();
};

// Structural similarity (Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE Trans. Image
// Processing 13(4), 2004): Gaussian window of 11 x 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, windows inside of
// the picture only. The mean over the windows, then over the channels, then over the pictures.
class Ssim {
 public:
  enum class Layout { channels_first, channels_last };
  // `peak`: the largest value that a pixel can have.
  explicit Ssim(double peak, Layout layout = Layout::channels_first) : peak_(peak), layout_(layout) {}
  // Shapes [...,C,H,W] or [...,H,W,C], or [H,W]; at least 11 x 11 pixels.
  Result<void> add(const Tensor& reference, const Tensor& test);
  int64_t pictures() const { return pictures_; }
  double mean() const { return pictures_ > 0 ? sum_ / static_cast<double>(pictures_) : 0; }

 private:
  double peak_;
  Layout layout_;
  int64_t pictures_ = 0;
  double sum_ = 0;
};

// ---- classes ----

// Scores of a classifier as rows: one row of `classes` numbers for each decision.
struct ClassRows {
  int64_t outer = 1, classes = 1, inner = 1;  // the shape seen as [outer, classes, inner]
  int64_t rows() const { return outer * inner; }
};
// The axis of the classes: `axis` where given (of dense outputs such as [1,C,H,W] it must be), else the last
// axis with a length above 1, the first axis of several counting as the batch: C of [1,C], [8,C,1,1], [C],
// [1,T,C]. Fails where there is none.
Result<ClassRows> class_rows(const Shape& shape, std::optional<int> axis = std::nullopt);
// The class with the largest score of each row; of equal scores the lowest class, as numpy.argmax; -1 where
// all scores are NaN (which are below every number).
Result<std::vector<int64_t>> best_classes(const Tensor& scores, std::optional<int> axis = std::nullopt);

// Top-1 and top-5 against labels. Of equal scores the lower class is first, so that a quantized model whose
// scores tie gains nothing by luck.
class Accuracy {
 public:
  // `offset` is added to each label: 1 for models of 1001 classes whose class 0 is "background".
  explicit Accuracy(int64_t offset = 0, std::optional<int> axis = std::nullopt) : offset_(offset), axis_(axis) {}
  // One label for each row of the scores.
  Result<void> add(const Tensor& scores, const std::vector<int64_t>& labels);
  int64_t decisions() const { return n_; }
  int64_t top1_right() const { return top1_; }
  int64_t top5_right() const { return top5_; }
  double top1() const { return n_ > 0 ? static_cast<double>(top1_) / static_cast<double>(n_) : 0; }
  double top5() const { return n_ > 0 ? static_cast<double>(top5_) / static_cast<double>(n_) : 0; }

 private:
  int64_t offset_;
  std::optional<int> axis_;
  int64_t n_ = 0, top1_ = 0, top5_ = 0;
};

// Decisions of two models on the same samples.
class Flips {
 public:
  explicit Flips(int64_t offset = 0, std::optional<int> axis = std::nullopt) : offset_(offset), axis_(axis) {}
  // `labels` may be empty: then only the agreement is counted. Some samples with and some without is an error.
  Result<void> add(const Tensor& reference, const Tensor& test, const std::vector<int64_t>& labels = {});
  int64_t decisions() const { return n_; }
  int64_t agreeing() const { return agreeing_; }
  double agreement() const { return n_ > 0 ? static_cast<double>(agreeing_) / static_cast<double>(n_) : 0; }
  bool has_labels() const { return labelled_ > 0; }
  int64_t lost() const { return lost_; }      // b: the reference is right, the test is wrong
  int64_t gained() const { return gained_; }  // c: the reference is wrong, the test is right

 private:
  int64_t offset_;
  std::optional<int> axis_;
  int64_t n_ = 0, labelled_ = 0, agreeing_ = 0, lost_ = 0, gained_ = 0;
};

// Kullback-Leibler divergence KL(p of the reference || p of the test) in nats. p is the softmax of the scores,
// or, where every row of every reference so far is a distribution already (numbers in 0..1 that sum to 1 within
// 1 %), the row divided by its sum. Of distributions, probabilities below kFloor count as kFloor: a quantized
// softmax has zeros, and one of them would make the divergence infinite. A sample's divergence is the mean over
// its rows.
class Divergence {
 public:
  static constexpr double kFloor = 1e-9;
  explicit Divergence(std::optional<int> axis = std::nullopt) : axis_(axis) {}
  // Fails where a score is not a finite number.
  Result<void> add(const Tensor& reference, const Tensor& test);
  int64_t samples() const { return static_cast<int64_t>(of_scores_.size()); }
  bool are_probabilities() const { return are_probabilities_; }
  double mean() const;
  // Nearest rank: the smallest divergence that at least `fraction` of the samples do not exceed.
  double quantile(double fraction) const;

 private:
  const std::vector<double>& values() const { return are_probabilities_ ? of_probabilities_ : of_scores_; }
  std::optional<int> axis_;
  bool are_probabilities_ = true;
  std::vector<double> of_scores_, of_probabilities_;  // both, since only the last sample settles which counts
};

// ---- significance of a drop, paired: b = lost and c = gained of n decisions ----

// Exact two-sided p of McNemar's test: how likely flips at least as uneven are if both models are equally good.
// min(1, 2 P(X <= min(b, c))), X binomial with b + c tries of 1/2.
double mcnemar_p(int64_t b, int64_t c);

// 95 % confidence interval of the drop in accuracy, (b - c) / n: a fraction, positive where the test is worse.
// Wald's interval with one flip added each way (Bonett and Price, Adjusted Wald confidence interval for a
// difference of binomial proportions based on paired data, J. Educ. Behav. Stat. 37(4), 2012). Without that,
// no flips at all would be reported as a drop of exactly 0 however few samples there are.
struct Interval {
  double low = -1, high = 1;
};
Interval drop_interval(int64_t b, int64_t c, int64_t n);

enum class Verdict { pass, fail, undecided };
// Against a budget such as 0.01 (one point): pass where the whole interval is within the budget, fail where it
// is above it as a whole.
Verdict judge_drop(int64_t b, int64_t c, int64_t n, double budget);

// How many decisions, in all, would settle the verdict if flips went on at the rates seen:
// 1.96^2 (f - d^2) / (budget - d)^2 with f and d the adjusted rates of flips and of the drop. At most
// 10^12; nothing where d is the budget itself.
std::optional<int64_t> decisions_to_decide(int64_t b, int64_t c, int64_t n, double budget);

}  // namespace bantam
