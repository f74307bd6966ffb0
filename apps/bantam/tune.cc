// SPDX-License-Identifier: Apache-2.0
// bantam tune: tries recipes until a file keeps a budget as well as can be. The best file so far is always on
// disk, and a journal beside it lets a second start go on where the first one ended.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/data_flags.h"
#include "apps/bantam/gates.h"
#include "apps/bantam/options.h"
#include "apps/bantam/trials.h"
#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"
#include "report/table.h"

namespace bantam {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  CommonOptions common;
  ReadFlags read;
  DataFlags data;
  std::string model, output, eval, max_drop, min_sqnr, max_size, time_budget;
  int threads = 1;
};

Result<double> parse_seconds(const std::string& text) {
  double v = 0;
  const double unit = text.ends_with("h") ? 3600 : text.ends_with("m") ? 60 : text.ends_with("s") ? 1 : 0;
  if (unit == 0 || !parse_double(std::string_view(text).substr(0, text.size() - 1), &v) || !(v > 0))
    return Error{Code::usage, formatted("--time-budget {}: write 90s, 10m or 1h", quote(text))};
  return v * unit;
}

Result<Budget> parse_budget(const Options& o) {
  Budget budget;
  if (!o.max_drop.empty()) {
    TRY(budget.max_drop, parse_limit(o.max_drop, "--max-drop"));
  }
  if (!o.min_sqnr.empty()) {
    TRY(budget.min_sqnr, parse_limit(o.min_sqnr, "--min-sqnr"));
  }
  if (!o.max_size.empty()) {
    TRY(const double bytes, parse_limit(o.max_size, "--max-size"));
    if (!(bytes >= 1 && bytes < 1e15)) return Error{Code::usage, formatted("--max-size {}: a positive number of bytes is needed", quote(o.max_size))};
    budget.max_bytes = static_cast<uint64_t>(bytes);
  }
  if (!budget.limits_quality() && !budget.max_bytes)
    return Error{Code::usage, "tune needs a budget: --max-drop 1%, --min-sqnr 20dB, --max-size 400KB, or several of them"};
  return budget;
}

// Outcomes by trial, in lines of JSON behind one that says what they are of.
class Journal {
 public:
  struct Line {
    std::optional<Outcome> outcome;
    std::string file;  // hash of the .btm
  };

  Journal(std::string path, Json head) : path_(std::move(path)), head_(std::move(head)) {}

  // A journal of another model, other samples or another version is begun anew.
  void load() {
    std::ifstream in(path_);
    std::string text;
    if (!std::getline(in, text) || Json::parse(text, nullptr, false) != head_) {
      std::ofstream(path_, std::ios::trunc) << head_.dump() << "\n";
      return;
    }
    while (std::getline(in, text)) {
      const Json j = Json::parse(text, nullptr, false);
      if (!j.is_object() || !j.contains("trial")) continue;  // cut off by a kill
      Line line;
      line.file = j.value("file", "");
      if (j.contains("bytes"))
        line.outcome = Outcome{j.value("bytes", uint64_t{0}), j.value("drop", 0.0), j.value("sqnr_db", 0.0), j.value("worst", ""), j.value("most_drop", 0.0)};
      lines_[j.value("trial", "")] = std::move(line);
    }
    in.close();
    std::ofstream(path_, std::ios::app) << "\n";  // behind a line that was cut off
  }

  const Line* find(const Trial& trial) const {
    const auto it = lines_.find(trial.text());
    return it == lines_.end() ? nullptr : &it->second;
  }

  void add(const Trial& trial, const Line& line) {
    Json j = {{"trial", trial.text()}};
    if (line.outcome)
      j.update({{"bytes", line.outcome->bytes}, {"drop", line.outcome->drop}, {"sqnr_db", line.outcome->sqnr}, {"worst", line.outcome->worst}, {"most_drop", line.outcome->most_drop}, {"file", line.file}});
    std::ofstream(path_, std::ios::app) << j.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
    lines_[trial.text()] = line;
  }

 private:
  std::string path_;
  Json head_;
  std::map<std::string, Line> lines_;
};

class Tuning {
 public:
  explicit Tuning(const Options& o) : o_(o), console_(Console::get()) {}

