// SPDX-License-Identifier: Apache-2.0
// Decides what is computed in 8-bit integers, and with which scales. Only annotates: values get a Quant,
// nodes the mark `integer`; `lower-to-integer` acts on it. Until then the executor simulates the rounding.
//
//   %y = Conv(%x, %w, %b)      =>   %x q(i8, ...), %w q(i8, axis=0, ...), %y q(i8, ...) = Conv(...) integer
//
// - Products with constant weights are computed in integers; others follow where they lie between such
//   products and all their neighbours are integer as well. What comes behind the last product (softmax,
//   decoding of boxes) stays in float, and the last product leaves as float: it costs next to nothing.
// - Values that are only moved (Reshape, MaxPool, Concat ...) share one scale.
// - Values that 8 bits would ruin (`wide`, and what choose-precision found) get 16, symmetric.
// - Without calibrated ranges, inside If, Loop and Scan, or with activations=none, weights alone are quantized: they are stored in
//   integers and computed in float.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/format.h"
#include "base/spool.h"
#include "base/text.h"
#include "ir/evaluate.h"
#include "ir/match.h"
#include "pass/pass.h"
#include "quant/choose_range.h"
#include "quant/weight_scale.h"
#include "quant/weights.h"

namespace bantam {
namespace {

struct Options {
  int bits = 8;
  std::string weights = "channel", activations = "int8", range = "mse", weight_range = "max", tail = "float", keep, wide;
  double percentile = 99.99, clip = 0;
  int small = 256;
};

constexpr int kFineBits = 12;  // of weights that 8 bits would ruin: 24 dB less noise

void describe(OptionList& list, Options& o) {
  list.number("bits", &o.bits, 2, 8, "bits per weight");
  list.word("weights", &o.weights, "channel|tensor", "one scale per output channel, or per tensor");
  list.word("activations", &o.activations, "int8|none", "none: weights only, computed in float");
  list.word("range", &o.range, "minmax|percentile|mse|entropy", "how the range of an activation is chosen");
  list.real("percentile", &o.percentile, 90, 100, "for range=percentile: the share of values inside");
  list.real("clip", &o.clip, 0, 1000,
            "for range=mse: how much clipped elements count beside rounded ones; 0: as choose-ranges found, or once");
  list.word("weight-range", &o.weight_range, "max|mse", "largest weight, or smallest squared error");
  list.word("tail", &o.tail, "float|int8", "what comes behind the last product");
  list.text("keep", &o.keep, "layers that stay in float: patterns of node or value names, separated by commas");
  list.text("wide", &o.wide, "values that get 16 bits: patterns of value or node names, separated by commas");
  list.number("small", &o.small, 0, 1000000, "constants of fewer elements stay in float where they are only stored");
}

// What other inputs reach beyond the samples costs a 16-bit value nothing, where 8 bits would pay for it.
Range with_headroom(Range seen) {
  constexpr float kHeadroom = 2;
  return {seen.lo * kHeadroom, seen.hi * kHeadroom};
}

class Quantizer {
 public:
  Quantizer(Graph& graph, const Options& options, PassContext& ctx) : graph_(graph), options_(options), ctx_(ctx) {
    read_patterns(options.keep, keep_);
    read_patterns(options.wide, wide_);
  }

  Result<bool> run() {
    const bool activations = options_.activations == "int8" && ctx_.calibration && !ctx_.inside;
    TRY(refuse_nan());
    warn_of_unknown();
    if (activations) {
      choose_nodes();
      for (Node* n : graph_.nodes())
        if (n->integer) TRY(quantize_weight(*n));
      group_values();
      widen_groups();
      annotate_values();
    }
    TRY(store_other_weights());
    return changed_;
  }

 private:
  static void read_patterns(const std::string& list, std::vector<std::string>& patterns) {
    for (const std::string& pattern : split(list, ','))
      if (!trim(pattern).empty()) patterns.emplace_back(trim(pattern));
  }

  // A scale made of NaN would ruin a layer without a word.
  Result<void> refuse_nan() {
    for (const Node* n : graph_.nodes())
      for (const size_t i : weight_inputs(*n)) {
        const Value* w = n->input(i);
        if (!w || !w->is_constant() || w->dtype != BT_F32) continue;
        if (!all_finite(*w->constant))
          return Error{Code::bad_input, formatted("weight {} of node {} holds NaN or infinity; it cannot be quantized (keep it with: quantize on not {})", quote(w->name), quote(n->name), quote(n->name))};
      }
    return {};
  }

