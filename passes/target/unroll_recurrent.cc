// SPDX-License-Identifier: Apache-2.0
// Writes LSTM, GRU and RNN step by step, for formats that have no such operator. The products of all inputs with
// the weights are one node in front of the steps.
//
//   %y = LSTM(%x, %w, %r)                =>   %a = Gemm(%x as rows, %w), split into steps
//                                             %s = Add(%a of the step, Gemm(%h, %r)), split into gates
//                                             %h, %c = the gates' sums and products; and so on
//
// Weights must be constants, all lengths known, sequences equally long, and activations ones without parameters.
#include <strings.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ir/match.h"
#include "pass/pass.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

enum { X, W, R, B, LENGTHS, INITIAL_H, INITIAL_C, PEEPHOLES };

struct Options {
  int steps = 256;
};

void describe(OptionList& list, Options& o) { list.number("steps", &o.steps, 1, 65536, "longer sequences stay as they are"); }

constexpr std::array<const char*, 3> kPlain = {"Sigmoid", "Tanh", "Relu"};

// The operators behind the names of a direction's activations; empty where one of them has parameters.
std::vector<std::string> activations_of(const Node& n, int64_t direction) {
  std::vector<std::string> all;
  if (const auto i = n.attrs(); std::any_of(i.begin(), i.end(), [](const auto& a) { return a.first == "activation_alpha" || a.first == "activation_beta"; }))
    return {};
  const std::vector<std::string> usual = n.is("LSTM") ? std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}
                                       : n.is("GRU")  ? std::vector<std::string>{"Sigmoid", "Tanh"} : std::vector<std::string>{"Tanh"};
  for (const auto& [key, value] : n.attrs())
    if (key == "activations") all = std::get<std::vector<std::string>>(value);
  if (all.empty()) return usual;
  std::vector<std::string> own;
  for (size_t i = 0; i < usual.size(); ++i) {
    const size_t at = static_cast<size_t>(direction) * usual.size() + i;
    if (at >= all.size()) return {};
    const auto known = std::find_if(kPlain.begin(), kPlain.end(), [&](const char* op) { return strcasecmp(op, all[at].c_str()) == 0; });
    if (known == kPlain.end()) return {};
    own.push_back(*known);
  }
  return own;
}

bool can_unroll(const Node& n, int64_t most) {
  const Value* x = n.input(X);
  if (x->dtype != BT_F32 || !x->shape || n.input(PEEPHOLES)) return false;
  const int64_t steps = (*x->shape)[n.attr_int("layout") ? 1 : 0];
  if (steps < 1 || steps > most) return false;
  for (const size_t i : {W, R, B})
    if (n.input(i) && (!n.input(i)->is_constant() || n.input(i)->dtype != BT_F32)) return false;
  if (const Value* lengths = n.input(LENGTHS)) {
    const auto all = integers_of(lengths);
    if (!all || std::any_of(all->begin(), all->end(), [&](int64_t t) { return t != steps; })) return false;
  }
  if (std::isfinite(n.attr_float("clip")) || (n.is("LSTM") && n.attr_int("input_forget"))) return false;
  const int64_t directions = n.attr_word("direction") == "bidirectional" ? 2 : 1;
  for (int64_t d = 0; d < directions; ++d)
    if (activations_of(n, d).empty()) return false;
  return true;
}

class Unrolled {
 public:
  Unrolled(Graph& graph, Node& node)
      : graph_(graph), node_(node), batch_first_(node.attr_int("layout") != 0), hidden_(node.inputs[R]->shape->at(2)),
        gates_(node.inputs[W]->shape->at(1) / std::max<int64_t>(hidden_, 1)),
        reset_first_(node.is("GRU") && !node.attr_int("linear_before_reset")) {
    for (const Value* v : node.outputs)
      if (v && base_.empty()) base_ = v->name;
  }

