// SPDX-License-Identifier: Apache-2.0
// bantam tune: tries recipes until a file keeps a budget as well as can be. The best file so far is always on
// disk, and a journal beside it lets a second start go on where the first one ended.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>

#include "apps/bantam/budget.h"
#include "apps/bantam/checks.h"
#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/data_flags.h"
#include "apps/bantam/journal.h"
#include "apps/bantam/models.h"
#include "apps/bantam/options.h"
#include "apps/bantam/outputs.h"
#include "apps/bantam/trials.h"
#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"
#include "report/curve.h"
#include "report/table.h"

namespace bantam {
namespace {

using Json = Journal::Json;

struct Options {
  CommonOptions common;
  ReadFlags read;
  DataFlags data;
  BudgetFlags budget;
  std::string model, output, eval, device, time_budget;
  std::vector<std::string> curves;
  int threads = 1;
};

class Tuning {
 public:
  explicit Tuning(const Options& o) : o_(o), console_(Console::get()) {}

  Result<int> run() {
    o_.common.apply();
    TRY(check_kernels_environment());
    if (!o_.device.empty()) {
      TRY(device_, read_device(o_.device));
    }
    TRY(budget_, parse_budget(o_.budget, device_));
    if (!o_.time_budget.empty()) {
      TRY(seconds_, parse_seconds(o_.time_budget));
    }
    if (!o_.output.ends_with(".btm")) return Error{Code::usage, formatted("-o {}: a name ending in .btm is needed", quote(o_.output))};
    TRY(check_outputs(o_.model, {o_.output}));
    if (!o_.data.wanted()) return Error{Code::usage, "tune needs samples to measure with: --data DATA"};
    for (const std::string& c : o_.curves)
      if (!c.ends_with(".json") && !c.ends_with(".svg")) return Error{Code::usage, formatted("--curve {}: a name ending in .json or .svg is needed", quote(c))};
    TRY(open());
    Search search(budget_);
    TRY(walk(search));
    if (search.seen().empty()) return last_error_ ? *last_error_ : Error{Code::usage, "the time was up before the first conversion ended; give more of it"};
    print(search);
    TRY(write_curves(search));
    if (!trials_->doubt().empty()) console_.warn(trials_->doubt());
    const Outcome& found = search.best()->outcome;
    if (budget_.max_drop && found.most_drop > *budget_.max_drop)
      console_.note(formatted("{} samples cannot tell {:.2f} % lost from {:.2f} %: measure with more of them, or add --min-sqnr", eval_->count(), found.drop * 100, found.most_drop * 100));
    if (found.ms && !device_.latency.empty()) console_.note(formatted("latencies are estimated by the costs in {}", quote(o_.device)));
    else if (found.ms) console_.note(formatted("latencies hold for this machine as it was, with {} thread{}", o_.threads, o_.threads == 1 ? "" : "s"));
    if (search.is_met(search.best()->outcome)) return 0;
    console_.error("the budget cannot be met by what was tried: " + search.unmet());
    return exit_code(Code::gate);
  }

 private:
  Result<void> open() {
    TRY(const ReadOptions options, o_.read.options());
    TRY(Model model, read_model(o_.model, options));
    TRY(const Bytes source, read_file(o_.model));
    const std::string source_hash = hex(hash_of(source.data(), source.size()), 16);
    std::vector<Port> inputs;
    for (const Value* v : model.graph.inputs()) inputs.push_back({v->name, v->dtype, v->shape});
    TRY(data_, o_.data.open(inputs));
    DataFlags eval = o_.data;
    if (!o_.eval.empty()) eval.data = o_.eval;
    TRY(eval_, eval.open(inputs));
    if (data_->count() == 0 || eval_->count() == 0) return Error{Code::bad_input, "there are no samples"};
    if (budget_.max_ms && !o_.device.empty() && device_.latency.empty())
      return Error{Code::usage, formatted("--max-latency: {} has no [latency] of the device; bantam bench --calibrate-device measures it", quote(o_.device))};
    const bool timed = budget_.max_ms && device_.latency.empty();
    Json head = {{"journal", "bantam tune"}, {"source", source_hash}, {"shapes", o_.read.shapes}, {"data", data_->hash().substr(0, 32)}, {"eval", eval_->hash().substr(0, 32)}};
    if (timed) head["timed_threads"] = o_.threads;
    if (!o_.device.empty()) head.update({{"operators", device_.operators}, {"products", device_.products}, {"latency", latency_text(device_.latency)}});
    journal_.emplace(o_.output + ".journal", std::move(head));
    journal_->load();
    TRY(trials_, Trials::open(std::move(model.graph), source_hash, *data_, *eval_, {.threads = o_.threads, .timed = timed, .device = device_}));
    return {};
  }