  // ---- which nodes ----

  static bool is_named(const Node& n, const std::string& pattern) {
    return glob_matches(pattern, n.name) || (n.output() && glob_matches(pattern, n.output()->name));
  }

  bool selected(const Node& n) const {
    return ctx_.selected(n) && std::none_of(keep_.begin(), keep_.end(), [&](const auto& pattern) { return is_named(n, pattern); });
  }

  // A layer that should stay in float and is misspelt would be rounded without a word.
  void warn_of_unknown() {
    if (ctx_.inside) return;
    const auto nodes = graph_.nodes();
    for (const std::string& pattern : keep_)
      if (std::none_of(nodes.begin(), nodes.end(), [&](const Node* n) { return is_named(*n, pattern); }))
        ctx_.warn("", formatted("no layer is called {}, so none stays in float for it; names are those of the report", quote(pattern)), "--keep-float");
  }

  // Infinities, as masks have them, have no integers.
  bool is_bounded(const Value* v) const {
    if (!v || v->is_constant() || v->dtype != BT_F32 || !ctx_.calibration) return true;
    const auto seen = ctx_.calibration->values.find(v->name);
    return seen == ctx_.calibration->values.end() || seen->second.not_finite() == 0;
  }

  // The node may be computed in integers. Weights of one that may not are still stored in them.
  bool may_compute(const Node& n) const {
    const auto bounded = [&](const Value* v) { return is_bounded(v); };
    return selected(n) && !(n.output() && ctx_.keep_float.count(n.output()->name)) && bounded(n.output()) &&
           std::all_of(n.inputs.begin(), n.inputs.end(), bounded);
  }

  static bool is_float(const Value* v) { return v && v->dtype == BT_F32 && !v->quant; }

  bool is_product(const Node& n) const {
    if (n.op->quant != BT_QUANT_MACS || !may_compute(n) || !is_float(n.input(0)) || !n.input(1)) return false;
    if (!has_weights(n)) return false;
    const Value* w = n.input(1);
    if (!w->is_constant() || w->dtype != BT_F32 || w->rank() < 2) return false;
    if (w->quant && !is_kernel_weight(n)) return false;  // quantized by the source model
    for (size_t i = 2; i < n.inputs.size(); ++i)
      if (n.inputs[i] && !n.inputs[i]->is_constant()) return false;
    if (n.is("Gemm")) {
      const Value* c = n.input(2);
      const int64_t outputs = (*w->shape)[n.attr_int("transB") ? 0 : 1];
      if (n.attr_float("alpha") != 1.0f || n.attr_float("beta") != 1.0f || n.attr_int("transA")) return false;
      if (c && !(c->constant->count() == outputs && c->shape->back() == outputs)) return false;
    }
    if (n.is("ConvTranspose") && n.attr_word("layout") == "first" && n.attr_int("group") > 1) return false;
    return true;
  }

  bool may_follow(const Node& n) const {
    if (!may_compute(n) || !n.output() || !is_float(n.output()) || !is_float(n.input(0))) return false;
    switch (n.op->quant) {
      case BT_QUANT_SAME: return !n.input(0)->is_constant() && n.outputs.size() == 1;
      case BT_QUANT_TABLE: return !n.input(0)->is_constant();
      case BT_QUANT_JOIN:
      case BT_QUANT_ARITH: {
        bool computed = false;
        for (const Value* v : n.inputs) {
          if (!v || v->dtype != BT_F32) continue;
          if (v->is_constant() && !all_finite(*v->constant)) return false;
          computed = computed || !v->is_constant();
        }
        return computed;
      }
      default: return false;
    }
  }

  // Operands that an integer node reads as integers.
  static std::vector<Value*> quantized_inputs(const Node& n) {
    if (n.op->quant == BT_QUANT_MACS || n.op->quant == BT_QUANT_SAME || n.op->quant == BT_QUANT_TABLE) return {n.inputs[0]};
    std::vector<Value*> list;
    for (Value* v : n.inputs)
      if (v && v->dtype == BT_F32) list.push_back(v);
    return list;
  }

