// SPDX-License-Identifier: Apache-2.0
// bantam convert: read, run a recipe, write, verify what was written, report.
#include <CLI/CLI.hpp>
#include <chrono>

#include "apps/bantam/borders.h"
#include "apps/bantam/checks.h"
#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/data_flags.h"
#include "apps/bantam/models.h"
#include "apps/bantam/options.h"
#include "apps/bantam/outputs.h"
#include "apps/bantam/recipe_flags.h"
#include "apps/bantam/report_flags.h"
#include "apps/bantam/target_check.h"
#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"
#include "ir/text.h"
#include "quant/output_error.h"
#include "report/comparison.h"
#include "report/distributions.h"
#include "report/error_budget.h"
#include "report/judge.h"
#include "report/layers.h"

namespace bantam {
namespace {

struct Options {
  CommonOptions common;
  ReadFlags read;
  RecipeFlags recipe;
  ReportFlags report;
  DataFlags data;
  std::string input, labels, codec = "best", io_layout = "keep", io_type = "keep", onnx_integers = "u8u8", target;
  std::vector<std::string> outputs;
  int threads = 1, test_vectors = 2, opset = 0, ios = 0;
  uint64_t seed = 0;
  bool print_recipe = false, strip_names = false, float16 = false, dynamic_range = false;
};

constexpr int64_t kSummarySamples = 16;  // without --report, a look at so many samples is enough
constexpr size_t kBlamed = 48;           // and of more layers, only the noisiest are told apart
constexpr size_t kDistributions = 6;     // that the report shows

class Conversion {
 public:
  explicit Conversion(const Options& o) : o_(o), console_(Console::get()) {}

  Result<int> run() {
    o_.common.apply();
    TRY(check_kernels_environment());
    TRY(auto steps, o_.recipe.steps());
    if (o_.io_layout != "keep" || o_.io_type != "keep") {
      Step borders;
      borders.pass = find_pass("set-borders");
      borders.arguments = {{"layout", o_.io_layout}, {"type", o_.io_type}};
      steps.push_back(std::move(borders));
    }
    // A layer in float behind an input would leave that in float as well.
    if (o_.io_type == "int8") set_unless_said(steps, "choose-precision", "cheap", "0");
    if (!o_.target.empty()) TRY(aim(steps));
    if (!gain_by_16_bits(o_.outputs)) keep_to_8_bits(steps);
    TRY(recipe_, expand_recipe(steps));
    if (o_.print_recipe) {
      console_.print(recipe_);
      return 0;
    }
    TRY(check_outputs(o_.input, o_.outputs));
    TRY(o_.report.check());
    TRY(describe_borders(o_.labels, o_.data, o_.outputs, output_options_.write));
    TRY(read());
    TRY(open_data());
    TRY(run_passes(steps));
    TRY(write_outputs());
    TRY(report());
    TRY(o_.report.write(report_, files_));
    TRY(files_.commit());
    if (o_.common.json) console_.print(to_json(report_));
    else if (!o_.common.quiet) console_.print(to_text(report_, console_.colour_out(), o_.common.verbose ? 30 : 0));
    return 0;
  }

 private:
  // What the recipe itself says stays.
  static void set_unless_said(std::vector<Step>& steps, const std::string& pass, const std::string& name, const std::string& value) {
    for (Step& s : steps)
      if (s.pass && s.pass->name == pass && !is_set(s.arguments, name)) set_argument(s.arguments, name, value);
  }

  // What 8 bits would ruin stays in float then.
  static void keep_to_8_bits(std::vector<Step>& steps) { set_unless_said(steps, "choose-precision", "wide", "0"); }

