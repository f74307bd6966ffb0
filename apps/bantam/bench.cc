// SPDX-License-Identifier: Apache-2.0
// bantam bench: time one model honestly.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/bantam/calibrate.h"
#include "apps/bantam/checks.h"
#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/models.h"
#include "apps/bantam/options.h"
#include "apps/bantam/timing.h"
#include "base/format.h"
#include "base/text.h"
#include "device/device.h"
#include "eval/test_vectors.h"
#include "ir/call.h"
#include "ir/infer.h"
#include "kernels/kernels.h"
#include "report/table.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

// How long to measure a model, and each of the many small ones of a device.
constexpr double kSeconds = 2, kCaseSeconds = 0.2;

struct Options {
  CommonOptions common;
  ReadFlags read;
  std::string model, device;
  CalibrateFlags calibrate;
  int threads = 1;
  std::optional<double> seconds;
  bool layers = false, serve = false;
};

struct Layer {
  std::string name, op;
  double ms = 0;       // least of the runs
  std::optional<double> device_ms;  // by the costs of --device
  int64_t macs = 0;    // 0: not counted
  uint64_t bytes = 0;  // read and written where every value passes once; 0: not known
  double peak = 0;     // GOP/s that all threads could do at most
  double gops() const { return macs && ms > 0 ? 2 * static_cast<double>(macs) / ms * 1e-6 : 0; }
};

// Float GOP/s of one core, the best of several short measurements.
double peak_gops(const bt_kernels& kernels) {
  double best = 0;
  for (int i = 0; i < 20; ++i) {
    const double start = cpu_ms();
    const double macs = kernels.peak_f32(20000);
    best = std::max(best, 2 * macs / (cpu_ms() - start) * 1e-6);
  }
  return best;
}

uint64_t bytes_moved(const Node& node) {
  uint64_t sum = 0;
  for (const auto* values : {&node.inputs, &node.outputs})
    for (const Value* v : *values) {
      if (!v) continue;
      if (!v->shape) return 0;
      sum += static_cast<uint64_t>(element_count(concrete_shape(*v->shape, 128))) * bt_dtype_size(v->dtype);
    }
  return sum;
}

Result<std::vector<Layer>> time_layers(const Options& o, Session& session, const std::vector<Tensor>& inputs, const Graph& graph, const CostModel& costs) {
  session.time_nodes(true);
  const double end = wall_ms() + o.seconds.value_or(kSeconds) * 1000;
  for (int i = 0; i < 20 || wall_ms() < end; ++i) TRY(session.run(inputs));
  const auto times = session.node_times();
  const auto nodes = graph.nodes();
  const bt_kernels& kernels = *bt_kernels_named(session.kernels().c_str());
  const double peak = peak_gops(kernels) * o.threads;
  std::vector<Layer> layers;
  for (size_t i = 0; i < times.size(); ++i) {
    Layer& l = layers.emplace_back(Layer{times[i].name, times[i].op, times[i].milliseconds});
    if (times.size() != nodes.size()) continue;
    const Value* x = nodes[i]->input(0);
    l.macs = multiply_adds(*nodes[i]);
    l.bytes = bytes_moved(*nodes[i]);
    if (const auto us = costs.microseconds(*nodes[i]); us.ok() && !costs.empty()) l.device_ms = *us / 1000;
    l.peak = peak * (x && x->dtype == BT_I8 ? kernels.s8_peak : 1);
  }
  return layers;
}

std::string layer_table(const std::vector<Layer>& layers) {
  const bool has_device = std::any_of(layers.begin(), layers.end(), [](const Layer& l) { return l.device_ms; });
  TextTable t({"layer", "operator", ">ms", has_device ? ">device ms" : "", ">share", ">multiply-adds", ">GOP/s", ">of peak", ">bytes"});
  double total = 0;
  for (const Layer& l : layers) total += l.ms;
  for (const Layer& l : layers)
    t.row({printable(l.name), l.op, formatted("{:.4f}", l.ms), l.device_ms ? formatted("{:.4f}", *l.device_ms) : "", formatted("{:.1f} %", 100 * l.ms / total), l.macs ? human_count(static_cast<double>(l.macs)) : "",
           l.gops() > 0 ? formatted("{:.1f}", l.gops()) : "", l.gops() > 0 ? formatted("{:.0f} %", 100 * l.gops() / l.peak) : "",
           l.bytes ? human_bytes(l.bytes) : ""});
  return t.text("") + formatted("sum of the least times: {:.3f} ms\n", total);
}