  double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count(); }

  Result<void> walk(Search& search) {
    bool is_restored = false;
    while (const auto trial = search.next()) {
      if (const Journal::Line* known = journal_->find(*trial)) {
        search.report(known->outcome);
        continue;
      }
      if (!is_restored) TRY(restore(search));
      is_restored = true;
      if (seconds_ && elapsed() + longest_ > *seconds_) {
        console_.note("the time is up");
        break;
      }
      TRY(try_one(*trial, search));
    }
    if (!is_restored) TRY(restore(search));
    return {};
  }

  // The best file of the journal may be gone, or was written over.
  Result<void> restore(const Search& search) {
    if (!search.best()) return {};
    console_.note(formatted("{} trials are in the journal", search.seen().size()));
    if (const auto file = read_file(o_.output); file.ok() && hex(hash_of(file->data(), file->size()), 16) == journal_->find(search.best()->trial)->file) return {};
    OutputFiles files;
    std::string hash;
    TRY(trials_->run(search.best()->trial, o_.output, files, hash));
    return files.commit();
  }

  // The file is in place before the journal says so: a kill in between costs one trial.
  Result<void> try_one(const Trial& trial, Search& search) {
    const double begin = elapsed();
    OutputFiles files;
    Journal::Line line;
    auto outcome = trials_->run(trial, o_.output, files, line.file);
    longest_ = std::max(longest_, elapsed() - begin);
    if (!outcome.ok()) {
      if (outcome.error().code == Code::io || outcome.error().code == Code::internal) return outcome.error();
      last_error_ = outcome.error();
      console_.note(formatted("{}: {}", trial.text(), outcome.error().message));
    } else if (budget_.max_drop && !trials_->measures_drop()) {
      return Error{Code::usage, "--max-drop: the outputs are no class scores, and there are no labels; --min-sqnr works for every model"};
    } else {
      line.outcome = *outcome;
    }
    const bool leads = search.report(line.outcome);
    if (leads) TRY(files.commit());
    journal_->add(trial, line);
    if (line.outcome) console_.note(formatted("{:4.0f} s  {}{}", elapsed(), text_of(trial, *line.outcome), leads ? "  <- best so far" : ""));
    return {};
  }

  std::string text_of(const Trial& trial, const Outcome& o) const {
    return formatted("{:32} {:>9} bytes  {}{:.1f} dB{}{}", printable(trial.text()), o.bytes, drop_text(o), o.sqnr,
                     budget_.max_arena ? formatted("  {} of memory", human_bytes(o.arena)) : "", o.ms ? formatted("  {:.3f} ms", *o.ms) : "");
  }

  bool has_ms() const { return budget_.max_ms || !device_.latency.empty(); }

  std::string drop_text(const Outcome& o) const { return trials_->measures_drop() || budget_.max_drop ? formatted("{:5.2f} % lost  ", o.drop * 100) : ""; }

  static Json json_of(const Search::Entry& e) {
    Json j = {{"recipe", e.trial.text()}, {"bytes", e.outcome.bytes}, {"drop", e.outcome.drop}, {"sqnr_db", e.outcome.sqnr}, {"arena_bytes", e.outcome.arena}};
    if (e.outcome.ms) j["ms"] = *e.outcome.ms;
    return j;
  }

  std::vector<CurvePoint> points(const Search& search) const {
    std::vector<CurvePoint> list;
    const auto front = search.pareto();
    for (const Search::Entry& e : search.seen()) {
      const auto is_same = [&](const Search::Entry& f) { return f.trial.text() == e.trial.text(); };
      list.push_back({text_of(e.trial, e.outcome), static_cast<double>(e.outcome.bytes), e.outcome.sqnr, std::any_of(front.begin(), front.end(), is_same), is_same(*search.best())});
    }
    return list;
  }

  // Everything that was seen, in the order in which it was tried.
  Json seen_json(const Search& search) const {
    const auto drawn = points(search);
    Json list = Json::array();
    for (size_t i = 0; i < drawn.size(); ++i) {
      Json j = json_of(search.seen()[i]);
      j.update({{"met", search.is_met(search.seen()[i].outcome)}, {"pareto", drawn[i].front}, {"best", drawn[i].best}});
      list.push_back(std::move(j));
    }
    return list;
  }

