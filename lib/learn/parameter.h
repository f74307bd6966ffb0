// SPDX-License-Identifier: Apache-2.0
// What is learned: numbers behind a constant of the graph, moved by Adam (Kingma and Ba, 2015).
// Everything is plain IEEE arithmetic in a fixed order and functions of lib/kernels: the same bits
// on every machine.
#pragma once

#include <span>
#include <vector>

#include "ir/graph.h"

namespace bantam {

// Where a run of `steps` steps stands.
struct LearningStep {
  int step = 0, steps = 1;  // step counts from 0
  double rate = 0.01;
  // Of what comes to rest at the end.
  double falling_rate() const { return rate * (1 - static_cast<double>(step) / steps); }
};

class Adam {
 public:
  explicit Adam(size_t n) : mean_(n), square_(n) {}
  // values -= rate * (a running mean of the gradient over the root of one of its square)
  void move(std::span<float> values, std::span<const float> gradient, double rate);

 private:
  std::vector<float> mean_, square_;
  double mean_weight_ = 1, square_weight_ = 1;  // what of either mean is still its start, 0
};

class Parameter {
 public:
  explicit Parameter(Value* constant) : value(constant) {}
  virtual ~Parameter() = default;
  Value* value;                     // the constant of the graph that it stands for
  virtual Tensor now() const = 0;   // while it is being learned
  virtual Tensor done() const = 0;  // what may be stored
  // How that is stored.
  virtual std::shared_ptr<const Quant> quant() const { return value->quant; }
  virtual void move(std::span<const float> gradient, const LearningStep& at) = 0;
};

// Numbers that may take any value, as biases. `unit` is a step that matters.
class FreeParameter : public Parameter {
 public:
  FreeParameter(Value* constant, double unit);
  Tensor now() const override { return Tensor::of_floats(*value->shape, values_); }
  Tensor done() const override { return now(); }
  void move(std::span<const float> gradient, const LearningStep& at) override;

 private:
  double unit_;
  std::vector<float> values_;
  Adam adam_;
};

}  // namespace bantam