  void choose_nodes() {
    const auto nodes = graph_.nodes();
    std::set<const Node*> before, behind;  // with a product upstream; downstream
    for (Node* n : nodes) {
      if (n->integer) given_.insert(n);
      n->integer = n->integer || is_product(*n);
      for (const Value* v : n->inputs)
        if (v && v->producer && (v->producer->integer || before.count(v->producer))) before.insert(n);
    }
    for (auto it = nodes.rbegin(); it != nodes.rend(); ++it)
      for (const Value* v : (*it)->outputs)
        for (const Use& u : v ? v->uses() : std::vector<Use>())
          if (u.node->integer || behind.count(u.node)) behind.insert(*it);
    for (Node* n : nodes) {
      if (n->integer || !may_follow(*n)) continue;
      const bool moves = n->op->quant == BT_QUANT_SAME || n->op->quant == BT_QUANT_JOIN;
      const bool inside = before.count(n) || moves;  // an input may be moved before the first product
      n->integer = inside && (behind.count(n) || (options_.tail == "int8" && before.count(n)));
    }
    drop_islands(nodes);
  }

  // A product reads it as integers: for other readers that costs nothing more.
  static bool is_rounded_anyway(const Value& v) {
    const auto uses = v.uses();
    return std::any_of(uses.begin(), uses.end(), [](const Use& u) {
      return u.index == 0 && u.node->integer && u.node->op->quant == BT_QUANT_MACS;
    });
  }

  // A node that would need a conversion on one side is not worth it.
  bool is_island(const Node& n) const {
    bool fits = true;
    for (const Value* v : quantized_inputs(n)) {
      const bool from_border = v->is_input() && n.op->quant == BT_QUANT_SAME;
      fits = fits && (v->is_constant() || from_border || (v->producer && (v->producer->integer || is_rounded_anyway(*v))));
    }
    const bool tail = options_.tail == "int8";
    bool wanted = tail && n.output()->is_output();
    for (const Use& u : n.output()->uses()) {
      const auto reads = quantized_inputs(*u.node);
      const bool integer = u.node->integer && std::find(reads.begin(), reads.end(), n.output()) != reads.end();
      if (integer) wanted = true;
      else if (n.op->quant == BT_QUANT_ARITH || n.op->quant == BT_QUANT_TABLE) fits = fits && tail;
    }
    return !fits || !wanted;
  }

  // Takes islands out until none is left. Whoever stood beside one is looked at again: a sweep over all nodes for
  // each that falls would cost the square of their number.
  void drop_islands(const std::vector<Node*>& nodes) {
    std::vector<Node*> open(nodes.rbegin(), nodes.rend());
    while (!open.empty()) {
      Node* n = open.back();
      open.pop_back();
      if (!n->integer || n->op->quant == BT_QUANT_MACS || given_.count(n) || !is_island(*n)) continue;
      n->integer = false;
      for (const Value* v : n->inputs)
        if (v && v->producer) open.push_back(v->producer);
      for (const Use& u : n->output()->uses()) open.push_back(u.node);
    }
  }

  // ---- weights ----

  Result<void> quantize_weight(Node& n) {
    if (n.op->quant != BT_QUANT_MACS) return {};
    Value* w = n.input(1);
    if (w->quant) return {};  // shared with another node, or quantized by the source model
    Quant q = weight_quant(*w->constant, weight_axis(n), {.bits = options_.bits, .per_channel = options_.weights == "channel", .by_error = options_.weight_range == "mse"});
    w->quant = std::make_shared<const Quant>(std::move(q));
    changed_ = true;
    return {};
  }

  // A product of two constants has no weights: angles are made of frequencies and positions, which keep their bits.
  static bool has_weights(const Node& n) { return n.op->quant != BT_QUANT_MACS || !n.inputs[0]->is_constant(); }

