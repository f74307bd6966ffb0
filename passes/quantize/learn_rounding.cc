// SPDX-License-Identifier: Apache-2.0
// Learns which way each weight is rounded, block by block, so that the results of whole blocks come
// close to the float model's on the calibration samples.
//
//   const %w : f32[4,2] q(axis=1, bits=3, scale=[0.3, 0.1]) = [0.9, -0.3, ...]   (by round-weights)
//   => other integers, in 4 bits other scales, other biases
//
// A layer by itself knows nothing of what an activation behind it cuts off, of the addition of a
// residual, or of what the next layer can make up for; a block does. The gradients of a block
// (lib/grad) move weights that lie between the rounded and the exact ones; more and more of them
// become whole, and the others make up for it (lib/learn/soft_rounding.h). Biases, and the scales
// of few bits, move with them. Blocks are visited in order and meet the inputs that their rounded
// predecessors leave them. One sample in four has no say in it: on these a block is judged, and
// stays as it was unless its results come closer to the float ones. All of it is taken back unless
// the outputs of the model gain. Blocks with an operator that has no gradient stay as they are, and
// a note says so.
//
// Belongs behind round-weights and before correct-bias.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "ir/call.h"
#include "learn/block_learner.h"
#include "learn/soft_rounding.h"
#include "pass/pass.h"
#include "quant/output_error.h"
#include "quant/sample_share.h"
#include "quant/weights.h"

namespace bantam {
namespace {

struct Options {
  int samples = 128, steps = 100, batch = 8, products = 2, bits = 16;
  double rate = 0.02, lean = 0.4, work = 0;
  std::string bias = "learn", scales = "learn";
};

void describe(OptionList& list, Options& o) {
  list.number("samples", &o.samples, 1, 1000, "calibration samples to learn from");
  list.number("steps", &o.steps, 0, 100000,
              "steps of learning for each block; 0: nothing is learned");
  list.real("work", &o.work, 0, 1000000,
            "10^9 multiply-adds of the forward direction, at most: larger models take fewer steps; "
            "0: any number");
  list.number("batch", &o.batch, 1, 1000, "samples in a step");
  list.number("bits", &o.bits, 2, 16, "weights of more bits stay as they are");
  list.number("products", &o.products, 1, 1000, "layers with weights in a block, at least");
  list.real("rate", &o.rate, 0.00001, 1, "how far a step goes");
  list.real("lean", &o.lean, 0, 1,
            "where the weights start: 0 as they are rounded, 1 at the exact ones");
  list.word("bias", &o.bias, "learn|keep", "whether the biases of the layers are learned as well");
  list.word("scales", &o.scales, "learn|keep",
            "whether the scales of weights of fewer than 8 bits are learned as well");
}

class Teacher {
 public:
  Teacher(Graph& graph, const Options& options, PassContext& ctx)
      : graph_(graph), options_(options), ctx_(ctx) {}

  Result<bool> run() {
    const auto nodes = graph_.nodes();
    const auto counts = [&](const Node& n) { return may_learn(n); };
    if (std::none_of(nodes.begin(), nodes.end(), [&](const Node* n) { return counts(*n); }))
      return false;
    TRY(set_steps());
    const Graph unlearned = graph_.clone();
    TRY(PairedRun run,
        PairedRun::start(graph_, *ctx_.data, options_.samples, ctx_.threads, ctx_.originals));
    for (size_t s = 0; s < run.samples(); ++s)
      (is_judge(static_cast<int64_t>(s)) ? judges_ : teachers_).push_back(s);
    if (judges_.empty()) judges_ = teachers_;
    const auto blocks = blocks_of(graph_, options_.products, counts);
    for (size_t b = 0; b < blocks.size(); ++b) {
      const Block& block = blocks[b];
      for (const Node* n : block.nodes) TRY(run.settle(*n, Side::real));
      TRY(learn(run, block, b, blocks.size()));
      for (const Node* n : block.nodes) TRY(run.settle(*n, Side::rounded));
      for (const Node* n : block.nodes) run.leave(*n);
    }
    TRY(const double before, run.error_of(unlearned, *ctx_.data));
    const double after = run.error_at_outputs(graph_);
    const bool kept = after < before && !changes_.empty();
    settle_changes(kept);
    const char* end = kept || changes_.empty() ? "" : "; taken back";
    ctx_.note(formatted(
        "{} of {} blocks, {} samples, {} steps: {:.1f} dB at the outputs, {:.1f} dB before{}",
        learned_, tried_, teachers_.size(), steps_, decibels(after), decibels(before), end));
    return kept;
  }

 private:
  // The constant as it was before anything was rounded.
  std::shared_ptr<const Tensor> original(const Value& v) const {
    const auto it = ctx_.originals.find(v.name);
    return it == ctx_.originals.end() ? v.constant : it->second;
  }