  Result<int> run() {
    o_.common.apply();
    TRY(check_kernels_environment());
    TRY(budget_, parse_budget(o_));
    if (!o_.time_budget.empty()) {
      TRY(seconds_, parse_seconds(o_.time_budget));
    }
    if (!o_.output.ends_with(".btm")) return Error{Code::usage, formatted("-o {}: a name ending in .btm is needed", quote(o_.output))};
    if (!o_.data.wanted()) return Error{Code::usage, "tune needs samples to measure with: --data DATA"};
    TRY(open());
    Search search(budget_);
    TRY(walk(search));
    if (search.seen().empty()) return last_error_ ? *last_error_ : Error{Code::usage, "the time was up before the first conversion ended; give more of it"};
    print(search);
    if (!trials_->doubt().empty()) console_.warn(trials_->doubt());
    const Outcome& found = search.best()->outcome;
    if (budget_.max_drop && found.most_drop > *budget_.max_drop)
      console_.note(formatted("{} samples cannot tell {:.2f} % lost from {:.2f} %: measure with more of them, or add --min-sqnr", eval_->count(), found.drop * 100, found.most_drop * 100));
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
    journal_.emplace(o_.output + ".journal", Json{{"journal", "bantam tune"}, {"tool", "bantam " BANTAM_VERSION}, {"source", source_hash},
                                                  {"data", data_->hash().substr(0, 32)}, {"eval", eval_->hash().substr(0, 32)}});
    journal_->load();
    TRY(trials_, Trials::open(std::move(model.graph), source_hash, *data_, *eval_, o_.threads));
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
    if (line.outcome)
      console_.note(formatted("{:4.0f} s  {:32} {:>9} bytes  {}{:.1f} dB{}", elapsed(), printable(trial.text()), line.outcome->bytes, drop_text(*line.outcome), line.outcome->sqnr, leads ? "  <- best so far" : ""));
    return {};
  }

  std::string drop_text(const Outcome& o) const { return trials_->measures_drop() || budget_.max_drop ? formatted("{:5.2f} % lost  ", o.drop * 100) : ""; }

  static Json json_of(const Search::Entry& e) {
    return {{"recipe", e.trial.text()}, {"bytes", e.outcome.bytes}, {"drop", e.outcome.drop}, {"sqnr_db", e.outcome.sqnr}};
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
    TextTable t({"", ">bytes", ">lost %", ">SQNR dB", "recipe"});
    for (const Search::Entry& e : front)
      t.row({e.trial.text() == search.best()->trial.text() ? "*" : "", std::to_string(e.outcome.bytes), formatted("{:.2f}", e.outcome.drop * 100), formatted("{:.1f}", e.outcome.sqnr), printable(e.trial.text())});
    console_.print(formatted("{}: {} bytes, {}\n{}", printable(o_.output), search.best()->outcome.bytes, printable(search.best()->trial.text()), t.text()));
  }

  const Options& o_;
  Console& console_;
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
  cmd->add_option("--max-drop", o->max_drop, "of top-1 where there are labels, else of agreement")->type_name("1%");
  cmd->add_option("--min-sqnr", o->min_sqnr, "signal to noise at the outputs")->type_name("20dB");
  cmd->add_option("--max-size", o->max_size, "of the file")->type_name("400KB");
  cmd->add_option("--time-budget", o->time_budget, "stop after so long; without it, when all has been tried")->type_name("10m");
  cmd->add_option("--threads", o->threads, "threads; results do not depend on it")->check(CLI::Range(1, 1024))->capture_default_str();
  add_read_flags(*cmd, o->read);
  add_common(*cmd, o->common);
  cmd->footer(
      "Ctrl-C keeps the best file so far; the same command goes on from the journal.\n"
      "Examples:\n"
      "  bantam tune net.onnx --data calibration.npz --eval test.npz --max-drop 1% -o net.btm\n"
      "  bantam tune net.onnx --data photos/ --max-size 400KB --time-budget 10m -o net.btm");
  cmd->callback([&action, o] { action = [o] { return Tuning(*o).run(); }; });
}

}  // namespace bantam