  Result<void> run() {
    Value* x = node_.inputs[X];
    if (batch_first_) {
      TRY(x, emit("Transpose", {x}, {{"perm", std::vector<int64_t>{1, 0, 2}}}));
    }
    steps_ = (*x->shape)[0];
    const std::string direction = node_.attr_word("direction");
    directions_ = direction == "bidirectional" ? 2 : 1;
    for (int64_t d = 0; d < directions_; ++d) TRY(one_direction(x, d, d == 1 || direction == "reverse"));
    TRY(finish(0, all_, 1, {2, 0, 1, 3}));
    TRY(finish(1, last_h_, 0, {1, 0, 2}));
    TRY(finish(2, last_c_, 0, {1, 0, 2}));
    graph_.erase(&node_);
    return {};
  }

 private:
  using Values = std::vector<Value*>;

  Result<Value*> emit(const char* op, Values inputs, AttrList attrs = {}) {
    TRY(Node* n, graph_.insert_before(&node_, op, node_.name, std::move(inputs), std::move(attrs), {base_ + "." + op}));
    return n->output();
  }
  Result<Value*> reshaped(Value* x, const Shape& shape) { return emit("Reshape", {x, graph_.add_constant(base_ + ".shape", Tensor::vector_of(shape))}); }
  Result<Values> split(Value* x, int64_t axis, int64_t parts) {
    if (parts == 1) return Values{x};
    const std::vector<std::string> names(static_cast<size_t>(parts), base_ + ".part");
    TRY(Node* n, graph_.insert_before(&node_, "Split", node_.name, {x}, {{"axis", axis}, {"num_outputs", parts}}, names));
    return n->outputs;
  }
  // One value for each direction or step, next to each other.
  Result<Value*> joined(const Values& parts, int64_t axis) {
    if (parts.size() == 1) return parts[0];
    return emit("Concat", parts, {{"axis", axis}});
  }

  // ---- constants ----

  // Rows of one direction of a weight [directions, rows, columns], with their scales where it is kept as integers.
  Value* rows_of(const Value& w, int64_t direction, int64_t from, int64_t count) {
    const int64_t columns = w.shape->at(2);
    const auto begin = static_cast<size_t>((direction * w.shape->at(1) + from) * columns);
    Tensor data = Tensor::of_floats({count, columns}, w.constant->floats().subspan(begin, static_cast<size_t>(count * columns)));
    std::shared_ptr<const Quant> quant;
    if (w.quant) {
      Quant q = *w.quant;
      const bool per_row = q.axis == 1, per_direction = q.axis == 0;
      if (per_row || per_direction) {
        const int64_t first = per_row ? from : direction, n = per_row ? count : 1;
        q.scale.assign(w.quant->scale.begin() + first, w.quant->scale.begin() + first + n);
        if (!q.zero.empty()) q.zero.assign(w.quant->zero.begin() + first, w.quant->zero.begin() + first + n);
        q.axis = per_row ? 0 : -1;
      } else if (q.axis == 2) {
        q.axis = 1;
      }
      quant = std::make_shared<const Quant>(std::move(q));
    }
    return graph_.add_constant(w.name + ".rows", std::move(data), std::move(quant));
  }

  // The biases of inputs and states are added up in front, but for the candidate of a GRU whose state is gated behind its bias.
  void biases(int64_t direction, Value** in_front, Value** behind) {
    *in_front = *behind = nullptr;
    if (!node_.input(B)) return;
    const auto n = static_cast<size_t>(gates_ * hidden_);
    const auto all = node_.input(B)->constant->floats().subspan(2 * n * static_cast<size_t>(direction), 2 * n);
    std::vector<float> front(n), back(n);
    const bool gated = node_.is("GRU") && !reset_first_;
    for (size_t i = 0; i < n; ++i) {
      const bool candidate = gated && i >= 2 * static_cast<size_t>(hidden_);
      front[i] = candidate ? all[i] : all[i] + all[n + i];
      back[i] = candidate ? all[n + i] : 0.0f;
    }
    *in_front = graph_.add_constant(base_ + ".bias", Tensor::of_floats({gates_ * hidden_}, front));
    if (gated) *behind = graph_.add_constant(base_ + ".bias", Tensor::of_floats({gates_ * hidden_}, back));
  }

