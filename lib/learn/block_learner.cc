// SPDX-License-Identifier: Apache-2.0
#include "learn/block_learner.h"

#include <algorithm>

#include "base/random.h"

namespace bantam {
namespace {

class Learner {
 public:
  Learner(const PairedRun& run, const Block& block, Parameters& parameters,
          const LearnOptions& options)
      : run_(run), block_(block), parameters_(parameters), options_(options) {
    for (const auto& p : parameters) open_.push_back(p->value);
  }

  Result<LearnedNoise> learn(const std::vector<size_t>& teachers, const std::vector<size_t>& judges,
                             const std::function<void(double)>& progress) {
    TRY(shapes_of_sample());
    TRY(BlockGraph forward, BlockGraph::make(block_, open_, {shapes_, 1}, {}, options_.threads));
    TRY(const auto start, noise(forward, teachers, stored()));
    if (std::all_of(start.begin(), start.end(), [](double v) { return v == 0; }))
      return LearnedNoise{};
    TRY(descend(teachers, start, progress));
    TRY(const auto before, noise(forward, judges, stored()));
    std::vector<Tensor> learned;
    for (const auto& p : parameters_) learned.push_back(p->done());
    TRY(const auto after, noise(forward, judges, learned));
    LearnedNoise result;
    for (size_t k = 0; k < before.size(); ++k) {
      if (before[k] == 0) continue;
      result.before += 1;
      result.after += after[k] / before[k];
    }
    return result;
  }

 private:
  // Of the inputs and outputs; the same for all samples.
  Result<void> shapes_of_sample() {
    for (const Value* v : block_.inputs) {
      const auto& values = run_.at(v, Side::rounded);
      for (const Tensor& t : values)
        if (t.shape() != values[0].shape())
          return Error{Code::unsupported, "samples have other lengths"};
      shapes_.push_back(values[0].shape());
    }
    for (const Value* v : block_.outputs)
      if (v->dtype != BT_F32) return Error{Code::unsupported, "a result is not of floats"};
    return {};
  }

  std::vector<Tensor> stored() const {
    std::vector<Tensor> list;
    for (const Value* v : open_) list.push_back(as_stored(*v));
    return list;
  }

  // Mean squared distance of each output from what the float model has there: per sample, summed
  // over elements.
  Result<std::vector<double>> noise(BlockGraph& forward, const std::vector<size_t>& samples,
                                    const std::vector<Tensor>& constants) const {
    std::vector<double> sums(block_.outputs.size());
    for (const size_t s : samples) {
      std::vector<Tensor> inputs;
      for (const Value* v : block_.inputs) inputs.push_back(run_.at(v, Side::rounded)[s]);
      inputs.insert(inputs.end(), constants.begin(), constants.end());
      TRY(const auto got, forward.run(inputs));
      for (size_t k = 0; k < sums.size(); ++k)
        sums[k] += squared_error({got[k]}, {run_.at(block_.outputs[k], Side::real)[s]}).noise;
    }
    for (double& v : sums) v /= static_cast<double>(samples.size());
    return sums;
  }

  Tensor some(const Value* v, Side side, std::span<const size_t> samples) const {
    std::vector<const Tensor*> list;
    for (const size_t s : samples) list.push_back(&run_.at(v, side)[s]);
    return joined(list);
  }

  // Samples at a time: all of a step where the block allows it, else one.
  Result<BlockGraph> gradient_graph(const std::vector<double>& start, int64_t& at_once) {
    std::vector<double> factors;
    const auto outputs = static_cast<double>(start.size());
    for (const double v : start) factors.push_back(v > 0 ? 2 / (v * outputs * options_.batch) : 0);
    at_once = options_.batch;
    auto graph = BlockGraph::make(block_, open_, {shapes_, at_once}, factors, options_.threads);
    if (graph.ok() || at_once == 1) return graph;
    at_once = 1;
    return BlockGraph::make(block_, open_, {shapes_, at_once}, factors, options_.threads);
  }

  Result<void> descend(const std::vector<size_t>& teachers, const std::vector<double>& start,
                       const std::function<void(double)>& progress) {
    int64_t at_once = 1;
    TRY(BlockGraph graph, gradient_graph(start, at_once));
    Random random(options_.seed);
    LearningStep at{.step = 0, .steps = options_.steps, .rate = options_.rate};
    std::vector<std::vector<float>> sums(parameters_.size());
    for (; at.step < at.steps; ++at.step) {
      std::vector<size_t> batch;
      for (int i = 0; i < options_.batch; ++i)
        batch.push_back(teachers[random.below(teachers.size())]);
      std::vector<Tensor> constants;
      for (const auto& p : parameters_) constants.push_back(p->now());
      for (auto& sum : sums) sum.clear();
      for (size_t first = 0; first < batch.size(); first += static_cast<size_t>(at_once)) {
        const std::span<const size_t> part(&batch[first], static_cast<size_t>(at_once));
        TRY(add_gradients_of(graph, part, constants, sums));
      }
      for (size_t i = 0; i < sums.size(); ++i) parameters_[i]->move(sums[i], at);
      progress(static_cast<double>(at.step + 1) / at.steps);
    }
    return {};
  }

  Result<void> add_gradients_of(BlockGraph& graph, std::span<const size_t> samples,
                                const std::vector<Tensor>& constants,
                                std::vector<std::vector<float>>& sums) const {
    std::vector<Tensor> inputs;
    for (const Value* v : block_.inputs) inputs.push_back(some(v, Side::rounded, samples));
    inputs.insert(inputs.end(), constants.begin(), constants.end());
    for (const Value* v : block_.outputs) inputs.push_back(some(v, Side::real, samples));
    TRY(const auto gradients, graph.run(inputs));
    for (size_t i = 0; i < sums.size(); ++i) {
      const auto g = gradients[i].floats();
      if (sums[i].empty())
        sums[i].assign(g.begin(), g.end());
      else
        for (size_t k = 0; k < g.size(); ++k) sums[i][k] += g[k];
    }
    return {};
  }

  const PairedRun& run_;
  const Block& block_;
  Parameters& parameters_;
  const LearnOptions& options_;
  std::vector<Value*> open_;
  std::vector<Shape> shapes_;
};

}  // namespace

Result<LearnedNoise> learn_block(const PairedRun& run, const Block& block, Parameters& parameters,
                                 const std::vector<size_t>& teachers,
                                 const std::vector<size_t>& judges, const LearnOptions& options,
                                 const std::function<void(double)>& progress) {
  return Learner(run, block, parameters, options).learn(teachers, judges, progress);
}

}  // namespace bantam
