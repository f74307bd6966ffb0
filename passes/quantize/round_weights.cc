// SPDX-License-Identifier: Apache-2.0
// Rounds the weights of products so that their outputs change least on the calibration samples,
// where plain rounding takes the nearest integer for each weight by itself.
//
//   const %w : f32[4,2] q(axis=1, bits=3, scale=[0.3, 0.1]) = [0.9, -0.31, 0.42, ...]
//   => const %w : f32[4,2] q(axis=1, bits=3, scale=[0.3, 0.1]) = [0.9, -0.3, 0.3, ...]
//
// The inputs of a layer are correlated, so that an error in one weight can be made up for by the
// others of its row (lib/quant/round_rows.h). Scales stay as they are. Layers are visited in order
// and meet the inputs that their rounded predecessors leave them. Some of the samples have no say
// in the rounding: on these the layer is judged, and rounded plainly unless its output has come
// closer to the float one.
//
// Belongs behind what chooses the scales (quantize, choose-steps) and before correct-bias.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "pass/pass.h"
#include "quant/product_matrix.h"
#include "quant/round_rows.h"
#include "quant/second_moments.h"
#include "quant/weights.h"

namespace bantam {
namespace {

struct Options {
  int samples = 32, columns = 2048, sweeps = 2;
  double damping = 0.01;
};

void describe(OptionList& list, Options& o) {
  list.number("samples", &o.samples, 1, 1000, "calibration samples to measure with");
  list.number("columns", &o.columns, 16, 1000000,
              "columns of a layer's input to measure; at least twice its depth");
  list.number("sweeps", &o.sweeps, 0, 100, "rounds in which single weights may still change");
  list.real("damping", &o.damping, 0.0001, 10,
            "distrust of measured correlations, more where columns are few");
}

constexpr size_t kMostMoments = 25'000'000;  // as a depth of 5,000 has, or many groups of less
constexpr size_t kPerJudge = 4;              // one sample in four judges

using Weights = std::shared_ptr<const Tensor>;

// A column of the input of a layer, in one of the samples.
struct Place {
  size_t sample;
  int64_t column;
};

// The same number of each sample. A golden section spreads them over it: whatever the width of an
// image, its columns and lines are met alike.
std::vector<Place> places(const PairedRun& run, const Node& n, const ProductMatrix& matrix,
                          const std::vector<size_t>& samples, size_t wanted) {
  std::vector<Place> list;
  const auto share = static_cast<int64_t>((wanted + samples.size() - 1) / samples.size());
  for (const size_t s : samples) {
    const int64_t all = matrix.columns(run.at(n.output(), Side::real)[s]);
    for (int64_t i = 0; i < std::min(all, share); ++i) {
      const double part = std::fmod((static_cast<double>(i) + 0.5) * 0.6180339887498949, 1.0);
      const auto spread = static_cast<int64_t>(part * static_cast<double>(all));
      list.push_back({s, all <= share ? i : spread});
    }
  }
  return list;
}

class Rounder {
 public:
  Rounder(Graph& graph, const Options& options, PassContext& ctx)
      : graph_(graph), options_(options), ctx_(ctx) {}

  Result<bool> run() {
    const auto nodes = graph_.nodes();
    const auto wanted = [&](const Node* n) { return may_round(*n); };
    if (std::none_of(nodes.begin(), nodes.end(), wanted)) return false;
    TRY(PairedRun run, PairedRun::start(graph_, *ctx_.data, options_.samples, ctx_.threads,
                                        ctx_.originals));
    for (size_t s = 0; s < run.samples(); ++s) {
      const bool judge = s % kPerJudge == kPerJudge - 1;
      (judge ? judges_ : teachers_).push_back(s);
    }
    if (judges_.empty()) judges_ = teachers_;
    for (size_t i = 0; i < nodes.size(); ++i) {
      const Node& n = *nodes[i];
      TRY(run.settle(n, Side::real));
      if (may_round(n)) TRY(round(run, n));
      TRY(run.settle(n, Side::rounded));
      run.leave(n);
      const double done = static_cast<double>(i + 1) / static_cast<double>(nodes.size());
      if (ctx_.progress) ctx_.progress("round weights", done);
    }
    ctx_.note(formatted("{} of {} layers", rounded_, tried_));
    return rounded_ > 0;
  }

 private:
  // The weight as it was before anything was rounded.
  Weights original(const Value& w) const {
    const auto it = ctx_.originals.find(w.name);
    return it == ctx_.originals.end() ? w.constant : it->second;
  }

