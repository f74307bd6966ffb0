// SPDX-License-Identifier: Apache-2.0
#include "eval/session.h"

#include <chrono>

#include "base/format.h"
#include "base/text.h"
#include "ir/evaluate.h"
#include "runtime/session.h"
#include "runtime/shape.h"

namespace bantam {

struct Session::State {
  std::unique_ptr<Program> program;  // of_graph
  Bytes file;                        // of_file
  bt_model* model = nullptr;
  bt_session* session = nullptr;
  std::vector<Port> inputs, outputs;
  std::function<void(const Tapped&)> tap;
  bool timing = false;
  std::vector<NodeTime> times;
  std::chrono::steady_clock::time_point last;
  int last_node = -1;

  ~State() {
    bt_session_destroy(session);
    bt_close(model);
  }
  void hook();
};

namespace {

std::vector<Port> ports(const bt_graph& g, const int32_t* list, int n) {
  std::vector<Port> out;
  for (int i = 0; i < n; ++i) {
    const bt_value& v = g.values[list[i]];
    Port port{v.name, v.dtype, std::nullopt};
    if (v.rank >= 0) port.shape = Shape(v.dims, v.dims + v.rank);
    out.push_back(std::move(port));
  }
  return out;
}

Error last_error(bt_status status) { return runtime_error(status, bt_last_error()); }

bt_session_options lower(const SessionOptions& o) {
  return {.threads = o.threads, .kernels = o.kernels.empty() ? nullptr : o.kernels.c_str(),
          .max_bytes = o.max_bytes, .max_turns = o.max_turns, .seed = o.seed};
}

Result<void> set_inputs(bt_session* session, const std::vector<Port>& ports, std::span<const Tensor> inputs) {
  if (inputs.size() != ports.size())
    return Error{Code::usage, formatted("{} inputs are given, the model has {}", inputs.size(), ports.size())};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& t = inputs[i];
    if (t.dtype() != ports[i].dtype)
      return Error{Code::bad_input, formatted("input {} has type {}; the model takes {}", quote(ports[i].name),
                                              bt_dtype_name(t.dtype()), bt_dtype_name(ports[i].dtype))};
    const bt_status status = bt_set_input(session, static_cast<int>(i), t.bytes().data(), t.rank(), t.shape().data());
    if (status != BT_OK) return within(quote(ports[i].name), Result<void>(last_error(status)));
  }
  return {};
}

}  // namespace