  // Weights of everything that is not computed in integers are stored in integers all the same. The
  // constant itself is rounded: what is computed is what is stored.
  Result<void> store_other_weights() {
    for (Node* n : graph_.nodes()) {
      if (n->integer || !selected(*n) || !has_weights(*n)) continue;
      for (const size_t i : weight_inputs(*n)) {
        Value* w = n->input(i);
        if (!w || !w->is_constant() || w->dtype != BT_F32 || w->rank() < 2) continue;
        if (!w->quant) {
          if (w->constant->count() < options_.small) continue;
          const bool fine = n->output() && ctx_.fine_weights.count(n->output()->name);
          const WeightScaleOptions how{.bits = fine ? kFineBits : options_.bits,
                                       .per_channel = options_.weights == "channel",
                                       .exact_in_f16 = fine && ctx_.fine_in_f16,
                                       .by_error = options_.weight_range == "mse"};
          w->quant = std::make_shared<const Quant>(weight_quant(*w->constant, weight_axis(*n, i), how));
          changed_ = true;
        }
        const Tensor rounded = decode(encode(*w->constant, *w->quant), *w->quant);
        const bool is_same = rounded == *w->constant;
        w->constant->bytes().rest();
        if (is_same) continue;
        if (!ctx_.inside) ctx_.originals.try_emplace(w->name, w->constant);
        TRY(Bytes kept, spooled(rounded.bytes()));
        w->constant = std::make_shared<const Tensor>(rounded.dtype(), rounded.shape(), std::move(kept));
        changed_ = true;
      }
    }
    return {};
  }

  // ---- activations ----

  const Value* root(const Value* v) {
    auto it = parent_.find(v);
    while (it != parent_.end() && it->second != v) v = it->second, it = parent_.find(v);
    return v;
  }
  void join(const Value* a, const Value* b) { parent_[root(a)] = root(b); }

  // Values that are only moved from one to the other get the same scale.
  void group_values() {
    for (const Node* n : graph_.nodes()) {
      if (!n->integer) continue;
      if (n->op->quant == BT_QUANT_SAME) join(n->inputs[0], n->output());
      if (n->op->quant == BT_QUANT_JOIN)
        for (const Value* v : n->inputs)  // an operand that nobody else reads may take the result's scale
          if (v && !v->is_constant() && v->uses().size() == 1) join(v, n->output());
    }
  }

  bool wants_wide(const Value& v) const {
    const auto matches = [&](const std::string& pattern) {
      return glob_matches(pattern, v.name) || (v.producer && glob_matches(pattern, v.producer->name));
    };
    return ctx_.wide.count(v.name) || std::any_of(wide_.begin(), wide_.end(), matches);
  }

  // A group of values with one scale has 16 bits as soon as one of them has.
  void widen_groups() {
    std::set<const Value*> narrow;
    for (const Value* v : graph_.values()) {
      if (v->is_constant()) continue;
      if (v->quant || !may_be_wide(*v)) narrow.insert(root(v));
      if (wants_wide(*v)) wide_roots_.insert(root(v));
    }
    for (const Value* v : narrow) wide_roots_.erase(v);
  }

  bool needs_quant(const Value* v) const {
    if (v->is_constant() || v->dtype != BT_F32) return false;
    if (v->producer && v->producer->integer && v->producer->op->quant != BT_QUANT_MACS) return true;
    for (const Use& u : v->uses()) {
      if (!u.node->integer) continue;
      const auto reads = quantized_inputs(*u.node);
      if (std::find(reads.begin(), reads.end(), v) != reads.end()) return true;
    }
    return options_.tail == "int8" && v->producer && v->producer->integer;
  }

  static std::shared_ptr<const Quant> fixed_quant(const Value* v, bool wide) {
    if (!has_fixed_range(*v)) return nullptr;
    const bool share = !v->producer->is("Tanh");
    Quant q;
    if (wide) {  // as the kernels of other runtimes have it
      q = wide_quant({-1, 1});
      q.scale = {1.0f / 32768};
      return std::make_shared<const Quant>(q);
    }
    q.zero = {share ? -128 : 0};
    q.scale = {share ? 1.0f / 256 : 1.0f / 128};
    return std::make_shared<const Quant>(q);
  }

  // The function that alone reads a value, where there is one: HardSwish makes 0 of all that is below -3,
  // so these numbers need no steps.
  std::optional<Curve> curve_behind(const Value* v, const Histogram& histogram) const {
    const Node* n = only_user(v);
    if (!n || !n->integer || n->op->quant != BT_QUANT_TABLE || histogram.count() == 0) return std::nullopt;
    const auto points = Curve::points(histogram);
    Graph one("", nullptr);
    const auto count = static_cast<int64_t>(points.size());
    std::vector<Value*> inputs = {one.add_constant("x", Tensor::of_floats({count}, points))};
    for (size_t i = 1; i < n->inputs.size(); ++i) {
      if (n->inputs[i] && !n->inputs[i]->is_constant()) return std::nullopt;
      inputs.push_back(n->inputs[i] ? one.add_constant(n->inputs[i]->name, *n->inputs[i]->constant) : nullptr);
    }
    const auto results = evaluate_node(*one.adopt_copy(*n, inputs), size_t{1} << 22);
    if (!results.ok() || results->at(0).dtype() != BT_F32 || results->at(0).count() != count) return std::nullopt;
    const auto values = results->at(0).floats();
    return Curve(points, {values.begin(), values.end()});
  }