  // A profile of a format has integers only, up to the outputs.
  Result<void> aim(std::vector<Step>& steps) {
    TRY(const Target target, target_named(o_.target));
    const auto written = [&](const std::string& path) { return path.ends_with(target.format->suffix); };
    if (std::none_of(o_.outputs.begin(), o_.outputs.end(), written))
      return Error{Code::usage, formatted("--target {} needs an output that ends in {}", o_.target, target.format->suffix)};
    profile_ = target.profile();
    if (profile_.empty()) return {};
    set_unless_said(steps, "quantize", "tail", "int8");
    set_unless_said(steps, "choose-precision", "wide", "0");
    set_unless_said(steps, "choose-precision", "float", "0");
    return {};
  }

  Result<void> read() {
    TRY(const ReadOptions options, o_.read.options());
    TRY(model_, read_model(o_.input, options));
    for (const std::string& note : model_.notes) console_.note("note: " + note);
    report_.tool = "bantam " BANTAM_VERSION;
    report_.command = "convert";
    report_.source = base_name(o_.input);
    report_.source_bytes = model_.file_bytes;
    TRY(const Bytes source, read_file(o_.input));
    report_.source_hash = hex(hash_of(source.data(), source.size()), 16);
    report_.parameters = parameter_count(model_.graph);
    report_.recipe = recipe_;
    report_.threads = o_.threads;
    return {};
  }

  Result<void> open_data() {
    if (!o_.data.wanted()) return {};
    for (const Value* v : model_.graph.inputs()) source_inputs_.push_back({v->name, v->dtype, v->shape});
    TRY(data_, o_.data.open(source_inputs_));
    for (const std::string& note : data_->notes()) console_.note("note: " + note);
    if (data_->count() == 0) return Error{Code::bad_input, formatted("{} holds no samples", quote(o_.data.data))};
    return {};
  }

  // ---- passes ----

  Result<void> run_passes(const std::vector<Step>& steps) {
    PassContext ctx;
    ctx.threads = o_.threads;
    ctx.seed = o_.seed;
    ctx.data = data_.get();
    ctx.progress = [&](const std::string& what, double fraction) { console_.progress(what, fraction); };
    RunOptions run;
    run.verify_each = o_.recipe.verify_each;
    run.skip = o_.recipe.skip;
    run.stop_after = o_.recipe.stop_after;
    std::optional<Error> dump_failed;
    if (!o_.recipe.dump_after.empty()) TRY(make_directory(o_.recipe.dump_folder));
    // What the compressed model is compared with: the graph as it is before the first step that is not
    // exact and changes something.
    bool settled = false;
    run.before = [&](const NamedPass& pass, const Graph& graph) {
      if (!settled && pass.pass->effect != Effect::exact) reference_ = graph.clone();
      if (pass.name == "set-borders") inside_ = graph.clone();
      if (pass.name == "lower-to-integer") annotated_ = graph.clone();
    };
    run.after = [&](int step, const std::string& pass, bool changed, double seconds, const Graph& graph) {
      settled = settled || (reference_ && changed);
      if (!settled) reference_.reset();
      if (o_.recipe.time_passes) console_.note(formatted("{:3} {:28} {:8.2f} ms{}", step, pass, seconds * 1000, changed ? "" : "  (no change)"));
      console_.debug(formatted("{} {}: {} nodes", step, pass, graph.node_count()));
      if (o_.recipe.dump_after == pass || o_.recipe.dump_after == "all") {
        OutputFiles dump;
        const std::string path = formatted("{}/{:02}-{}.btt", o_.recipe.dump_folder, step, pass);
        const std::string text = print(graph);
        if (auto r = dump.write(path, text); !r.ok()) dump_failed = r.error();
        else if (auto c = dump.commit(); !c.ok()) dump_failed = c.error();
      }
    };
    TRY(run_recipe(model_.graph, steps, ctx, run));
    if (dump_failed) return *dump_failed;
    if (!reference_) reference_ = model_.graph.clone();
    calibration_ = ctx.calibration;
    if (calibration_) report_.range_check = calibration_->range_check;
    originals_ = std::move(ctx.originals);
    if (!annotated_ && !originals_.empty()) annotated_ = (inside_ ? *inside_ : model_.graph).clone();  // weights alone
    for (const Warning& w : ctx.warnings) report_.warnings.push_back({w.layer, w.text, w.flag});
    for (const Note& n : ctx.notes) {
      report_.notes.push_back(formatted("{}: {}{}", n.pass, n.node.empty() ? "" : quote(n.node) + ": ", n.text));
      if (o_.recipe.explain) console_.note(report_.notes.back());
    }
    return {};
  }

