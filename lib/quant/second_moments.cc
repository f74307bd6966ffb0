// SPDX-License-Identifier: Apache-2.0
#include "quant/second_moments.h"

namespace bantam {

SecondMoments::SecondMoments(Session session, size_t groups, size_t depth)
    : product_(std::move(session)), groups_(groups), depth_(depth), sums_(groups * depth * depth) {}

// The products are left to the kernels, a block of columns at a time in floats; the blocks are
// added up in doubles.
Result<SecondMoments> SecondMoments::start(size_t groups, size_t depth, int threads) {
  Graph graph("second moments", nullptr);
  const auto g = static_cast<int64_t>(groups), k = static_cast<int64_t>(depth);
  const auto block = static_cast<int64_t>(kBlock);
  Value* across = graph.add_input("across", BT_F32, Shape{g, k, block});
  Value* along = graph.add_input("along", BT_F32, Shape{g, block, k});
  TRY(const Node* product, graph.append("MatMul", "", {across, along}, {}, {"sums"}));
  graph.add_output(product->output());
  TRY(Session session, Session::of_graph(graph, {.threads = threads}));
  return SecondMoments(std::move(session), groups, depth);
}

Result<void> SecondMoments::add(std::span<const float> columns, size_t count) {
  std::vector<float> across(columns.size());
  for (size_t g = 0; g < groups_; ++g)
    for (size_t p = 0; p < kBlock; ++p)
      for (size_t k = 0; k < depth_; ++k)
        across[(g * depth_ + k) * kBlock + p] = columns[(g * kBlock + p) * depth_ + k];
  const auto g = static_cast<int64_t>(groups_), k = static_cast<int64_t>(depth_);
  const auto block = static_cast<int64_t>(kBlock);
  const std::vector<Tensor> operands = {Tensor::of_floats({g, k, block}, across),
                                        Tensor::of_floats({g, block, k}, columns)};
  TRY(const auto results, product_.run(operands));
  const auto sums = results.at(0).floats();
  for (size_t i = 0; i < sums.size(); ++i) sums_[i] += static_cast<double>(sums[i]);
  count_ += count;
  return {};
}

std::vector<double> SecondMoments::of_group(size_t group) const {
  const size_t area = depth_ * depth_;
  std::vector<double> mean(sums_.begin() + static_cast<std::ptrdiff_t>(group * area),
                           sums_.begin() + static_cast<std::ptrdiff_t>((group + 1) * area));
  for (double& v : mean) v /= static_cast<double>(count_ > 0 ? count_ : 1);
  return mean;
}

}  // namespace bantam
