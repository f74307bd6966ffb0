// SPDX-License-Identifier: Apache-2.0
// Samples are divided into those that teach and those that judge, each in exactly one part.
#include "quant/sample_share.h"

#include <set>

#include "catch.h"

namespace bantam {
namespace {

// Sample i is the number i.
class Numbers : public SampleSource {
 public:
  explicit Numbers(int64_t count) : count_(count) {}
  int64_t count() const override { return count_; }
  Result<std::vector<Tensor>> at(int64_t i) override {
    const float number = static_cast<float>(i);
    return std::vector<Tensor>{Tensor::of_floats({1}, {&number, 1})};
  }
  std::string hash() const override { return "numbers"; }

 private:
  int64_t count_;
};

std::set<int> samples_of(SampleSource& source) {
  std::set<int> list;
  for (int64_t i = 0; i < source.count(); ++i)
    list.insert(static_cast<int>(source.at(i)->at(0).floats()[0]));
  return list;
}

}  // namespace

TEST_CASE("every fourth sample judges, the others teach", "[quant]") {
  for (const int64_t n : {4, 5, 7, 8, 23}) {
    Numbers all(n);
    SampleShare teach(all, SampleShare::Part::teach), judge(all, SampleShare::Part::judge);
    const auto t = samples_of(teach), j = samples_of(judge);
    INFO(n << " samples");
    CHECK(static_cast<int64_t>(t.size() + j.size()) == n);
    for (const int i : j) CHECK(is_judge(i));
    for (const int i : t) CHECK(!is_judge(i));
  }
}

TEST_CASE("where they are too few, all do both", "[quant]") {
  Numbers all(3);
  SampleShare teach(all, SampleShare::Part::teach), judge(all, SampleShare::Part::judge);
  CHECK(samples_of(teach) == std::set<int>{0, 1, 2});
  CHECK(samples_of(judge) == std::set<int>{0, 1, 2});
}

}  // namespace bantam