// Readers of other formats look at --shape themselves; a .btm has its inputs as they are.
Result<void> check_shapes(const std::map<std::string, Shape>& shapes, const Session& session) {
  std::vector<std::string> names;
  for (const Port& p : session.inputs()) names.push_back(p.name);
  for (const auto& [name, shape] : shapes)
    if (std::find(names.begin(), names.end(), name) == names.end())
      return Error{Code::usage, formatted("--shape names {}, which is no input of the model{}", quote(name), suggestion(name, names))};
  return {};
}

// Takes part in comparisons of several runtimes: for every line "run MS" on standard input the model runs for about MS
// milliseconds, and one line of JSON has the wall and CPU times of every run. See docs/performance.md.
Result<int> serve(Session& session, const std::vector<Tensor>& inputs) {
  for (int i = 0; i < 2; ++i) TRY(session.run(inputs));
  Console::get().print("ready\n");
  std::string word;
  for (double budget = 0; std::cin >> word >> budget;) {
    TRY(const RunTimes times, time_runs(session, inputs, budget / 1000, 2));
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    Console::get().print(nlohmann::ordered_json{{"w", times.wall}, {"c", times.cpu}, {"rss", usage.ru_maxrss / 1024}}.dump() + "\n");
  }
  return 0;
}

// By the costs of --device; nothing where there is none.
Result<std::optional<double>> estimate(const Options& o, const Graph& graph, Device& device) {
  if (o.device.empty()) return std::optional<double>();
  TRY(device, read_device(o.device));
  if (device.latency.empty())
    return Error{Code::usage, formatted("--device: {} has no [latency]; --calibrate-device measures it", quote(o.device))};
  TRY(const double ms, within(printable(o.device), device.latency.milliseconds(graph)));
  return std::optional<double>(ms);
}

