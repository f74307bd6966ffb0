// SPDX-License-Identifier: Apache-2.0
// bantam convert: read, run a recipe, write, verify what was written, report.
#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/data_flags.h"
#include "apps/bantam/models.h"
#include "apps/bantam/options.h"
#include "apps/bantam/recipe_flags.h"
#include "apps/bantam/report_flags.h"
#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"
#include "eval/test_vectors.h"
#include "formats/native/write.h"
#include "ir/evaluate.h"
#include "ir/text.h"
#include "report/comparison.h"
#include "report/layers.h"
#include "runtime/self_test.h"

namespace bantam {
namespace {

struct Options {
  CommonOptions common;
  ReadFlags read;
  RecipeFlags recipe;
  ReportFlags report;
  DataFlags data;
  std::string input, codec = "best", io_layout = "keep", io_type = "keep";
  std::vector<std::string> outputs;
  int threads = 1, test_vectors = 2;
  uint64_t seed = 0;
  bool print_recipe = false, strip_names = false;
};

// Activations of the test vectors may take this much; larger models get none, and are told so.
constexpr size_t kTestBytes = size_t{128} << 20;
constexpr int64_t kTestTurns = 10000;
constexpr int64_t kSummarySamples = 16;  // without --report, a look at so many samples is enough

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
    TRY(recipe_, expand_recipe(steps));
    if (o_.print_recipe) {
      console_.print(recipe_);
      return 0;
    }
    TRY(check_outputs());
    TRY(o_.report.check());
    TRY(read());
    TRY(open_data());
    TRY(run_passes(steps));
    TRY(write_native_file());
    TRY(report());
    TRY(o_.report.write(report_, files_));
    TRY(files_.commit());
    if (o_.common.json) console_.print(to_json(report_));
    else if (!o_.common.quiet) console_.print(to_text(report_, console_.colour_out(), o_.common.verbose ? 30 : 0));
    return 0;
  }

 private:
  Result<void> check_outputs() {
    if (o_.outputs.empty()) return Error{Code::usage, "convert needs an output: -o model.btm"};
    for (const std::string& out : o_.outputs)
      if (!out.ends_with(".btm")) return Error{Code::usage, formatted("-o {}: files ending in .btm can be written", quote(out))};
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
    // What the compressed model is compared with: the graph as it is before the first lossy step.
    run.before = [&](const NamedPass& pass, const Graph& graph) {
      if (!reference_ && pass.pass->effect != Effect::exact) reference_ = graph.clone();
      if (pass.name == "set-borders") inside_ = graph.clone();
    };
    run.after = [&](int step, const std::string& pass, bool changed, double seconds, const Graph& graph) {
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
    for (const Warning& w : ctx.warnings) report_.warnings.push_back({w.layer, w.text, w.flag});
    for (const Note& n : ctx.notes) {
      report_.notes.push_back(formatted("{}: {}{}", n.pass, n.node.empty() ? "" : quote(n.node) + ": ", n.text));
      if (o_.recipe.explain) console_.note(report_.notes.back());
    }
    return {};
  }

  // ---- writing ----

  std::string meta() const {
    nlohmann::ordered_json j;
    j["tool"] = "bantam " BANTAM_VERSION;
    j["source"] = report_.source_hash;
    if (data_) j["data"] = data_->hash().substr(0, 32), j["samples"] = data_->count();
    j["recipe"] = recipe_;
    return j.dump();
  }

  // Shapes for the test vectors: those of the first sample where there are samples that fit the borders.
  Result<std::vector<Shape>> shapes(const Session& session) {
    std::vector<Shape> list;
    if (data_ && !inside_) {
      TRY(const auto sample, data_->at(0));
      for (const Tensor& t : sample) list.push_back(t.shape());
      return list;
    }
    for (const Port& p : session.inputs()) list.push_back(concrete_shape(p.shape));
    return list;
  }

  // Smallest and largest element of each input over the samples; without samples that fit the borders -1..1,
  // quantized values all that there are, other whole numbers 0..1.
  Result<std::vector<std::pair<float, float>>> ranges(const Session& session) {
    std::vector<std::pair<float, float>> list;
    const bool uses_data = data_ && !inside_;
    for (const Port& p : session.inputs())
      list.push_back(uses_data ? std::pair(INFINITY, -INFINITY) : bt_is_float(p.dtype) ? std::pair(-1.0f, 1.0f)
                     : inside_ && p.dtype == BT_I8 ? std::pair(-128.0f, 127.0f) : std::pair(0.0f, 1.0f));
    for (int64_t i = 0; uses_data && i < data_->count(); ++i) {
      TRY(const auto sample, data_->at(i));
      for (size_t k = 0; k < sample.size(); ++k)
        for (int64_t e = 0; e < sample[k].count(); ++e) {
          const auto v = static_cast<float>(sample[k].number(e));
          list[k].first = std::min(list[k].first, v);
          list[k].second = std::max(list[k].second, v);
        }
    }
    return list;
  }

  Result<void> add_test_vectors(const Graph& graph, NativeOptions& native) {
    TRY(Session session, Session::of_graph(graph, {.threads = o_.threads, .max_bytes = kTestBytes, .max_turns = kTestTurns}));
    TRY(const auto sizes, shapes(session));
    int64_t elements = 0;
    for (const Shape& s : sizes) elements += std::min(element_count(s), int64_t{1} << 40);
    if (elements > static_cast<int64_t>(kTestBytes / 8)) {
      console_.note("note: the inputs are too large for test vectors; the file carries none (--shape may help)");
      return {};
    }
    TRY(const auto limits, ranges(session));
    auto vectors = make_test_vectors(session, sizes, limits, o_.test_vectors);
    if (!vectors.ok()) {
      // a model may refuse numbers that nobody chose for it; that is no failure of the conversion
      console_.note("note: the file carries no test vectors: " + vectors.error().message);
      return {};
    }
    native.tests = std::move(*vectors);
    TRY(const size_t bytes, planned_bytes(graph, sizes));
    native.plans.push_back({sizes, bytes});
    return {};
  }

  // Scratch memory depends on the kernels and the threads, but the file must not: one thread, scalar kernels.
  Result<size_t> planned_bytes(const Graph& graph, const std::vector<Shape>& sizes) {
    TRY(Session session, Session::of_graph(graph, {.threads = 1, .kernels = "scalar", .max_bytes = kTestBytes}));
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const DType dtype = session.inputs()[i].dtype;
      inputs.emplace_back(dtype, sizes[i], Bytes(std::vector<uint8_t>(static_cast<size_t>(element_count(sizes[i])) * bt_dtype_size(dtype))));
    }
    TRY(session.plan(inputs));
    return session.arena_bytes();
  }