  Result<void> write_curves(const Search& search) const {
    OutputFiles files;
    CurveLimits limits;
    if (budget_.max_bytes) limits.bytes = static_cast<double>(*budget_.max_bytes);
    limits.sqnr_db = budget_.min_sqnr;
    for (const std::string& path : o_.curves) {
      const std::string text = path.ends_with(".svg") ? curve_svg(printable(base_name(o_.model)), points(search), limits)
                                                      : seen_json(search).dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
      TRY(files.write(path, text));
    }
    return files.commit();
  }

  void print(const Search& search) const {
    const auto front = search.pareto();
    if (o_.common.json) {
      Json list = Json::array();
      for (const Search::Entry& e : front) list.push_back(json_of(e));
      const Json j = {{"best", json_of(*search.best())}, {"met", search.is_met(search.best()->outcome)}, {"trials", search.seen().size()}, {"pareto", list}};
      console_.print(j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
      return;
    }
    TextTable t({"", ">bytes", ">lost %", ">SQNR dB", ">memory", has_ms() ? ">ms" : "", "recipe"});
    for (const Search::Entry& e : front)
      t.row({e.trial.text() == search.best()->trial.text() ? "*" : "", std::to_string(e.outcome.bytes), formatted("{:.2f}", e.outcome.drop * 100), formatted("{:.1f}", e.outcome.sqnr),
             human_bytes(e.outcome.arena), e.outcome.ms ? formatted("{:.3f}", *e.outcome.ms) : "", printable(e.trial.text())});
    console_.print(formatted("{}: {} bytes, {}\n{}", printable(o_.output), search.best()->outcome.bytes, printable(search.best()->trial.text()), t.text()));
  }

  const Options& o_;
  Console& console_;
  Device device_;
  Budget budget_;
  std::optional<double> seconds_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  double longest_ = 0;  // seconds of a trial
  std::unique_ptr<Dataset> data_, eval_;
  std::unique_ptr<Trials> trials_;
  std::optional<Journal> journal_;
  std::optional<Error> last_error_;
};

}  // namespace

void add_tune(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("tune", "Search the recipe that keeps a budget");
  cmd->add_option("model", o->model, "the trained model (.onnx; also .tflite or .btm)")->required();
  cmd->add_option("-o,--output", o->output, "the best file so far (.btm); FILE.journal beside it")->required();
  add_data_flags(*cmd, o->data, "samples to calibrate with, and to measure where there is no --eval");
  cmd->add_option("--eval", o->eval, "other samples to measure with")->type_name("DATA");
  cmd->add_option("--max-drop", o->budget.max_drop, "of top-1 where there are labels, else of agreement")->type_name("1%");
  cmd->add_option("--min-sqnr", o->budget.min_sqnr, "signal to noise at the outputs")->type_name("20dB");
  cmd->add_option("--max-size", o->budget.max_size, "of the file")->type_name("400KB");
  cmd->add_option("--max-arena", o->budget.max_arena, "memory for activations, as the file's plan says (scalar kernels, one thread)")->type_name("96KB");
  cmd->add_option("--max-latency", o->budget.max_latency, "of a run: by the costs of --device, else the median as `bench` measures it on this machine with --threads")->type_name("5ms");
  cmd->add_option("--device", o->device, "what a device has: flash, RAM, operators, types, and what work costs there (docs/tuning.md)")->type_name("FILE.toml");
  cmd->add_option("--curve", o->curves, "write everything that was tried: FILE.json, or FILE.svg as a plot")->take_all()->type_name("FILE");
  cmd->add_option("--time-budget", o->time_budget, "stop after so long; without it, when all has been tried")->type_name("10m");
  cmd->add_option("--threads", o->threads, "threads; results do not depend on it")->check(whole_number(1, 1024))->capture_default_str();
  add_read_flags(*cmd, o->read);
  add_common(*cmd, o->common);
  cmd->footer(
      "Ctrl-C keeps the best file so far; the same command goes on from the journal.\n"
      "Examples:\n"
      "  bantam tune net.onnx --data calibration.npz --eval test.npz --max-drop 1% -o net.btm\n"
      "  bantam tune net.onnx --data photos/ --max-size 400KB --time-budget 10m -o net.btm\n"
      "  bantam tune net.onnx --data photos/ --min-sqnr 20dB --max-arena 256KB --max-latency 5ms --curve net.svg -o net.btm\n"
      "  bantam tune net.onnx --data photos/ --min-sqnr 20dB --device board.toml --max-latency 20ms -o net.btm");
  cmd->callback([&action, o] { action = [o] { return Tuning(*o).run(); }; });
}

}  // namespace bantam
