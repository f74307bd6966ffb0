// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/trials.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "apps/bantam/timing.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"
#include "pass/runner.h"
#include "report/comparison.h"
#include "report/judge.h"
#include "report/layers.h"
#include "report/metrics.h"

namespace bantam {
namespace {

const std::string& name_of(const Step& s) {
  static const std::string block;
  return s.pass ? s.pass->name : block;
}

// Where recipes begin to differ.
bool is_choice(const Step& s) {
  static const std::set<std::string> names = {"choose-steps", "choose-precision", "quantize"};
  return names.contains(name_of(s));
}

// The median over a second. The model has run already.
Result<double> latency(Session& model) {
  TRY(const RunTimes times, time_runs(model, random_inputs(model), 1.0, 5));
  return at_fraction(times.wall, 0.5);
}

}  // namespace

Result<std::vector<Step>> steps_of(const Trial& trial) {
  const bool in_float = trial.arithmetic == Trial::Arithmetic::real;
  const char* recipe = in_float ? trial.plain8 ? "weights8" : "smallest" : trial.plain8 ? "int8" : "small";
  TRY(auto steps, parse_recipe(all_recipes().at(recipe), true));
  for (Step& s : steps) {
    if (name_of(s) == "choose-steps") set_argument(s.arguments, "quality", formatted("{}", trial.quality));
    if (name_of(s) != "quantize") continue;
    if (!trial.keep.empty()) set_argument(s.arguments, "keep", join(trial.keep, ","));
  }
  return steps;
}

Result<std::unique_ptr<Trials>> Trials::open(Graph source, std::string source_hash, Dataset& data, Dataset& eval, const Options& options) {
  TRY(Session reference, Session::of_graph(source, {.threads = options.threads}));
  return std::unique_ptr<Trials>(new Trials(std::move(source), std::move(source_hash), data, eval, options, std::move(reference)));
}

Result<Graph> Trials::converted(const std::vector<Step>& steps) {
  const auto choice = std::find_if(steps.begin(), steps.end(), is_choice);
  const std::vector<Step> head(steps.begin(), choice), tail(choice, steps.end());
  TRY(const std::string key, expand_recipe(head));
  auto start = starts_.find(key);
  if (start == starts_.end()) {
    Start s{source_.clone(), {}};
    s.ctx.threads = o_.threads;
    s.ctx.data = &data_;
    TRY(run_recipe(s.graph, head, s.ctx));
    start = starts_.emplace(key, std::move(s)).first;
  }
  Graph graph = start->second.graph.clone();
  PassContext ctx = start->second.ctx;
  TRY(run_recipe(graph, tail, ctx));
  start->second.ctx.steps = ctx.steps;
  return graph;
}

Result<Outcome> Trials::run(const Trial& trial, const std::string& path, OutputFiles& files, std::string& file_hash) {
  TRY(const auto steps, steps_of(trial));
  TRY(const Graph graph, converted(steps));
  if (const std::string lack = o_.device.lacks(graph); !lack.empty()) return Error{Code::unsupported, lack};
  OutputOptions options;
  TRY(const std::string recipe, expand_recipe(steps));
  options.write.meta = meta_of(source_hash_, &data_, recipe);
  options.threads = o_.threads;
  options.data = &data_;
  TRY(const Output output, write_output(path, graph, options, files));
  file_hash = hex(hash_of(output.file.data(), output.file.size()), 16);
  return measured(output, graph);
}

Result<Outcome> Trials::measured(const Output& output, const Graph& graph) {
  Report report;
  report.layers = layer_rows(graph, output.size_map);
  TRY(Session model, Session::of_file(output.file, {.threads = o_.threads}));
  ComparisonOptions options;
  options.layer_samples = 2;
  options.cost = false;
  TRY(compare_sessions(reference_, model, eval_, options, report));
  doubt_ = doubt_of_labels(report);
  Outcome o;
  o.bytes = output.row.bytes;
  o.arena = output.arena_bytes ? output.arena_bytes : model.arena_bytes();
  if (o_.timed) {
    TRY(o.ms, latency(model));
  } else if (!o_.device.latency.empty()) {
    TRY(const Graph fixed, with_lengths_of(eval_, graph));
    TRY(o.ms, within(o_.device.name, o_.device.latency.milliseconds(fixed)));
  }
  o.sqnr = INFINITY;
  for (const OutputQuality& q : report.outputs) {
    o.sqnr = std::min(o.sqnr, q.sqnr_db);
    if (q.agreement) o.drop = std::max(o.drop, 1 - *q.agreement);
    measures_drop_ = measures_drop_ || q.agreement;
  }
  if (report.metric && report.metric->name != "psnr") {
    o.drop = report.metric->reference - report.metric->compressed;
    o.most_drop = drop_interval(report.metric->lost, report.metric->won, report.metric->n).high;
    measures_drop_ = true;
  }
  const LayerRow* worst = worst_layer(report);
  if (worst && worst->bytes > 0 && worst->name.find_first_of("*?, ") == std::string::npos) o.worst = worst->name;
  return o;
}

}  // namespace bantam