  // ---- writing ----

  Result<void> write_outputs() {
    OutputOptions& options = output_options_;
    options.write.meta = meta_of(report_.source_hash, data_.get(), recipe_);
    options.write.codec = o_.codec;
    options.write.names = !o_.strip_names;
    options.write.opset = o_.opset;
    options.write.integers = o_.onnx_integers;
    options.write.profile = profile_;
    options.write.float16 = o_.float16;
    options.write.dynamic_range = o_.dynamic_range;
    options.write.ios = o_.ios;
    options.threads = o_.threads;
    options.test_vectors = o_.test_vectors;
    if (!inside_) options.data = data_.get();
    options.quantized_borders = inside_.has_value();
    for (const std::string& path : o_.outputs) {
      TRY(Output out, write_output(path, model_.graph, options, files_));
      for (const std::string& note : out.row.notes)
        if (o_.recipe.explain) console_.note(formatted("{}: {}", printable(out.row.name), note));
      if (report_.files.empty()) {
        report_.model = out.row.name;
        report_.file_bytes = out.row.bytes;
        report_.size_map = std::move(out.size_map);
        report_.layers = layer_rows(model_.graph, report_.size_map);
      }
      if (out.row.format == "native") file_ = out.file;
      report_.files.push_back(std::move(out.row));
    }
    return {};
  }

  // ---- report ----

  Result<void> report() {
    if (!data_) return {};
    const bool whole = wants_whole_report();
    Dataset* data = data_.get();
    std::unique_ptr<Dataset> part;
    if (!whole && data_->count() > kSummarySamples) {
      part = data_->first(kSummarySamples);
      data = part.get();
    }
    TRY(Session reference, Session::of_graph(*reference_, {.threads = o_.threads}));
    // With other borders than the source's, what runs inside them is compared.
    TRY(Session model, file_.size() && !inside_ ? Session::of_file(file_, {.threads = o_.threads})
                                                : Session::of_graph(inside_ ? *inside_ : model_.graph, {.threads = o_.threads}));
    ComparisonOptions options;
    options.cost = whole;
    // nobody looks at the layers then, and whom to blame the error budget says better
    if (!whole && !o_.common.verbose && annotated_) options.layer_samples = 0;
    count_multiply_adds(inside_ ? *inside_ : model_.graph, *data, report_.layers);
    if (o_.report.wanted()) options.strips = 3;
    options.progress = [&](double fraction) { console_.progress("compare", fraction); };
    TRY(compare_sessions(reference, model, *data, options, report_));
    // the layer to blame is not known without it
    if (annotated_ && (whole || !shortfalls(report_).empty())) TRY(add_error_budget());
    judge(report_);
    return {};
  }

  bool wants_whole_report() const { return o_.report.wanted() || o_.common.json; }

  Result<void> add_error_budget() {
    BudgetOptions options;
    if (!wants_whole_report()) {
      options.layers = kBlamed;
      options.samples = kSummarySamples / 2;
    }
    options.threads = o_.threads;
    options.calibration = calibration_.get();
    options.originals = &originals_;
    options.progress = [&](double fraction) { console_.progress("error budget", fraction); };
    TRY(const ErrorBudget budget, error_budget(*annotated_, *data_, options));
    report_.budget = BudgetTotals{decibels(budget.sum), decibels(budget.measured), budget.samples};
    if (calibration_) report_.distributions = worst_distributions(*annotated_, *calibration_, budget, kDistributions);
    for (const BudgetRow& part : budget.rows)
      for (LayerRow& row : report_.layers)
        if (row.name == part.layer) row.own_db = decibels(part.noise), row.share = part.share, row.gain_db = part.gain_db, row.cause = part.cause;
    return {};
  }