  // As many as the work that is allowed; a few always.
  Result<void> set_steps() {
    constexpr int kFewest = 20;
    steps_ = options_.steps;
    if (options_.work == 0) return {};
    TRY(const Graph fixed, with_lengths_of(*ctx_.data, graph_));
    double work = 0;
    for (const Node* n : fixed.nodes()) work += static_cast<double>(multiply_adds(*n)) / 1e9;
    const double most = options_.work / std::max(work * options_.batch, 1e-9);
    if (most < steps_) steps_ = std::min(steps_, std::max(kFewest, static_cast<int>(most)));
    return {};
  }

  bool may_learn(const Node& n) const {
    if (n.op->quant != BT_QUANT_MACS || !ctx_.selected(n) || !n.output() || !is_kernel_weight(n))
      return false;
    const Value& w = *n.input(1);
    if (w.dtype != BT_F32 || w.uses().size() != 1 || w.quant->bits > options_.bits) return false;
    const auto exact = original(w);
    return decode(encode(*exact, *w.quant), *w.quant) != *exact;
  }

  static Value* own_bias(const Node& n) {
    Value* b = n.input(2);
    return b && b->is_constant() && b->dtype == BT_F32 && !b->quant && b->uses().size() == 1
               ? b
               : nullptr;
  }

  Parameters parameters_of(const PairedRun& run, const Block& block) const {
    Parameters list;
    for (const Node* n : block.nodes) {
      if (!may_learn(*n)) continue;
      Value* w = n->inputs[1];
      list.push_back(
          std::make_unique<SoftRounding>(w, *original(*w), *w->quant, options_.lean,
                                         options_.scales == "learn" && w->quant->bits < 8));
      Value* bias = options_.bias == "learn" ? own_bias(*n) : nullptr;
      if (!bias) continue;
      const SquaredError power =
          squared_error(run.at(n->output(), Side::real), run.at(n->output(), Side::real));
      double count = 0;
      for (const Tensor& t : run.at(n->output(), Side::real))
        count += static_cast<double>(t.count());
      list.push_back(
          std::make_unique<FreeParameter>(bias, std::sqrt(power.signal / std::max(count, 1.0))));
    }
    return list;
  }

  Result<void> learn(const PairedRun& run, const Block& block, size_t index, size_t blocks) {
    Parameters parameters = parameters_of(run, block);
    if (parameters.empty()) return {};
    ++tried_;
    const LearnOptions how{.steps = steps_,
                           .batch = options_.batch,
                           .rate = options_.rate,
                           .seed = ctx_.seed + index,
                           .threads = ctx_.threads};
    const auto progress = [&](double done) {
      if (ctx_.progress)
        ctx_.progress("learn rounding",
                      (static_cast<double>(index) + done) / static_cast<double>(blocks));
    };
    const auto noise = learn_block(run, block, parameters, teachers_, judges_, how, progress);
    const Node& last = *block.nodes.back();
    if (!noise.ok()) {
      if (noise.error().code != Code::unsupported) return noise.error();
      ctx_.note(last, formatted("the block up to here stays as it is: {}", noise.error().message));
      return {};
    }
    if (noise->before > 0)
      ctx_.note(last, formatted("noise of the block up to here: {:.3f} of what it was",
                                noise->after / noise->before));
    if (!(noise->after < noise->before)) return {};
    ++learned_;
    for (const auto& p : parameters) {
      changes_.push_back({p->value, p->value->constant, p->value->quant});
      p->value->constant = std::make_shared<const Tensor>(p->done());
      p->value->quant = p->quant();
    }
    return {};
  }

  // The real side of later passes computes with what the constants were.
  void settle_changes(bool keep) {
    for (const Change& c : changes_) {
      if (keep) {
        ctx_.originals.try_emplace(c.value->name, c.constant);
        continue;
      }
      c.value->constant = c.constant;
      c.value->quant = c.quant;
    }
  }

  struct Change {
    Value* value;
    std::shared_ptr<const Tensor> constant;  // as they were
    std::shared_ptr<const Quant> quant;
  };

  Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  std::vector<size_t> teachers_, judges_;
  std::vector<Change> changes_;
  size_t tried_ = 0, learned_ = 0;
  int steps_ = 0;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  if (options.steps == 0) return false;
  if (!ctx.data) {
    ctx.note("without calibration samples there is nothing to learn from");
    return false;
  }
  return Teacher(graph, options, ctx).run();
}

}  // namespace

extern constinit const Pass learn_rounding = make_pass<Options, describe, run>(
    "Learns the rounding of weights block by block.", Effect::lossy, false);

}  // namespace bantam