std::vector<float> Tapped::reals() const {
  std::vector<float> out;
  const auto n = static_cast<size_t>(count);
  if (dtype == BT_F32) {
    const auto* p = static_cast<const float*>(data);
    out.assign(p, p + n);
  } else if ((dtype == BT_I8 || dtype == BT_I16) && quant && quant->n == 1) {
    const auto* bytes = static_cast<const int8_t*>(data);
    const auto* words = static_cast<const int16_t*>(data);
    const int32_t zero = quant->zero ? quant->zero[0] : 0;
    out.resize(n);
    for (size_t i = 0; i < n; ++i) {
      const int32_t q = dtype == BT_I8 ? bytes[i] : words[i];
      out[i] = static_cast<float>(q - zero) * quant->scale[0];
    }
  }
  return out;
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::of_graph(const Graph& graph, const SessionOptions& options) {
  auto state = std::make_unique<State>();
  state->program = std::make_unique<Program>(graph, ProgramOptions{.simulate = options.simulate});
  const bt_graph& g = state->program->graph();
  const bt_session_options lowered = lower(options);
  const bt_status status = bt_session_from_graph(&g, &lowered, &state->session);
  if (status != BT_OK) return last_error(status);
  state->inputs = ports(g, g.inputs, g.n_inputs);
  state->outputs = ports(g, g.outputs, g.n_outputs);
  return Session(std::move(state));
}

Result<Session> Session::of_file(const Bytes& btm, const SessionOptions& options) {
  auto state = std::make_unique<State>();
  state->file = btm;
  bt_status status = bt_open(btm.data(), btm.size(), nullptr, &state->model);
  if (status != BT_OK) return last_error(status);
  const bt_session_options lowered = lower(options);
  status = bt_session_create(state->model, &lowered, &state->session);
  if (status != BT_OK) return last_error(status);
  const bt_graph& g = *state->session->main->graph;
  state->inputs = ports(g, g.inputs, g.n_inputs);
  state->outputs = ports(g, g.outputs, g.n_outputs);
  return Session(std::move(state));
}

const std::vector<Port>& Session::inputs() const { return state_->inputs; }
const std::vector<Port>& Session::outputs() const { return state_->outputs; }
size_t Session::arena_bytes() const { return bt_arena_bytes(state_->session); }
std::string Session::kernels() const { return bt_kernels_in_use(state_->session); }

Result<void> Session::plan(std::span<const Tensor> inputs) {
  TRY(set_inputs(state_->session, state_->inputs, inputs));
  const bt_status status = bt_plan(state_->session);
  if (status != BT_OK) return last_error(status);
  return {};
}

Result<std::vector<Tensor>> Session::run(std::span<const Tensor> inputs) {
  TRY(set_inputs(state_->session, state_->inputs, inputs));
  if (state_->tap)
    for (size_t i = 0; i < inputs.size(); ++i)
      state_->tap({state_->inputs[i].name.c_str(), inputs[i].dtype(), inputs[i].shape(), inputs[i].bytes().data(), inputs[i].count(), nullptr});
  const bt_status status = bt_run(state_->session);
  if (status != BT_OK) return last_error(status);
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < state_->outputs.size(); ++i) {
    bt_array a{};
    const bt_status got = bt_get_output(state_->session, static_cast<int>(i), &a);
    if (got != BT_OK) return last_error(got);
    outputs.emplace_back(static_cast<DType>(a.dtype), Shape(a.dims, a.dims + a.rank), Bytes::copy_of(a.data, a.bytes));
  }
  return outputs;
}

// Connects the runtime's C callbacks with what is switched on.
void Session::State::hook() {
  bt_env& env = session->env;
  env.tap_user = this;
  env.tap = nullptr;
  env.timer = nullptr;
  if (tap)
    env.tap = [](void* user, const bt_graph* g, int node, int output, const bt_tensor* t) {
      auto* state = static_cast<State*>(user);
      if (g != state->session->main->graph) return;  // values inside subgraphs have no names of their own
      state->tap({g->values[g->nodes[node].out[output]].name, t->dtype,
                  {t->dims, static_cast<size_t>(t->rank)}, t->data, bt_count(t), t->quant});
    };
  if (timing)
    env.timer = [](void* user, const bt_graph* g, int node) {
      auto* state = static_cast<State*>(user);
      if (g != state->session->main->graph) return;
      const auto now = std::chrono::steady_clock::now();
      if (node > 0) {
        double& least = state->times[static_cast<size_t>(node) - 1].milliseconds;
        const double ms = std::chrono::duration<double, std::milli>(now - state->last).count();
        least = least > 0 ? std::min(least, ms) : ms;
      }
      state->last = std::chrono::steady_clock::now();
    };
}

void Session::set_tap(std::function<void(const Tapped&)> tap) {
  state_->tap = std::move(tap);
  state_->hook();
}

void Session::time_nodes(bool on) {
  state_->timing = on;
  const bt_graph& g = *state_->session->main->graph;
  state_->times.assign(static_cast<size_t>(g.n_nodes), {});
  for (int n = 0; n < g.n_nodes; ++n) {
    state_->times[static_cast<size_t>(n)].name = g.nodes[n].name;
    state_->times[static_cast<size_t>(n)].op = g.nodes[n].op->name;
  }
  state_->hook();
}

std::vector<Session::NodeTime> Session::node_times() const { return state_->times; }

}  // namespace bantam
