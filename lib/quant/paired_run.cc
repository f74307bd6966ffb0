// SPDX-License-Identifier: Apache-2.0
#include "quant/paired_run.h"

#include <algorithm>
#include <cmath>

namespace bantam {
namespace {

constexpr size_t kMostBytes = size_t{1} << 30;

// Bytes of all computed values for one sample: no less than what is alive at any time.
Result<size_t> bytes_of_sample(const Graph& graph, const std::vector<Tensor>& inputs, int threads) {
  size_t bytes = 0;
  TRY(Session session, Session::of_graph(graph, {.threads = threads}));
  session.set_tap([&](const Tapped& t) {
    bytes += static_cast<size_t>(t.count) * bt_dtype_size(t.dtype);
  });
  TRY(session.run(inputs));
  return bytes;
}

Tensor rounded(const Tensor& t, const Value& v) {
  const bool annotated = v.quant && v.dtype == BT_F32 && t.dtype() == BT_F32;
  return annotated ? decode(encode(t, *v.quant), *v.quant) : t;
}

}  // namespace

Result<PairedRun> PairedRun::start(const Graph& graph, SampleSource& source, int64_t most,
                                   int threads, const Originals& originals) {
  PairedRun run;
  run.threads_ = threads;
  run.originals_ = &originals;
  TRY(const auto first, source.at(0));
  TRY(const size_t bytes, bytes_of_sample(graph, first, threads));
  const auto room = static_cast<int64_t>(kMostBytes / std::max<size_t>(2 * bytes, 1));
  const int64_t n = std::max<int64_t>(1, std::min({most, source.count(), room}));
  for (int64_t i = 0; i < n; ++i) {
    run.all_.push_back(static_cast<size_t>(i));
    TRY(const auto inputs, source.at(place(i, n, source)));
    for (size_t k = 0; k < inputs.size(); ++k) {
      const Value* v = graph.inputs()[k];
      run.real_[v].push_back(inputs[k]);
      run.rounded_[v].push_back(rounded(inputs[k], *v));
    }
  }
  run.outputs_ = graph.outputs();
  for (const Value* v : graph.values())
    run.readers_left_[v] = v->uses().size() + (v->is_output() ? 1 : 0);
  return run;
}

const Tensor& PairedRun::constant(const Value& v, Side side) const {
  const auto it = side == Side::real ? originals_->find(v.name) : originals_->end();
  return it == originals_->end() ? *v.constant : *it->second;
}

Result<std::vector<std::vector<Tensor>>> PairedRun::run(
    const Node& node, Side side, Form form, const std::vector<size_t>& samples) const {
  const Values& known = side == Side::real ? real_ : rounded_;
  Graph one("", nullptr);
  std::unordered_map<const Value*, Value*> twin;
  std::vector<Value*> inputs;
  std::vector<const Value*> fed;
  for (const Value* v : node.inputs) {
    Value*& copy = twin[v];
    if (v && !copy && v->constant) copy = one.add_constant(v->name, constant(*v, side), v->quant);
    if (v && !copy) {
      copy = one.add_input(v->name, v->dtype, std::nullopt);
      fed.push_back(v);
    }
    inputs.push_back(v ? copy : nullptr);
  }
  Node* copy = one.adopt_copy(node, inputs);
  for (Value* v : copy->outputs)
    if (v) v->shape.reset();  // samples may differ
  if (form == Form::open) {
    TRY(copy->set_attr("lo", -INFINITY));
    TRY(copy->set_attr("hi", INFINITY));
  }
  if (form != Form::whole)
    for (Value* v : copy->outputs)
      if (v && v->dtype == BT_F32) v->quant.reset();
  const bool simulate = side == Side::rounded;
  TRY(Session session, Session::of_graph(one, {.threads = threads_, .simulate = simulate}));
  std::vector<std::vector<Tensor>> results;
  for (const size_t s : samples) {
    std::vector<Tensor> operands;
    for (const Value* v : fed) operands.push_back(known.at(v)[s]);
    TRY(auto outputs, session.run(operands));
    results.resize(outputs.size());
    for (size_t k = 0; k < outputs.size(); ++k) results[k].push_back(std::move(outputs[k]));
  }
  return results;
}

Result<std::vector<Tensor>> PairedRun::compute(const Node& node, Side side) const {
  return compute(node, side, all_);
}

Result<std::vector<Tensor>> PairedRun::compute(const Node& node, Side side,
                                               const std::vector<size_t>& samples) const {
  TRY(auto results, run(node, side, Form::unrounded, samples));
  return std::move(results.at(0));
}

Result<std::vector<Tensor>> PairedRun::compute_open(const Node& node, Side side) const {
  TRY(auto results, run(node, side, Form::open, all_));
  return std::move(results.at(0));
}

void PairedRun::settle(const Node& node, Side side, std::vector<Tensor> results) {
  if (side == Side::rounded)
    for (Tensor& t : results) t = rounded(t, *node.output());
  (side == Side::real ? real_ : rounded_)[node.output()] = std::move(results);
}

Result<void> PairedRun::settle(const Node& node, Side side) {
  TRY(auto results, run(node, side, Form::whole, all_));
  size_t k = 0;
  for (const Value* v : node.outputs)
    if (v) (side == Side::real ? real_ : rounded_)[v] = std::move(results[k++]);
  return {};
}

void PairedRun::leave(const Node& node) {
  const auto forget = [&](const Value* v) {
    real_.erase(v);
    rounded_.erase(v);
  };
  for (const Value* v : node.outputs)
    if (v && readers_left_[v] == 0) forget(v);
  for (const Value* v : node.inputs)
    if (v && !v->constant && --readers_left_[v] == 0) forget(v);
}

const std::vector<Tensor>& PairedRun::at(const Value* value, Side side) const {
  return (side == Side::real ? real_ : rounded_).at(value);
}

namespace {

// Noise over signal, the mean over outputs that say something.
class MeanError {
 public:
  void add(const SquaredError& error) {
    if (error.signal > 0) sum_ += error.ratio(), ++counted_;
  }
  double mean() const { return counted_ ? sum_ / counted_ : 0; }