  const Options& o_;
  Console& console_;
  std::string recipe_, profile_;
  Model model_;
  std::vector<Port> source_inputs_;
  std::optional<Graph> reference_;
  std::optional<Graph> inside_;  // before its borders were changed; empty where they are the source's
  std::optional<Graph> annotated_;  // as the error budget needs it: before lower-to-integer
  std::shared_ptr<Calibration> calibration_;
  Originals originals_;
  std::unique_ptr<Dataset> data_;
  OutputOptions output_options_;
  Bytes file_;  // the .btm, where there is one
  Report report_;
  OutputFiles files_;
};

}  // namespace

void add_convert(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("convert", "Compress a model and say what it cost");
  cmd->add_option("model", o->input, "the trained model (.onnx; also .tflite or .btm)")->required();
  cmd->add_option("-o,--output", o->outputs, "the compressed model; the suffix picks the format, and -o may be given several times")->take_all();
  add_data_flags(*cmd, o->data, "calibration samples");
  add_recipe_flags(*cmd, o->recipe);
  add_report_flags(*cmd, o->report);
  cmd->add_option("--codec", o->codec, "none: mapped as it is; pack: fixed bits; best: entropy coded")->check(one_of({"none", "pack", "best"}))->capture_default_str();
  cmd->add_option("--io-layout", o->io_layout, "last: pictures go in and come out with channels last")->check(one_of({"keep", "last"}))->capture_default_str();
  cmd->add_option("--io", o->io_type, "int8: quantized inputs and outputs are int8, not float")->check(one_of({"keep", "int8"}))->capture_default_str();
  cmd->add_flag("--float16", o->float16, "for .mlpackage: compute in half precision; for .tflite: store constants in it; inputs and outputs stay float");
  cmd->add_flag("--dynamic-range", o->dynamic_range, "for .tflite: products by 8-bit weights round their inputs to 8 bits in each run (with --preset weights8)");
  cmd->add_option("--labels", o->labels, "for .tflite: a text file with one name of a class per line; apps read them from the model's metadata")->type_name("FILE");
  cmd->add_option("--ios", o->ios, "for .mlpackage: the oldest system that is to run it (without it: the oldest that can)")->check(whole_number(15, 18));
  cmd->add_flag("--strip-names", o->strip_names, "leave out the names of inner layers");
  cmd->add_option("--opset", o->opset, "of .onnx outputs; without it the lowest that holds the model")->check(whole_number(13, 25));
  cmd->add_option("--onnx-integers", o->onnx_integers, "activations and weights of .onnx outputs (docs/targets.md)")->check(one_of({"u8u8", "u8s8", "s8s8"}))->capture_default_str();
  cmd->add_option("--target", o->target, "whom the outputs are for: qnn writes .onnx for Qualcomm's processors")->check(one_of(target_names()));
  cmd->add_option("--test-vectors", o->test_vectors, "how many the file carries")->check(whole_number(0, 16))->capture_default_str();
  cmd->add_option("--threads", o->threads, "threads; results do not depend on it")->check(whole_number(1, 1024))->capture_default_str();
  cmd->add_option("--seed", o->seed, "seed of passes that draw random numbers")->capture_default_str();
  cmd->add_flag("--print-recipe", o->print_recipe, "print the recipe with all defaults, and stop");
  add_read_flags(*cmd, o->read);
  add_common(*cmd, o->common);
  cmd->footer(
      "Examples:\n"
      "  bantam convert net.onnx -o net.btm --data calibration.npz\n"
      "  bantam convert net.onnx -o net.btm --preset small --data photos/ --report report.html\n"
      "  bantam convert net.onnx -o net.btm -p 'fold-constants; quantize(bits=4) on op:MatMul'");
  cmd->callback([&action, o] { action = [o] { return Conversion(*o).run(); }; });
}

}  // namespace bantam