  void annotate_values() {
    std::map<const Value*, Histogram> groups;
    std::vector<Value*> chosen;
    for (Value* v : graph_.values()) {
      if (!needs_quant(v) || v->quant) continue;
      chosen.push_back(v);
      const auto it = ctx_.calibration->values.find(v->name);
      const bool moved = v->producer && v->producer->integer && (v->producer->op->quant == BT_QUANT_SAME || v->producer->op->quant == BT_QUANT_JOIN);
      if (it == ctx_.calibration->values.end()) continue;
      if (!moved || groups.find(root(v)) == groups.end()) groups[root(v)].merge(it->second);
    }
    std::map<const Value*, std::shared_ptr<const Quant>> quants;
    for (const Value* v : graph_.values())  // what the source model brings
      if (v->quant && !v->is_constant()) quants.try_emplace(root(v), v->quant);
    for (Value* v : chosen) {
      auto& q = quants[root(v)];
      const bool wide = wide_roots_.count(root(v)) > 0;
      if (!q) q = fixed_quant(v, wide);
      if (!q && wide) {
        const Histogram& h = groups[root(v)];
        q = std::make_shared<const Quant>(wide_quant(with_headroom({h.min(), h.max()})));
      }
      if (!q) {
        const Histogram& h = groups[root(v)];
        const bool alone = v->producer && v->producer->integer && v->producer->op->quant != BT_QUANT_SAME && v->producer->op->quant != BT_QUANT_JOIN;
        const auto curve = alone ? curve_behind(v, h) : std::nullopt;
        const RangeOptions how{.method = options_.range,
                               .percentile = options_.percentile,
                               .clip = options_.clip > 0 ? options_.clip : 1,
                               .seen_through = curve ? &*curve : nullptr};
        // by choose-ranges
        const bool is_chosen = v->range && options_.range == "mse" && options_.clip == 0;
        const Range range = is_chosen ? *v->range : choose_range(h, how);
        q = std::make_shared<const Quant>(quant_for_range(range));
      }
      v->quant = q;
      v->range = Range{q->scale[0] * static_cast<float>(q->lo() - q->zero_at(0)), q->scale[0] * static_cast<float>(q->hi() - q->zero_at(0))};
      changed_ = true;
    }
    quantize_constant_operands();
  }

  // Constants that an integer Add, Mul or Concat reads.
  void quantize_constant_operands() {
    for (Node* n : graph_.nodes()) {
      if (!n->integer || (n->op->quant != BT_QUANT_ARITH && n->op->quant != BT_QUANT_JOIN)) continue;
      for (Value* v : n->inputs) {
        if (!v || !v->is_constant() || v->dtype != BT_F32 || v->quant) continue;
        Histogram h;
        h.add(v->constant->floats());
        const auto is_wide = [](const Value* other) { return other && other->quant && other->quant->storage == BT_I16; };
        const bool wide = is_wide(n->output()) || std::any_of(n->inputs.begin(), n->inputs.end(), is_wide);
        v->quant = std::make_shared<const Quant>(wide ? wide_quant({h.min(), h.max()}) : quant_for_range(choose_range(h, {.method = "minmax"})));
        changed_ = true;
      }
    }
  }

  Graph& graph_;
  const Options& options_;
  PassContext& ctx_;
  std::vector<std::string> keep_, wide_;
  std::set<const Node*> given_;  // integer before: marked by fold-qdq
  std::map<const Value*, const Value*> parent_;
  std::set<const Value*> wide_roots_;  // of groups that get 16 bits
  bool changed_ = false;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) { return Quantizer(graph, options, ctx).run(); }

}  // namespace

extern constinit const Pass quantize = make_pass<Options, describe, run>(
    "Chooses what is computed or stored in integers, and the scales.", Effect::lossy);

}  // namespace bantam