  bool may_round(const Node& n) const {
    if (n.op->quant != BT_QUANT_MACS || !ctx_.selected(n) || !n.output()) return false;
    if (!is_kernel_weight(n) || !ProductMatrix::of(n)) return false;
    const Value& w = *n.input(1);
    if (w.uses().size() != 1) return false;
    const Weights exact = original(w);
    return decode(encode(*exact, *w.quant), *w.quant) != *exact;
  }

  Result<void> round(const PairedRun& run, const Node& n) {
    const ProductMatrix matrix = *ProductMatrix::of(n);
    if (matrix.groups() * matrix.depth() * matrix.depth() > kMostMoments) {
      ctx_.note(n, formatted("{} groups of depth {} are too much to measure; rounded plainly",
                             matrix.groups(), matrix.depth()));
      return {};
    }
    ++tried_;
    Value& w = *n.inputs[1];
    const Weights exact = original(w), plain = w.constant;
    TRY(const SecondMoments moments, measure(run, n, matrix));
    if (moments.count() == 0) return {};  // the samples leave nothing to multiply
    TRY(const double before, noise(run, n));
    w.constant = std::make_shared<const Tensor>(rounded(*exact, *w.quant, matrix, moments));
    TRY(const double after, noise(run, n));
    if (after < before) {
      ctx_.originals.try_emplace(w.name, exact);
      ++rounded_;
    } else {
      w.constant = plain;
    }
    return {};
  }

  Result<SecondMoments> measure(const PairedRun& run, const Node& n, const ProductMatrix& matrix) {
    const size_t depth = matrix.depth(), block = SecondMoments::kBlock;
    TRY(SecondMoments moments, SecondMoments::start(matrix.groups(), depth, ctx_.threads));
    const size_t wanted = std::max(static_cast<size_t>(options_.columns), 2 * depth);
    const auto list = places(run, n, matrix, teachers_, wanted);
    const auto &x = run.at(n.inputs[0], Side::rounded), &y = run.at(n.output(), Side::real);
    for (size_t first = 0; first < list.size(); first += block) {
      const size_t count = std::min(block, list.size() - first);
      std::vector<float> columns(matrix.groups() * block * depth);
      for (size_t g = 0; g < matrix.groups(); ++g)
        for (size_t i = 0; i < count; ++i) {
          const auto [s, column] = list[first + i];
          matrix.gather(x[s], y[s], column, g, &columns[(g * block + i) * depth]);
        }
      TRY(moments.add(columns, count));
    }
    return moments;
  }

  Tensor rounded(const Tensor& weight, const Quant& quant, const ProductMatrix& matrix,
                 const SecondMoments& moments) const {
    std::vector<float> result(static_cast<size_t>(weight.count()));
    // What few columns seem to have in common may be chance.
    const double few = static_cast<double>(matrix.depth()) / static_cast<double>(moments.count());
    const double damping = options_.damping * (1 + 4 * few);
    for (size_t g = 0; g < matrix.groups(); ++g) {
      const size_t first = g * matrix.rows(), depth = matrix.depth();
      std::vector<double> rows;
      std::vector<RowGrid> grids;
      RowGrid grid{.lo = static_cast<int32_t>(quant.lo()), .hi = static_cast<int32_t>(quant.hi())};
      for (size_t r = first; r < first + matrix.rows(); ++r) {
        grid.scale = quant.scale[quant.scale.size() == 1 ? 0 : r];
        grids.push_back(grid);
        for (size_t k = 0; k < depth; ++k)
          rows.push_back(static_cast<double>(weight.floats()[matrix.element(r, k)]));
      }
      const auto codes = round_rows(rows, grids, moments.of_group(g),
                                    {.damping = damping, .sweeps = options_.sweeps});
      for (size_t i = 0; i < codes.size(); ++i)
        result[matrix.element(first + i / depth, i % depth)] =
            static_cast<float>(codes[i]) * grids[i / depth].scale;
    }
    return Tensor::of_floats(weight.shape(), result);
  }

  // In the output of a layer, on the samples that judge.
  Result<double> noise(const PairedRun& run, const Node& n) const {
    TRY(const auto got, run.compute(n, Side::rounded, judges_));
    double sum = 0;
    for (size_t i = 0; i < judges_.size(); ++i)
      sum += squared_error({got[i]}, {run.at(n.output(), Side::real)[judges_[i]]}).noise;
    return sum;
  }

  Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  std::vector<size_t> teachers_, judges_;
  size_t tried_ = 0, rounded_ = 0;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (!ctx.data) {
    ctx.note("without calibration samples weights are rounded to the nearest");
    return false;
  }
  return Rounder(graph, options, ctx).run();
}

}  // namespace

extern constinit const Pass round_weights = make_pass<Options, describe, run>(
    "Rounds weights so that the errors of neighbours cancel.", Effect::lossy, false);

}  // namespace bantam