Result<int> run(const Options& o) {
  o.common.apply();
  TRY(check_kernels_environment());
  if (o.calibrate.wanted) {
    if (!o.model.empty())
      return Error{Code::usage, formatted("--calibrate-device measures models of its own; leave out {}", quote(o.model))};
    return calibrate_device(o.calibrate, o.seconds.value_or(kCaseSeconds), o.threads);
  }
  if (o.model.empty()) return Error{Code::usage, "bench needs a model, or --calibrate-device"};
  TRY(const ReadOptions read, o.read.options());
  const double start = wall_ms();
  TRY(RunnableModel model, open_runnable(o.model, read, {.threads = o.threads}));
  const double load_ms = wall_ms() - start;
  Session& session = model.session;
  TRY(check_shapes(read.shapes, session));
  const auto inputs = random_inputs(session, read.shapes);
  std::vector<Shape> lengths;
  for (const Tensor& t : inputs) lengths.push_back(t.shape());
  const auto fixed = with_input_shapes(model.graph, lengths);
  const Graph& graph = fixed.ok() ? *fixed : model.graph;  // lengths that inference cannot follow stay open
  Device device;
  TRY(const std::optional<double> device_ms, estimate(o, graph, device));
  if (o.serve) return serve(session, inputs);
  const double before_first = wall_ms();
  TRY(session.run(inputs));
  const double first_ms = wall_ms() - before_first;
  TRY(const RunTimes times, time_runs(session, inputs, o.seconds.value_or(kSeconds), 5));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto& ms = times.wall;
  const double median = at_fraction(ms, 0.5), p90 = at_fraction(ms, 0.9), least = at_fraction(ms, 0), least_cpu = at_fraction(times.cpu, 0);
  nlohmann::ordered_json j = {{"model", printable(base_name(o.model))}, {"kernels", session.kernels()}, {"threads", o.threads}, {"runs", ms.size()},
                              {"median_ms", median}, {"min_ms", least}, {"p90_ms", p90}, {"cpu_min_ms", least_cpu}, {"load_ms", load_ms},
                              {"first_ms", first_ms}, {"arena_bytes", session.arena_bytes()}, {"peak_kb", usage.ru_maxrss}};
  if (device_ms) j["device_ms"] = *device_ms;
  std::vector<Layer> layers;
  if (o.layers) {
    TRY(layers, time_layers(o, session, inputs, graph, device.latency));
    j["layers"] = nlohmann::ordered_json::array();
    for (const Layer& l : layers) {
      j["layers"].push_back({{"name", printable(l.name)}, {"op", l.op}, {"ms", l.ms}, {"macs", l.macs}, {"bytes", l.bytes}, {"of_peak", l.peak > 0 ? l.gops() / l.peak : 0}});
      if (l.device_ms) j["layers"].back()["device_ms"] = *l.device_ms;
    }
  }
  if (o.common.json) {
    Console::get().print(j.dump(1) + "\n");
    return 0;
  }
  Console::get().print(formatted("{} ({} kernels, {} thread{}, {} runs)\n", printable(base_name(o.model)), session.kernels(), o.threads, o.threads == 1 ? "" : "s", ms.size()) +
                       formatted("  latency   median {:.3f} ms, least {:.3f} ms, 90 % below {:.3f} ms; CPU at least {:.3f} ms\n", median, least, p90, least_cpu) +
                       formatted("  load      {:.1f} ms, first run {:.1f} ms\n", load_ms, first_ms) +
                       formatted("  memory    activations {}, process peak {}\n", human_bytes(session.arena_bytes()), human_bytes(static_cast<uint64_t>(usage.ru_maxrss) * 1024)));
  if (device_ms) Console::get().print(formatted("  device    {:.3f} ms on {}, estimated\n", *device_ms, printable(device.name)));
  if (p90 > 1.3 * median) Console::get().warn("times vary a lot: other programs are running, or the clock changes; compare the least times only");
  if (o.layers) Console::get().print(layer_table(layers));
  return 0;
}

void add_calibrate_flags(CLI::App& cmd, CalibrateFlags& flags) {
  CLI::Option* wanted = cmd.add_flag("--calibrate-device", flags.wanted, "what work costs here, for `tune --device` (docs/tuning.md)");
  cmd.add_option("-o,--output", flags.output, "the profile of --calibrate-device; else it is printed")->needs(wanted)->type_name("FILE.toml");
  cmd.add_option("--write-models", flags.write_models, "the models to measure elsewhere, instead of a profile")->needs(wanted)->type_name("DIR");
  cmd.add_option("--times", flags.times, "their times elsewhere, as `bantam_runner --time` prints them")->needs(wanted)->type_name("FILE");
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("bench", "Measure latency, memory and load time of a model");
  cmd->add_option("model", o->model, "the model: .onnx, .tflite or .btm");
  cmd->add_option("--threads", o->threads, "threads")->check(whole_number(1, 1024))->capture_default_str();
  cmd->add_option("--seconds", o->seconds, "how long to measure: 2 for a model, 0.2 for each model of --calibrate-device")->check(number(0, 3600));
  cmd->add_flag("--layers", o->layers, "a table of all layers");
  cmd->add_option("--device", o->device, "estimate the time on another device too, by its costs")->type_name("FILE.toml");
  cmd->add_flag("--serve", o->serve, "measure at every line \"run MILLISECONDS\" on standard input (docs/performance.md)");
  add_calibrate_flags(*cmd, o->calibrate);
  add_read_flags(*cmd, o->read);
  add_common(*cmd, o->common);
  cmd->footer("Examples:\n  bantam bench net.btm\n  bantam bench net.onnx --threads 2 --seconds 5 --layers\n  BANTAM_KERNELS=avx2 bantam bench net.btm --json\n  bantam bench --calibrate-device -o device.toml");
  cmd->callback([&action, o] { action = [o] { return run(*o); }; });
}

}  // namespace bantam
