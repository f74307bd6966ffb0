// SPDX-License-Identifier: Apache-2.0
// bantam bench: time one model honestly.
#include <sys/resource.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/models.h"
#include "apps/bantam/options.h"
#include "base/format.h"
#include "base/random.h"
#include "base/text.h"
#include "eval/test_vectors.h"
#include "ir/call.h"
#include "report/table.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

struct Options {
  CommonOptions common;
  ReadFlags read;
  std::string model;
  int threads = 1;
  double seconds = 2;
  bool layers = false;
};

double wall() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
double cpu() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

double at_fraction(std::vector<double> v, double fraction) {
  std::sort(v.begin(), v.end());
  return v[static_cast<size_t>(fraction * static_cast<double>(v.size() - 1) + 0.5)];
}

// Uniform inputs: floats in -1..1, whole numbers 0 or 1.
std::vector<Tensor> random_inputs(const Session& session) {
  std::vector<Tensor> inputs;
  Random random(1);
  for (const Port& p : session.inputs()) {
    const Shape shape = concrete_shape(p.shape, 128);
    std::vector<uint8_t> bytes(static_cast<size_t>(element_count(shape)) * bt_dtype_size(p.dtype));
    bt_tensor view{};
    view.dtype = p.dtype;
    view.data = bytes.data();
    for (int64_t i = 0; i < element_count(shape); ++i)
      bt_put(&view, i, bt_is_float(p.dtype) ? static_cast<double>(random.uniform(-1, 1)) : static_cast<double>(random.below(2)));
    inputs.emplace_back(p.dtype, shape, Bytes(std::move(bytes)));
  }
  return inputs;
}

struct Layer {
  std::string name, op;
  double ms = 0;     // of one run
  int64_t macs = 0;  // 0: not counted
};

Result<std::vector<Layer>> time_layers(Session& session, const std::vector<Tensor>& inputs, const Graph& graph) {
  constexpr int kRuns = 20;
  session.time_nodes(true);
  for (int i = 0; i < kRuns; ++i) TRY(session.run(inputs));
  const auto times = session.node_times();
  const auto nodes = graph.nodes();
  std::vector<Layer> layers;
  for (size_t i = 0; i < times.size(); ++i)
    layers.push_back({times[i].name, times[i].op, times[i].milliseconds / kRuns, times.size() == nodes.size() ? multiply_adds(*nodes[i]) : 0});
  return layers;
}

std::string layer_table(const std::vector<Layer>& layers) {
  TextTable t({"layer", "operator", ">ms", ">share", ">multiply-adds", ">GOP/s"});
  double total = 0;
  for (const Layer& l : layers) total += l.ms;
  for (const Layer& l : layers)
    t.row({printable(l.name), l.op, formatted("{:.4f}", l.ms), formatted("{:.1f} %", 100 * l.ms / total), l.macs ? human_count(static_cast<double>(l.macs)) : "",
           l.macs && l.ms > 0 ? formatted("{:.1f}", 2 * static_cast<double>(l.macs) / l.ms * 1e-6) : ""});
  return t.text("");
}

Result<int> run(const Options& o) {
  o.common.apply();
  TRY(check_kernels_environment());
  TRY(const ReadOptions read, o.read.options());
  const double start = wall();
  TRY(RunnableModel model, open_runnable(o.model, read, {.threads = o.threads}));
  const double load_ms = wall() - start;
  Session& session = model.session;
  const auto inputs = random_inputs(session);
  const double before_first = wall();
  TRY(session.run(inputs));
  const double first_ms = wall() - before_first;
  std::vector<double> ms, cpu_ms;
  for (const double end = wall() + o.seconds * 1000; wall() < end || ms.size() < 5;) {
    const double w = wall(), c = cpu();
    TRY(session.run(inputs));
    ms.push_back(wall() - w);
    cpu_ms.push_back(cpu() - c);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double median = at_fraction(ms, 0.5), p90 = at_fraction(ms, 0.9), least = at_fraction(ms, 0), least_cpu = at_fraction(cpu_ms, 0);
  nlohmann::ordered_json j = {{"model", printable(base_name(o.model))}, {"kernels", session.kernels()}, {"threads", o.threads}, {"runs", ms.size()},
                              {"median_ms", median}, {"min_ms", least}, {"p90_ms", p90}, {"cpu_min_ms", least_cpu}, {"load_ms", load_ms},
                              {"first_ms", first_ms}, {"arena_bytes", session.arena_bytes()}, {"peak_kb", usage.ru_maxrss}};
  std::vector<Layer> layers;
  if (o.layers) {
    TRY(layers, time_layers(session, inputs, model.graph));
    j["layers"] = nlohmann::ordered_json::array();
    for (const Layer& l : layers) j["layers"].push_back({{"name", printable(l.name)}, {"op", l.op}, {"ms", l.ms}, {"macs", l.macs}});
  }
  if (o.common.json) {
    Console::get().print(j.dump(1) + "\n");
    return 0;
  }
  Console::get().print(formatted("{} ({} kernels, {} thread{}, {} runs)\n", printable(base_name(o.model)), session.kernels(), o.threads, o.threads == 1 ? "" : "s", ms.size()) +
                       formatted("  latency   median {:.3f} ms, least {:.3f} ms, 90 % below {:.3f} ms; CPU at least {:.3f} ms\n", median, least, p90, least_cpu) +
                       formatted("  load      {:.1f} ms, first run {:.1f} ms\n", load_ms, first_ms) +
                       formatted("  memory    activations {}, process peak {}\n", human_bytes(session.arena_bytes()), human_bytes(static_cast<uint64_t>(usage.ru_maxrss) * 1024)));
  if (p90 > 1.3 * median) Console::get().warn("times vary a lot: other programs are running, or the clock changes; compare the least times only");
  if (o.layers) Console::get().print(layer_table(layers));
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("bench", "Measure latency, memory and load time of a model");
  cmd->add_option("model", o->model, "the model: .onnx, .tflite or .btm")->required();
  cmd->add_option("--threads", o->threads, "threads")->check(CLI::Range(1, 1024))->capture_default_str();
  cmd->add_option("--seconds", o->seconds, "how long to measure")->check(CLI::Range(0.0, 3600.0))->capture_default_str();
  cmd->add_flag("--layers", o->layers, "a table of all layers");
  add_read_flags(*cmd, o->read);
  add_common(*cmd, o->common);
  cmd->footer("Examples:\n  bantam bench net.btm\n  bantam bench net.onnx --threads 2 --seconds 5 --layers\n  BANTAM_KERNELS=avx2 bantam bench net.btm --json");
  cmd->callback([&action, o] { action = [o] { return run(*o); }; });
}

}  // namespace bantam
