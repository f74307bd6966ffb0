// SPDX-License-Identifier: Apache-2.0
// bantam inspect: what is in a model, and what it costs.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/models.h"
#include "apps/bantam/options.h"
#include "apps/bantam/target_check.h"
#include "base/format.h"
#include "base/text.h"
#include "format/format.h"
#include "ir/call.h"
#include "ir/text.h"
#include "report/faults.h"
#include "report/layers.h"
#include "report/table.h"

namespace bantam {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  CommonOptions common;
  ReadFlags read;
  std::string model, target;
  bool text = false, op_table = false, full = false;
};

std::string type_of(const Value& v, const Symbols& symbols) {
  if (!v.shape) return formatted("{}, any shape", bt_dtype_name(v.dtype));
  std::vector<std::string> dims;
  for (const int64_t d : *v.shape) dims.push_back(d >= 0 ? std::to_string(d) : printable(symbols.name(d)));
  return formatted("{} [{}]", bt_dtype_name(v.dtype), join(dims, ","));
}

struct OpCount {
  int nodes = 0, integer = 0;
  int64_t macs = 0;
  uint64_t weights = 0;  // bytes of constants in memory
};

std::map<std::string, OpCount> count_ops(const Graph& graph) {
  std::map<std::string, OpCount> counts;
  std::set<const Value*> counted;  // a constant that several nodes read counts once
  for (const Node* n : graph.nodes()) {
    OpCount& c = counts[n->op->name];
    ++c.nodes;
    c.integer += n->input(0) && n->input(0)->quant && n->input(0)->dtype == BT_I8;
    c.macs += multiply_adds(*n);
    for (const Value* v : n->inputs)
      if (v && v->is_constant() && counted.insert(v).second) c.weights += v->constant->bytes().size();
  }
  return counts;
}

// Values whose shape depends on data: they need memory that grows while the model runs.
std::vector<std::string> data_dependent(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node* n : graph.nodes())
    for (const Value* v : n->outputs)
      if (v && (!v->shape || std::count(v->shape->begin(), v->shape->end(), -1) > 0)) names.push_back(v->name);
  return names;
}

// "BatchNormalization" is in batch_normalization.c, as bt_op_batch_normalization.
std::string file_stem(const std::string& op) {
  const auto upper = [&](size_t i) { return std::isupper(static_cast<unsigned char>(op[i])) != 0; };
  std::string stem;
  for (size_t i = 0; i < op.size(); ++i) {
    const bool starts_word = i > 0 && upper(i) && (!upper(i - 1) || (i + 1 < op.size() && std::islower(static_cast<unsigned char>(op[i + 1]))));
    if (starts_word) stem += '_';
    stem += static_cast<char>(std::tolower(static_cast<unsigned char>(op[i])));
  }
  return stem;
}

void collect_ops(const Graph& graph, std::set<std::string>& names) {
  for (const Node* n : graph.nodes()) {
    names.insert(n->op->name);
    for (const auto& [key, value] : n->attrs())
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&value)) collect_ops(**body, names);
  }
}

// The C source of a table with just the operators that a model needs (docs/runtime.md).
std::string op_table(const Graph& graph) {
  std::set<std::string> names;
  collect_ops(graph, names);
  std::string externs, entries;
  for (const std::string& name : names) {
    externs += "extern const struct bt_op bt_op_" + file_stem(name) + ";\n";
    entries += "    &bt_op_" + file_stem(name) + ",\n";
  }
  return "/* The operators of one model, in place of the library's table of all. Written by bantam inspect --op-table. */\n" + externs +
         "\nstatic const struct bt_op* const ops[] = {\n" + entries +
         "};\nconst struct bt_op_table {\n  int count;\n  const struct bt_op* const* ops;\n} bt_all_ops = {" + std::to_string(names.size()) + ", ops};\n";
}

Json port_json(const std::vector<Value*>& values, const Symbols& symbols) {
  Json list = Json::array();
  for (const Value* v : values) {
    Json dims = nullptr;
    if (v->shape) {
      dims = Json::array();
      for (const int64_t d : *v->shape) d >= 0 ? dims.push_back(d) : dims.push_back(printable(symbols.name(d)));
    }
    list.push_back({{"name", printable(v->name)}, {"type", bt_dtype_name(v->dtype)}, {"shape", dims}});
  }
  return list;
}

