// SPDX-License-Identifier: Apache-2.0
#include "quant/rounded_layer.h"

#include <algorithm>
#include <cmath>

#include "quant/second_moments.h"

namespace bantam {
namespace {

constexpr size_t kMostMoments = 25'000'000;  // as a depth of 5,000 has, or many groups of less

// A column of the input of a layer, in one of the samples.
struct Place {
  size_t sample;
  int64_t column;
};

// The same number of each sample. A golden section spreads them over it: whatever the width of an
// image, its columns and lines are met alike.
std::vector<Place> places(const PairedRun& run, const Node& n, Side side,
                          const ProductMatrix& matrix, const std::vector<size_t>& samples,
                          size_t wanted) {
  std::vector<Place> list;
  const auto share = static_cast<int64_t>((wanted + samples.size() - 1) / samples.size());
  for (const size_t s : samples) {
    const int64_t all = matrix.columns(run.at(n.output(), side)[s]);
    for (int64_t i = 0; i < std::min(all, share); ++i) {
      const double part = std::fmod((static_cast<double>(i) + 0.5) * 0.6180339887498949, 1.0);
      const auto spread = static_cast<int64_t>(part * static_cast<double>(all));
      list.push_back({s, all <= share ? i : spread});
    }
  }
  return list;
}

// Sums of the numbers of all groups' columns on one side, into `sums`.
void add_columns(const PairedRun& run, const Node& n, Side side, const ProductMatrix& matrix,
                 std::span<const Place> list, std::vector<float>& columns,
                 std::vector<double>& sums) {
  const auto &x = run.at(n.inputs[0], side), &y = run.at(n.output(), Side::real);
  const size_t depth = matrix.depth(), block = SecondMoments::kBlock;
  for (size_t g = 0; g < matrix.groups(); ++g)
    for (size_t i = 0; i < list.size(); ++i) {
      float* column = &columns[(g * block + i) * depth];
      matrix.gather(x[list[i].sample], y[list[i].sample], list[i].column, g, column);
      for (size_t k = 0; k < depth; ++k) sums[g * depth + k] += static_cast<double>(column[k]);
    }
}

}  // namespace

bool RoundedLayer::is_measurable(const ProductMatrix& matrix) {
  return matrix.groups() * matrix.depth() * matrix.depth() <= kMostMoments;
}

Result<std::optional<RoundedLayer>> RoundedLayer::measure(const PairedRun& run, const Node& n,
                                                          Side side,
                                                          const std::vector<size_t>& samples,
                                                          const LayerOptions& options) {
  RoundedLayer layer(*ProductMatrix::of(n));
  layer.bias_ = options.bias;
  const ProductMatrix& matrix = layer.matrix_;
  const size_t depth = matrix.depth(), groups = matrix.groups(), block = SecondMoments::kBlock;
  TRY(SecondMoments sums, SecondMoments::start(groups, depth, options.threads));
  const auto list = places(run, n, Side::real, matrix, samples, std::max(options.columns, 2 * depth));
  layer.mean_.assign(groups * depth, 0);
  layer.drift_.assign(groups * depth, 0);
  for (size_t first = 0; first < list.size(); first += block) {
    const size_t count = std::min(block, list.size() - first);
    const std::span<const Place> some(&list[first], count);
    std::vector<float> columns(groups * block * depth);
    if (options.bias && side == Side::rounded)
      add_columns(run, n, Side::real, matrix, some, columns, layer.drift_);
    add_columns(run, n, side, matrix, some, columns, layer.mean_);
    TRY(sums.add(columns, count));
  }
  if (sums.count() == 0) return std::optional<RoundedLayer>();
  const auto count = static_cast<double>(sums.count());
  for (size_t i = 0; i < layer.mean_.size(); ++i) {
    layer.mean_[i] /= count;
    layer.drift_[i] = side == Side::rounded ? layer.drift_[i] / count - layer.mean_[i] : 0;
  }
  // What few columns seem to have in common may be chance.
  const double few = static_cast<double>(depth) / count;
  for (size_t g = 0; g < groups; ++g) {
    std::vector<double> moments = sums.of_group(g);
    const double* mean = &layer.mean_[g * depth];
    for (size_t i = 0; options.bias && i < depth; ++i)
      for (size_t j = 0; j < depth; ++j) moments[i * depth + j] -= mean[i] * mean[j];
    layer.rounders_.emplace_back(moments, depth, options.damping * (1 + 4 * few));
  }
  return std::optional<RoundedLayer>(std::move(layer));
}

RoundedLayer::Rounded RoundedLayer::round(const Tensor& weight, const Quant& quant,
                                          int sweeps) const {
  const size_t depth = matrix_.depth(), groups = matrix_.groups();
  std::vector<float> result(static_cast<size_t>(weight.count()));
  Rounded rounded{{}, std::vector<double>(groups * matrix_.rows()), 0};
  for (size_t g = 0; g < groups; ++g) {
    const size_t first = g * matrix_.rows();
    std::vector<double> rows;
    std::vector<RowGrid> grids;
    RowGrid grid{.lo = static_cast<int32_t>(quant.lo()), .hi = static_cast<int32_t>(quant.hi())};
    for (size_t r = first; r < first + matrix_.rows(); ++r) {
      grid.scale = quant.scale[quant.scale.size() == 1 ? 0 : r];
      grids.push_back(grid);
      for (size_t k = 0; k < depth; ++k)
        rows.push_back(static_cast<double>(weight.floats()[matrix_.element(r, k)]));
    }
    const auto codes = rounders_[g].round(rows, grids, sweeps);
    if (bias_) rounded.noise += rounders_[g].error(rows, grids, codes) / static_cast<double>(groups);
    for (size_t i = 0; i < codes.size(); ++i) {
      const float value = static_cast<float>(codes[i]) * grids[i / depth].scale;
      const size_t k = g * depth + i % depth;
      result[matrix_.element(first + i / depth, i % depth)] = value;
      if (bias_)
        rounded.bias[first + i / depth] +=
            (rows[i] - static_cast<double>(value)) * mean_[k] + rows[i] * drift_[k];
    }
  }
  rounded.weight = Tensor::of_floats(weight.shape(), result);
  return rounded;
}

}  // namespace bantam