 private:
  double sum_ = 0;
  int counted_ = 0;
};

}  // namespace

double PairedRun::error_at_outputs(const Graph& graph) const {
  MeanError sum;
  for (const Value* v : graph.outputs())
    if (!v->constant) sum.add(squared_error(at(v, Side::rounded), at(v, Side::real)));
  return sum.mean();
}

Result<double> PairedRun::error_of(const Graph& graph, SampleSource& source) const {
  TRY(Session session, Session::of_graph(graph, {.threads = threads_, .simulate = true}));
  std::vector<std::vector<Tensor>> got(outputs_.size());
  for (const size_t s : all_) {
    const auto samples = static_cast<int64_t>(all_.size());
    TRY(const auto inputs, source.at(place(static_cast<int64_t>(s), samples, source)));
    TRY(auto results, session.run(inputs));
    for (size_t k = 0; k < got.size(); ++k) got[k].push_back(std::move(results[k]));
  }
  MeanError sum;
  for (size_t k = 0; k < got.size(); ++k)
    if (!outputs_[k]->constant) sum.add(squared_error(got[k], at(outputs_[k], Side::real)));
  return sum.mean();
}

SquaredError squared_error(const std::vector<Tensor>& got, const std::vector<Tensor>& want) {
  SquaredError sum;
  for (size_t s = 0; s < want.size(); ++s) {
    if (want[s].dtype() != BT_F32 || got[s].count() != want[s].count()) continue;
    const auto a = got[s].floats(), b = want[s].floats();
    for (size_t i = 0; i < b.size(); ++i) {
      const double y = static_cast<double>(b[i]), d = static_cast<double>(a[i]) - y;
      if (!std::isfinite(d)) continue;
      sum.signal += y * y;
      sum.noise += d * d;
    }
  }
  return sum;
}

}  // namespace bantam