Result<int> answer_target(const Options& o, const Graph& graph) {
  TRY(const Target target, target_named(o.target));
  TRY(const TargetAnswer answer, check_target(graph, target));
  const std::string name = base_name(o.model);
  Console::get().print(o.common.json ? to_json(answer, name) : to_text(answer, name));
  return 0;
}

Result<int> run(const Options& o) {
  o.common.apply();
  TRY(const ReadOptions read, o.read.options());
  TRY(Model model, read_model(o.model, read));
  const Graph& g = model.graph;
  if (!o.target.empty()) return answer_target(o, g);
  Console& console = Console::get();
  if (o.text) {
    console.print(print(g, {.full = o.full}));
    return 0;
  }
  if (o.op_table) {
    console.print(op_table(g));
    return 0;
  }
  const auto counts = count_ops(g);
  int64_t macs = 0;
  for (const auto& [name, c] : counts) macs += c.macs;
  const auto dependent = data_dependent(g);
  const auto faults = faults_of(g);
  if (o.common.json) {
    Json ops = Json::array();
    for (const auto& [name, c] : counts) ops.push_back({{"op", name}, {"nodes", c.nodes}, {"int8", c.integer}, {"macs", c.macs}, {"constant_bytes", c.weights}});
    const Json j = {{"model", printable(base_name(o.model))}, {"format", model.format}, {"file_bytes", model.file_bytes}, {"parameters", parameter_count(g)},
                    {"macs", macs}, {"nodes", g.node_count()}, {"inputs", port_json(g.inputs(), g.symbols())}, {"outputs", port_json(g.outputs(), g.symbols())},
                    {"operators", ops}, {"open_shapes", dependent.size()}, {"notes", model.notes}, {"faults", faults}};
    console.print(j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
    return 0;
  }
  std::string out = formatted("{}: {}, {} parameters, {} nodes{}\n", printable(base_name(o.model)), human_bytes(model.file_bytes), human_count(static_cast<double>(parameter_count(g))),
                              g.node_count(), macs ? formatted(", {} multiply-adds", human_count(static_cast<double>(macs))) : std::string());
  for (const Value* v : g.inputs()) out += formatted("  in   {}  {}\n", printable(v->name), type_of(*v, g.symbols()));
  for (const Value* v : g.outputs()) out += formatted("  out  {}  {}\n", printable(v->name), type_of(*v, g.symbols()));
  TextTable t({"operator", ">nodes", ">int8", ">multiply-adds", ">constants"});
  for (const auto& [name, c] : counts)
    t.row({name, std::to_string(c.nodes), c.integer ? std::to_string(c.integer) : "", c.macs ? human_count(static_cast<double>(c.macs)) : "", c.weights ? human_bytes(c.weights) : ""});
  out += t.text();
  if (!dependent.empty()) {
    out += formatted("  {} value{} with open shapes: ", dependent.size(), dependent.size() == 1 ? " comes" : "s come");
    for (size_t i = 0; i < dependent.size() && i < 5; ++i) out += (i ? ", " : "") + quote(dependent[i]);
    out += dependent.size() > 5 ? ", ...\n" : "\n";
  }
  for (const std::string& note : model.notes) out += "  note: " + printable(note) + "\n";
  for (const std::string& fault : faults) out += "  fault: " + printable(fault) + "\n";
  console.print(out);
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("inspect", "Show what is in a model");
  cmd->add_option("model", o->model, "the model: .onnx, .tflite or .btm")->required();
  cmd->add_flag("--text", o->text, "the graph as text (docs/ir.md)");
  cmd->add_flag("--full", o->full, "with --text: all elements of all constants");
  cmd->add_flag("--op-table", o->op_table, "C source of a table with just the operators that the model needs");
  cmd->add_option("--target", o->target, "what a format can hold of the model, what stays in float there, and what to change")->type_name("NAME");
  add_read_flags(*cmd, o->read);
  add_common(*cmd, o->common);
  cmd->footer("Examples:\n  bantam inspect net.onnx\n  bantam inspect net.btm --text\n  bantam inspect net.onnx --target tflite");
  cmd->callback([&action, o] { action = [o] { return run(*o); }; });
}

}  // namespace bantam
