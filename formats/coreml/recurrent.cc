// SPDX-License-Identifier: Apache-2.0
// GRU, LSTM and RNN, written step by step: the format's own recurrent operations order and add their gates in
// another way in each of its versions, and in half precision only since iOS 17. The products of all inputs with the
// weights are one operation in front of the steps.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "formats/coreml/emitter.h"

namespace bantam::coreml {
namespace {

constexpr int64_t kMostSteps = 256;
enum { X, W, R, B, LENGTHS, INITIAL_H, INITIAL_C, PEEPHOLES };

class Unrolled {
 public:
  explicit Unrolled(Emitter& e)
      : e_(e), steps_(e.shape(X)[0]), batch_(e.shape(X)[1]), hidden_(e.shape(R)[2]), gates_(e.shape(W)[1] / hidden_),
        state_{e.real(), {batch_, hidden_}} {}

  void run() {
    const std::string direction = e_.node().attr_word("direction");
    const int64_t directions = direction == "bidirectional" ? 2 : 1;
    for (int64_t d = 0; d < directions; ++d) one_direction(d, d == 1 || direction == "reverse");
    if (e_.node().output(0)) all_states();
    if (e_.node().output(1)) stacked(1, last_h_);
    if (e_.node().output(2)) stacked(2, last_c_);
  }

 private:
  using Names = std::vector<std::string>;

  std::string binary(const char* op, const std::string& x, const std::string& y) { return e_.temporary(op, {{"x", {x}}, {"y", {y}}}, state_); }
  std::string unary(const char* op, const std::string& x) { return e_.temporary(op, {{"x", {x}}}, state_); }
  // [.., gates * hidden] in pieces of one gate.
  Names gates_of(const std::string& x, Shape dims) {
    if (gates_ == 1) return {x};
    dims.back() = hidden_;
    const auto axis = static_cast<int64_t>(dims.size()) - 1;
    return e_.temporaries("split", {{"x", {x}}, {"num_splits", {e_.integer(gates_)}}, {"axis", {e_.integer(axis)}}},
                          std::vector<Type>(static_cast<size_t>(gates_), {e_.real(), dims}));
  }

  // The biases of inputs and states are added up in front, but for the candidate of a GRU, whose state is gated
  // behind its bias.
  void biases(int64_t direction, std::vector<float>& in_front, std::vector<float>& behind) const {
    const auto n = static_cast<size_t>(gates_ * hidden_);
    in_front.assign(n, 0);
    behind.assign(n, 0);
    if (!e_.given(B)) return;
    const Tensor& all = e_.data(B);
    const auto number = [&](int64_t row, size_t i) { return static_cast<float>(all.number(row * static_cast<int64_t>(n) + static_cast<int64_t>(i))); };
    const bool gated = e_.node().is("GRU") && e_.node().attr_int("linear_before_reset") != 0;
    for (size_t i = 0; i < n; ++i) {
      const float of_input = number(2 * direction, i), of_state = number(2 * direction + 1, i);
      const bool candidate = gated && i >= 2 * static_cast<size_t>(hidden_);
      in_front[i] = candidate ? of_input : of_input + of_state;
      behind[i] = candidate ? of_state : 0;
    }
  }

  std::string initial(size_t input, int64_t direction) {
    if (!e_.given(input)) return e_.reals(state_.dims, std::vector<float>(static_cast<size_t>(batch_ * hidden_)));
    return part(e_.in(input), direction, {e_.shape(input)[0], batch_, hidden_});
  }

  // Entry `at` of the first axis.
  std::string part(const std::string& x, int64_t at, const Shape& dims) {
    std::vector<int64_t> begin(dims.size()), end = dims;
    begin[0] = at;
    end[0] = at + 1;
    std::vector<bool> none(dims.size()), first(dims.size());
    first[0] = true;
    return e_.temporary("slice_by_index", {{"x", {x}}, {"begin", {e_.list(begin)}}, {"end", {e_.list(end)}}, {"begin_mask", {e_.flags(none)}}, {"end_mask", {e_.flags(none)}}, {"squeeze_mask", {e_.flags(first)}}}, state_);
  }

