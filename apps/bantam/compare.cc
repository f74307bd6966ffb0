// SPDX-License-Identifier: Apache-2.0
// bantam compare: two models on the same data; gates for CI.
#include <CLI/CLI.hpp>

#include "apps/bantam/baseline.h"
#include "apps/bantam/checks.h"
#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/data_flags.h"
#include "apps/bantam/gates.h"
#include "apps/bantam/models.h"
#include "apps/bantam/options.h"
#include "apps/bantam/report_flags.h"
#include "base/format.h"
#include "base/text.h"
#include "report/comparison.h"
#include "report/judge.h"
#include "report/layers.h"

namespace bantam {
namespace {

struct Options {
  CommonOptions common;
  ReadFlags read;
  ReportFlags report;
  DataFlags data;
  std::string reference, model, gate, baseline;
  bool update_baseline = false;
  double max_drop = 1;  // points
  int threads = 1;
};

Result<int> run(const Options& o) {
  o.common.apply();
  TRY(check_kernels_environment());
  TRY(const auto gates, parse_gates(o.gate));
  TRY(o.report.check());
  if (o.update_baseline && o.baseline.empty()) return Error{Code::usage, "--update-baseline needs --baseline FILE"};
  TRY(const ReadOptions read, o.read.options());
  TRY(RunnableModel reference, open_runnable(o.reference, read, {.threads = o.threads}));
  TRY(RunnableModel model, open_runnable(o.model, {.limits = read.limits}, {.threads = o.threads}, &reference.graph));
  TRY(const auto data, o.data.open(reference.session.inputs()));
  Console& console = Console::get();
  for (const std::string& note : model.notes) console.note("note: " + note);
  for (const std::string& note : data->notes()) console.note("note: " + note);
  Report report;
  report.tool = "bantam " BANTAM_VERSION;
  report.command = "compare";
  report.source = base_name(o.reference);
  report.model = base_name(o.model);
  report.source_bytes = reference.file_bytes;
  report.file_bytes = model.file_bytes;
  report.parameters = parameter_count(reference.graph);
  report.threads = o.threads;
  TRY(report.size_map, size_map_of(o.model, model.file_bytes));
  report.layers = layer_rows(model.graph, report.size_map);
  count_multiply_adds(model.graph, *data, report.layers);
  ComparisonOptions options;
  options.drop_budget = o.max_drop / 100;
  if (o.report.wanted()) options.strips = 3;
  options.progress = [&](double fraction) { console.progress("compare", fraction); };
  TRY(compare_sessions(reference.session, model.session, *data, options, report));
  judge(report);
  TRY(report.gates, check_gates(gates, report));
  OutputFiles files;
  if (!o.baseline.empty()) {
    TRY(const Baseline baseline, read_baseline(o.baseline, o.update_baseline));
    for (GateRow& row : check_baseline(baseline, report)) report.gates.push_back(std::move(row));
    if (o.update_baseline) TRY(files.write(o.baseline, baseline_text(ratcheted(baseline, report))));
  }
  std::vector<std::string> missed;
  for (const GateRow& g : report.gates)
    if (!g.met) missed.push_back(g.detail);
  TRY(o.report.write(report, files));
  TRY(files.commit());
  if (o.common.json) console.print(to_json(report));
  else console.print(to_text(report, console.colour_out(), o.common.verbose ? 30 : 8));
  if (missed.empty()) return 0;
  return Error{Code::gate, join(missed, "; ")};
}

}  // namespace

void add_compare(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("compare", "Compare two models on the same data; exit 1 when a gate is missed");
  cmd->add_option("reference", o->reference, "the model to compare with, usually the float one")->required();
  cmd->add_option("model", o->model, "the model under judgement")->required();
  add_data_flags(*cmd, o->data, "samples, with labels or targets where there are any")->required();
  cmd->add_option("--gate", o->gate, "limits, for instance \"psnr>=30, top1-drop<=0.5%, size<=400KB\"");
  cmd->add_option("--baseline", o->baseline, "what must not become worse: a file made by --update-baseline")->type_name("FILE");
  cmd->add_flag("--update-baseline", o->update_baseline, "take over into the baseline what became better");
  cmd->add_option("--max-drop", o->max_drop, "points of top-1 that may be lost; the report says PASS, FAIL or UNDECIDED")->check(number(0.0, 100.0))->capture_default_str();
  cmd->add_option("--threads", o->threads, "threads; results do not depend on it")->check(whole_number(1, 1024))->capture_default_str();
  add_report_flags(*cmd, o->report);
  add_read_flags(*cmd, o->read);
  add_common(*cmd, o->common);
  cmd->footer("Examples:\n  bantam compare net.onnx net.btm --data val.npz\n  bantam compare net.onnx net.btm --data val.toml --gate \"top1-drop<=1%, size<=400KB\" --report pr.md\n  bantam compare net.onnx net.btm --data val.npz --baseline lock.json --update-baseline");
  cmd->callback([&action, o] { action = [o] { return run(*o); }; });
}

}  // namespace bantam