  // Null where the state begins with zeros.
  Result<Value*> initial(size_t input, int64_t direction) {
    Value* given = node_.input(input);
    if (!given) return nullptr;
    if (batch_first_) {
      TRY(given, emit("Transpose", {given}, {{"perm", std::vector<int64_t>{1, 0, 2}}}));
    }
    TRY(const Values parts, split(given, 0, directions_));
    return reshaped(parts[static_cast<size_t>(direction)], {-1, hidden_});
  }

  // ---- steps ----

  Result<Value*> product(Value* x, Value* weight, Value* bias) {
    return emit("Gemm", bias ? Values{x, weight, bias} : Values{x, weight}, {{"transB", int64_t{1}}});
  }

  // What each step adds to the gates: the product of all inputs at once, or (of an open batch) of one step each.
  Result<Values> products(Value* x, Value* weight, Value* bias) {
    const Shape rows = {-1, x->shape->at(2)};
    if (x->shape->at(1) > 0) {
      TRY(Value* all, reshaped(x, rows));
      TRY(all, product(all, weight, bias));
      return split(all, 0, steps_);
    }
    TRY(Values parts, split(x, 0, steps_));
    for (Value*& part : parts) {
      TRY(part, reshaped(part, rows));
      TRY(part, product(part, weight, bias));
    }
    return parts;
  }

  Result<void> one_direction(Value* x, int64_t d, bool backwards) {
    Value *in_front = nullptr, *behind = nullptr;
    biases(d, &in_front, &behind);
    functions_ = activations_of(node_, d);
    TRY(const Values inputs, products(x, rows_of(*node_.inputs[W], d, 0, gates_ * hidden_), in_front));
    const int64_t early = reset_first_ ? 2 * hidden_ : gates_ * hidden_;
    recurrent_ = rows_of(*node_.inputs[R], d, 0, early);
    late_ = reset_first_ ? rows_of(*node_.inputs[R], d, early, hidden_) : nullptr;
    behind_ = behind;
    TRY(h_, initial(INITIAL_H, d));
    if (node_.is("LSTM")) {
      TRY(c_, initial(INITIAL_C, d));
    }
    Values states(static_cast<size_t>(steps_));
    for (int64_t i = 0; i < steps_; ++i) {
      const auto t = static_cast<size_t>(backwards ? steps_ - 1 - i : i);
      TRY(node_.is("GRU") ? gru(inputs[t]) : other(inputs[t]));
      states[t] = h_;
    }
    if (node_.output(0)) {
      TRY(Value* joint, joined(states, 0));
      TRY(joint, reshaped(joint, {steps_, 1, -1, hidden_}));
      all_.push_back(joint);
    }
    if (node_.output(1)) {
      TRY(Value* h, reshaped(h_, {1, -1, hidden_}));
      last_h_.push_back(h);
    }
    if (node_.output(2)) {
      TRY(Value* c, reshaped(c_, {1, -1, hidden_}));
      last_c_.push_back(c);
    }
    return {};
  }

  Result<Value*> activated(size_t function, Value* x) { return emit(functions_[function].c_str(), {x}); }