  void one_direction(int64_t d, bool backwards) {
    const int64_t width = gates_ * hidden_;
    std::vector<float> in_front, behind;
    biases(d, in_front, behind);
    const std::string all = e_.temporary("linear", {{"x", {e_.in(X)}}, {"weight", {e_.in_entry(W, d)}}, {"bias", {e_.reals({width}, in_front)}}}, {e_.real(), {steps_, batch_, width}});
    const Names inputs = gates_of(all, {steps_, batch_, width});
    weight_ = e_.in_entry(R, d);
    bias_ = e_.reals({width}, behind);
    h_ = initial(INITIAL_H, d);
    if (e_.node().is("LSTM")) c_ = initial(INITIAL_C, d);
    Names states(static_cast<size_t>(steps_));
    for (int64_t i = 0; i < steps_; ++i) {
      const int64_t t = backwards ? steps_ - 1 - i : i;
      Names now;
      for (const std::string& gate : inputs) now.push_back(part(gate, t, {steps_, batch_, hidden_}));
      step(now);
      states[static_cast<size_t>(t)] = h_;
    }
    states_.push_back(states);
    last_h_.push_back(h_);
    last_c_.push_back(c_);
  }

  Names state_products() {
    return gates_of(e_.temporary("linear", {{"x", {h_}}, {"weight", {weight_}}, {"bias", {bias_}}}, {e_.real(), {batch_, gates_ * hidden_}}), {batch_, gates_ * hidden_});
  }

  void step(const Names& x) {
    const Names h = state_products();
    const auto gate = [&](size_t i) { return unary("sigmoid", binary("add", x[i], h[i])); };
    if (e_.node().is("RNN")) {
      h_ = unary("tanh", binary("add", x[0], h[0]));
    } else if (e_.node().is("LSTM")) {  // gates: input, output, forget, cell
      const std::string fresh = binary("mul", gate(0), unary("tanh", binary("add", x[3], h[3])));
      c_ = binary("add", binary("mul", gate(2), c_), fresh);
      h_ = binary("mul", gate(1), unary("tanh", c_));
    } else {  // update, reset, candidate
      const std::string update = gate(0), reset = gate(1);
      const std::string candidate = unary("tanh", binary("add", x[2], binary("mul", reset, h[2])));
      h_ = binary("add", candidate, binary("mul", update, binary("sub", h_, candidate)));
    }
  }

  // ---- results ----

  std::string stack(const Names& parts, int64_t axis, Type type) {
    type.dims.insert(type.dims.begin() + axis, static_cast<int64_t>(parts.size()));
    if (parts.size() == 1) return e_.temporary("expand_dims", {{"x", {parts[0]}}, {"axes", {e_.list({axis})}}}, type);
    return e_.temporary("stack", {{"values", parts}, {"axis", {e_.integer(axis)}}}, type);
  }
  void stacked(size_t output, const Names& parts) { e_.result("identity", {{"x", {stack(parts, 0, state_)}}}, output); }
  void all_states() {
    Names directions;
    for (const Names& s : states_) directions.push_back(stack(s, 0, state_));
    e_.result("identity", {{"x", {stack(directions, 1, {e_.real(), {steps_, batch_, hidden_}})}}}, 0);
  }

  Emitter& e_;
  const int64_t steps_, batch_, hidden_, gates_;
  const Type state_;
  std::string weight_, bias_, h_, c_;
  std::vector<Names> states_;
  Names last_h_, last_c_;
};

Result<void> recurrent(Emitter& e, const char*) {
  const Node& n = e.node();
  for (const size_t i : {W, R, B})
    if (e.given(i) && !e.is_constant(i)) return refuse("its weights are computed");
  if (e.given(LENGTHS)) return refuse("sequences of different lengths are not written");
  if (e.given(PEEPHOLES)) return refuse("peepholes are not written");
  if (n.attr_int("layout")) return refuse("the batch is the first axis (layout=1)");
  if (!std::isinf(n.attr_float("clip")) || (n.is("LSTM") && n.attr_int("input_forget"))) return refuse("clip and input_forget are not written");
  for (const auto& [key, value] : n.attrs())
    if (key.starts_with("activation")) return refuse("its activations are named; the usual ones alone are written");
  if (n.is("GRU") && !n.attr_int("linear_before_reset")) return refuse("its state is reset before the product (linear_before_reset=0)");
  if (e.shape(X)[0] > kMostSteps) return refuse(formatted("it takes {} steps; up to {} are written one by one", e.shape(X)[0], kMostSteps));
  Unrolled(e).run();
  return {};
}

}  // namespace

const std::vector<OperatorRow> recurrent_rows = {{"GRU", recurrent, ""}, {"LSTM", recurrent, ""}, {"RNN", recurrent, ""}};

}  // namespace bantam::coreml
