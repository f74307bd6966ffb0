// SPDX-License-Identifier: Apache-2.0
// Samples that teach and samples that judge: what was fitted to some samples looks better on these than
// it is. Every pass that fits and judges divides them in the same way.
#pragma once

#include "quant/calibration.h"

namespace bantam {

// One sample in four judges.
inline bool is_judge(int64_t sample) { return sample % 4 == 3; }

// Those of a source, which must outlive it, that teach or that judge; all, where there are fewer than four.
class SampleShare : public SampleSource {
 public:
  enum class Part { teach, judge };
  SampleShare(SampleSource& all, Part part) : all_(all), part_(part) {}

  int64_t count() const override {
    const int64_t n = all_.count(), judges = n / 4;
    return judges == 0 ? n : part_ == Part::judge ? judges : n - judges;
  }
  Result<std::vector<Tensor>> at(int64_t i) override {
    if (all_.count() < 4) return all_.at(i);
    return all_.at(part_ == Part::judge ? 4 * i + 3 : i + i / 3);
  }
  std::string hash() const override { return all_.hash(); }

 private:
  SampleSource& all_;
  Part part_;
};

}  // namespace bantam