  Result<void> write_native_file() {
    const Program program(model_.graph);
    NativeOptions native;
    native.codec = o_.codec == "none" ? Codec::none : o_.codec == "pack" ? Codec::pack : Codec::best;
    native.names = !o_.strip_names;
    native.meta = meta();
    if (o_.test_vectors > 0) TRY(add_test_vectors(model_.graph, native));
    NativeFile file = write_native(program, model_.graph.symbols(), native);
    file_ = Bytes(std::move(file.bytes));
    TRY(check_written(static_cast<int>(native.tests.size())));
    for (const std::string& out : o_.outputs) TRY(files_.write(out, file_.data(), file_.size()));
    report_.model = base_name(o_.outputs[0]);
    report_.file_bytes = file_.size();
    report_.size_map = std::move(file.size_map);
    report_.layers = layer_rows(model_.graph, report_.size_map);
    return {};
  }

  // What was written is opened as a device does it, and must compute the same bits.
  Result<void> check_written(int vectors) {
    bt_model* opened = nullptr;
    if (const bt_status s = bt_open(file_.data(), file_.size(), nullptr, &opened); s != BT_OK)
      return Error{Code::internal, formatted("the written file does not open: {}", bt_last_error())};
    int count = 0, wrong = 0;
    const bt_session_options options = {.threads = o_.threads, .max_bytes = kTestBytes, .max_turns = kTestTurns};
    const bt_status s = bt_self_test(opened, &options, &count, &wrong);
    bt_close(opened);
    if (s != BT_OK) return Error{Code::internal, formatted("the written file does not run: {}", bt_last_error())};
    if (wrong || count != vectors) return Error{Code::internal, formatted("the written file computes other bits than the graph ({} of {} test vectors)", wrong, vectors)};
    return {};
  }

  // ---- report ----

  Result<void> report() {
    if (!data_) return {};
    const bool whole = o_.report.wanted() || o_.common.json;
    Dataset* data = data_.get();
    std::unique_ptr<Dataset> part;
    if (!whole && data_->count() > kSummarySamples) {
      TRY(part, o_.data.open(source_inputs_, {.samples = kSummarySamples}));
      data = part.get();
    }
    TRY(Session reference, Session::of_graph(*reference_, {.threads = o_.threads}));
    // With other borders than the source's, what runs inside them is compared.
    TRY(Session model, inside_ ? Session::of_graph(*inside_, {.threads = o_.threads}) : Session::of_file(file_, {.threads = o_.threads}));
    ComparisonOptions options;
    options.cost = whole;
    options.progress = [&](double fraction) { console_.progress("compare", fraction); };
    return compare_sessions(reference, model, *data, options, report_);
  }

  const Options& o_;
  Console& console_;
  std::string recipe_;
  Model model_;
  std::vector<Port> source_inputs_;
  std::optional<Graph> reference_;
  std::optional<Graph> inside_;  // before its borders were changed; empty where they are the source's
  std::unique_ptr<Dataset> data_;
  Bytes file_;
  Report report_;
  OutputFiles files_;
};

}  // namespace

void add_convert(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("convert", "Compress a model and say what it cost");
  cmd->add_option("model", o->input, "the trained model (.onnx, or .btm)")->required();
  cmd->add_option("-o,--output", o->outputs, "the compressed model (.btm)")->take_all();
  add_data_flags(*cmd, o->data, "calibration samples");
  add_recipe_flags(*cmd, o->recipe);
  add_report_flags(*cmd, o->report);
  cmd->add_option("--codec", o->codec, "none: mapped as it is; pack: fixed bits; best: entropy coded")->check(CLI::IsMember({"none", "pack", "best"}))->capture_default_str();
  cmd->add_option("--io-layout", o->io_layout, "last: pictures go in and come out with channels last")->check(CLI::IsMember({"keep", "last"}))->capture_default_str();
  cmd->add_option("--io", o->io_type, "int8: quantized inputs and outputs are int8, not float")->check(CLI::IsMember({"keep", "int8"}))->capture_default_str();
  cmd->add_flag("--strip-names", o->strip_names, "leave out the names of inner layers");
  cmd->add_option("--test-vectors", o->test_vectors, "how many the file carries")->check(CLI::Range(0, 16))->capture_default_str();
  cmd->add_option("--threads", o->threads, "threads; results do not depend on it")->check(CLI::Range(1, 1024))->capture_default_str();
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
