// SPDX-License-Identifier: Apache-2.0
// Weights on their way to integers, and numbers that may take any value.
#include "learn/soft_rounding.h"

#include <cmath>

#include "catch.h"
#include "quant/weight_scale.h"

namespace bantam {
namespace {

const std::vector<float> kExact = {0.26f, -0.13f, 0.49f, -2.0f};

struct Weight {
  Weight() {
    quant.scale = {0.1f};
    quant.bits = 4;
    value.shape = Shape{4};
    value.constant = std::make_shared<const Tensor>(exact);
  }
  Tensor exact = Tensor::of_floats({4}, kExact);
  Quant quant;
  Value value;
};

constexpr int kSteps = 400;

// With the same gradient in every step.
void learn(SoftRounding& soft, const std::vector<float>& gradient) {
  for (int i = 0; i < kSteps; ++i) soft.move(gradient, {.step = i, .steps = kSteps, .rate = 0.05});
}

}  // namespace

TEST_CASE("soft weights begin between the rounded ones and the exact ones", "[learn]") {
  Weight w;
  const Tensor exact = SoftRounding(&w.value, w.exact, w.quant, 1, false).now();
  for (int64_t i = 0; i < 3; ++i) CHECK(std::abs(exact.number(i) - w.exact.number(i)) < 1e-6);
  w.value.constant = std::make_shared<const Tensor>(
      Tensor::of_floats({4}, std::vector<float>{0.2f, -0.2f, 0.5f, -0.8f}));
  const SoftRounding soft(&w.value, w.exact, w.quant, 0.25, false);
  CHECK(soft.done() == decode(encode(*w.value.constant, w.quant), w.quant));  // so far as they were
  CHECK(std::abs(soft.now().number(0) - 0.215) < 1e-6);
  CHECK(std::abs(soft.now().number(3) + 0.8) < 1e-6);  // out of range: clamped
}

TEST_CASE("the gradient decides the way, and all weights are whole in the end", "[learn]") {
  Weight w;
  SoftRounding soft(&w.value, w.exact, w.quant, 1, false);
  learn(soft, {1, -1, 1, -1});
  const Tensor done = soft.done();
  const std::vector<double> wanted = {0.2, 0, 0.4,
                                      -0.7};  // no more than a step from the exact ones
  for (int64_t i = 0; i < 4; ++i)
    CHECK(std::abs(done.number(i) - wanted[static_cast<size_t>(i)]) < 1e-6);
  CHECK(soft.now() == done);
  CHECK(decode(encode(done, w.quant), w.quant) == done);  // what is stored is what was learned
}

TEST_CASE("without a gradient weights go to the nearest", "[learn]") {
  Weight w;
  SoftRounding soft(&w.value, w.exact, w.quant, 1, false);
  learn(soft, {0, 0, 0, 0});
  CHECK(soft.now() == decode(encode(w.exact, w.quant), w.quant));
}

TEST_CASE("weights that are not whole yet make up for those that are", "[learn]") {
  Weight w;
  SoftRounding soft(&w.value, w.exact, w.quant, 1, false);
  for (int i = 0; i < kSteps; ++i) {  // what counts is their sum, without the last
    const Tensor now = soft.now();
    const auto off = static_cast<float>(now.number(0) + now.number(1) + now.number(2) - 0.62);
    soft.move(std::vector<float>{off, off, off, 0}, {.step = i, .steps = kSteps, .rate = 0.01});
  }
  const Tensor done = soft.done();
  CHECK(std::abs(done.number(0) + done.number(1) + done.number(2) - 0.62) <
        0.03);  // the nearest give 0.7
}

TEST_CASE("a learned scale has 8 significant bits and stays in reach", "[learn]") {
  Weight w;
  SoftRounding soft(&w.value, w.exact, w.quant, 1, true);
  learn(soft, {-1, 1, -1, 1});  // all should be larger
  const float scale = soft.quant()->scale[0];
  CHECK(scale > 0.105f);
  CHECK(scale < 0.201f);  // twice what it was, in 8 bits
  CHECK(scale == round_up_to_bf16(scale));
  CHECK(decode(encode(soft.done(), *soft.quant()), *soft.quant()) == soft.done());
}

TEST_CASE("a free parameter finds the bottom of a bowl", "[learn]") {
  Value v;
  v.shape = Shape{2};
  v.constant = std::make_shared<const Tensor>(Tensor::of_floats({2}, std::vector<float>{1, -1}));
  FreeParameter p(&v, 1);
  for (int i = 0; i < 1000; ++i) {
    const Tensor at = p.now();
    const std::vector<float> gradient = {at.floats()[0] - 2, 10 * (at.floats()[1] + 3)};
    p.move(gradient, {.step = i, .steps = 1000, .rate = 0.2});
  }
  CHECK(std::abs(p.done().number(0) - 2) < 0.02);
  CHECK(std::abs(p.done().number(1) + 3) < 0.02);
}

}  // namespace bantam