  Result<void> other(Value* sums) {
    if (h_) {
      TRY(Value* of_state, product(h_, recurrent_, nullptr));
      TRY(sums, emit("Add", {sums, of_state}));
    }
    if (node_.is("RNN")) {
      TRY(h_, activated(0, sums));
      return {};
    }
    TRY(const Values gate, split(sums, 1, 4));  // input, output, forget, cell
    TRY(Value* in, activated(0, gate[0]));
    TRY(Value* out, activated(0, gate[1]));
    TRY(Value* fresh, activated(1, gate[3]));
    TRY(fresh, emit("Mul", {in, fresh}));
    if (c_) {
      TRY(Value* forget, activated(0, gate[2]));
      TRY(Value* kept, emit("Mul", {forget, c_}));
      TRY(fresh, emit("Add", {kept, fresh}));
    }
    c_ = fresh;
    TRY(Value* shown, activated(2, c_));
    TRY(h_, emit("Mul", {out, shown}));
    return {};
  }

  // Gates: update, reset, candidate. h = candidate + update * (h before - candidate)
  Result<void> gru(Value* x) {
    TRY(const Values in, split(x, 1, 3));
    if (!h_) return gru_from_zero(in);
    TRY(Value* products, product(h_, recurrent_, behind_));
    TRY(const Values state, split(products, 1, reset_first_ ? 2 : 3));
    TRY(Value* update, emit("Add", {in[0], state[0]}));
    TRY(update, activated(0, update));
    TRY(Value* reset, emit("Add", {in[1], state[1]}));
    TRY(reset, activated(0, reset));
    TRY(Value* past, emit("Mul", {reset, reset_first_ ? h_ : state[2]}));
    if (reset_first_) {
      TRY(past, product(past, late_, nullptr));
    }
    TRY(Value* candidate, emit("Add", {in[2], past}));
    TRY(candidate, activated(1, candidate));
    TRY(Value* away, emit("Sub", {h_, candidate}));
    TRY(away, emit("Mul", {update, away}));
    TRY(h_, emit("Add", {candidate, away}));
    return {};
  }

  Result<void> gru_from_zero(const Values& in) {
    Value* candidate = in[2];
    if (behind_) {  // of the products with the state, the candidate's bias is left
      const auto bias = behind_->constant->floats().subspan(2 * static_cast<size_t>(hidden_));
      TRY(Value* reset, activated(0, in[1]));
      TRY(Value* past, emit("Mul", {reset, graph_.add_constant(base_ + ".bias", Tensor::of_floats({hidden_}, bias))}));
      TRY(candidate, emit("Add", {candidate, past}));
    }
    TRY(candidate, activated(1, candidate));
    TRY(Value* update, activated(0, in[0]));
    TRY(Value* away, emit("Mul", {update, candidate}));
    TRY(h_, emit("Sub", {candidate, away}));
    return {};
  }

  // The directions together as the node's output, which is turned where the batch comes first.
  Result<void> finish(size_t output, const Values& parts, int64_t axis, const std::vector<int64_t>& perm) {
    if (!node_.output(output)) return {};
    TRY(Value* y, joined(parts, axis));
    if (batch_first_) {
      TRY(y, emit("Transpose", {y}, {{"perm", perm}}));
    }
    take_over(graph_, node_.output(output), y);
    return {};
  }

  Graph& graph_;
  Node& node_;
  const bool batch_first_;
  const int64_t hidden_, gates_;
  const bool reset_first_;
  std::string base_;  // of names
  int64_t steps_ = 0, directions_ = 1;
  std::vector<std::string> functions_;
  Value *recurrent_ = nullptr, *late_ = nullptr, *behind_ = nullptr, *h_ = nullptr, *c_ = nullptr;
  Values all_, last_h_, last_c_;
};

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  bool changed = false;
  for (Node* node : graph.nodes()) {
    if (!node->is("LSTM") && !node->is("GRU") && !node->is("RNN")) continue;
    if (!ctx.selected(*node) || !can_unroll(*node, options.steps)) continue;
    TRY(Unrolled(graph, *node).run());
    changed = true;
  }
  return changed;
}

}  // namespace

extern constinit const Pass unroll_recurrent = make_pass<Options, describe, run>(
    "Writes LSTM, GRU and RNN step by step.", Effect::exact);

}  // namespace bantam
