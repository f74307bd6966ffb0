// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/target_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/random.h"
#include "base/text.h"
#include "eval/test_vectors.h"
#include "pass/runner.h"
#include "report/table.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

// Floats of -1 to 1 and whole numbers 0 and 1: they say nothing about accuracy, and nothing here asks for it.
class RandomSample : public SampleSource {
 public:
  explicit RandomSample(const Graph& graph) {
    Random random(1);
    for (const Value* v : graph.inputs()) {
      const Shape shape = concrete_shape(v->shape);
      const int64_t count = element_count(shape);
      std::vector<uint8_t> bytes(static_cast<size_t>(count) * bt_dtype_size(v->dtype));
      bt_tensor view{};
      view.dtype = v->dtype;
      view.data = bytes.data();
      for (int64_t i = 0; i < count; ++i)
        bt_put(&view, i, bt_is_float(v->dtype) ? static_cast<double>(random.uniform(-1, 1)) : static_cast<double>(random.below(2)));
      tensors_.emplace_back(v->dtype, shape, Bytes(std::move(bytes)));
    }
  }
  int64_t count() const override { return 1; }
  Result<std::vector<Tensor>> at(int64_t) override { return tensors_; }
  std::string hash() const override { return "random"; }

 private:
  std::vector<Tensor> tensors_;
};

constexpr const char* kFloatSteps = "include floats; include simplify; fold-qdq; drop-dead; include layout";
constexpr const char* kIntegerSteps = "calibrate; quantize; lower-to-integer; drop-dead";
constexpr const char* kProfileSteps = "calibrate; quantize(tail=int8); lower-to-integer; drop-dead";

Result<void> run_steps(Graph& graph, const std::string& steps, SampleSource* data) {
  TRY(const auto parsed, parse_recipe(steps, false));
  PassContext ctx;
  ctx.data = data;
  return run_recipe(graph, parsed, ctx);
}

bool is_integer(const Value* v) { return v && v->quant && !bt_is_float(v->dtype); }

bool touches_integers(const Node& n) {
  return std::any_of(n.inputs.begin(), n.inputs.end(), is_integer) || std::any_of(n.outputs.begin(), n.outputs.end(), is_integer);
}

bool computes(const Node& n) {
  const Value* y = n.output();
  return y && (bt_is_float(y->dtype) || is_integer(y)) && !(n.op->flags & (BT_OP_VIEW | BT_OP_SHAPE)) && !n.is("Quantize") &&
         !n.is("Dequantize") && !n.is("Transpose");
}

const TargetSpec::Row* row_of(const TargetSpec& spec, const Node& n) {
  for (const TargetSpec::Row& row : spec.in_float)
    if (n.is(row.op)) return &row;
  return nullptr;
}

class Check {
 public:
  Check(const Graph& graph, const Target& target)
      : source_(graph), format_(*target.format), spec_(*target.spec), profile_(target.profile()) {}

  Result<TargetAnswer> run() {
    answer_.format = spec_.name;
    answer_.runtime = spec_.runtime;
    Graph plain = source_.clone();
    TRY(run_steps(plain, kFloatSteps, nullptr));
    answer_.holds_float = holds(plain, true);
    Graph integers = plain.clone();
    RandomSample sample(plain);
    if (auto done = run_steps(integers, profile_.empty() ? kIntegerSteps : kProfileSteps, &sample); !done.ok()) {
      answer_.notes.push_back("the quantized form was not tried: " + done.error().message);
      return answer_;
    }
    answer_.holds_integers = holds(integers, false);
    count(integers);
    return answer_;
  }

 private:
  bool holds(const Graph& graph, bool floats) {
    Graph own = graph.clone();
    const auto fitted = run_steps(own, format_.target_recipe, nullptr);
    const auto written = fitted.ok() ? write_model(own, format_, {.model_name = "model", .codec = "none", .profile = profile_}) : Result<WrittenModel>(fitted.error());
    if (!written.ok()) {
      if (answer_.refused.empty())
        for (const std::string& line : split(written.error().message, '\n')) answer_.refused.emplace_back(trim(line));
      return false;
    }
    if (!floats)
      for (const std::string& note : written->notes) answer_.notes.push_back(note);
    return true;
  }

  void count(const Graph& graph) {
    for (const Node* n : graph.nodes()) {
      if (!computes(*n)) continue;
      const TargetSpec::Row* row = row_of(spec_, *n);
      const bool integer = touches_integers(*n);
      if (integer && !row) {
        ++answer_.integer_nodes;
        continue;
      }
      ++answer_.float_nodes;
      if (row) add(*n, row->why, row->instead);
      else add(*n, n->op->quant == BT_QUANT_NONE ? "it has no rule on integers" : "its operands or its result are floats", "");
    }
  }

  void add(const Node& n, const std::string& why, const std::string& instead) {
    for (TargetAnswer::FloatRow& row : answer_.in_float)
      if (row.op == n.op->name && row.why == why) {
        ++row.nodes;
        return;
      }
    answer_.in_float.push_back({n.op->name, why, instead, n.name, 1});
  }

  const Graph& source_;
  const Format& format_;
  const TargetSpec& spec_;
  const std::string profile_;
  TargetAnswer answer_;
};

}  // namespace

Result<TargetAnswer> check_target(const Graph& graph, const Target& target) { return Check(graph, target).run(); }

namespace {

std::vector<Target> all_targets() {
  std::vector<Target> targets;
  for (const Format* f : all_formats()) {
    if (!f->write) continue;
    targets.push_back({f, f->target});
    for (const TargetSpec& spec : f->profiles) targets.push_back({f, &spec});
  }
  return targets;
}

}  // namespace

std::vector<std::string> target_names() {
  std::vector<std::string> names;
  for (const Target& t : all_targets()) names.emplace_back(t.spec->name);
  return names;
}

Result<Target> target_named(const std::string& name) {
  for (const Target& t : all_targets())
    if (t.spec->name == name) return t;
  return Error{Code::usage, formatted("--target {}: targets are {}", quote(name), join(target_names(), ", "))};
}

std::string to_text(const TargetAnswer& a, const std::string& model) {
  std::string out = formatted("{} for {}: {}\n", printable(model), a.format, a.runtime);
  out += formatted("  in float      {}\n", a.holds_float ? "can be written" : "cannot be written");
  const size_t all = a.integer_nodes + a.float_nodes;
  out += formatted("  in integers   {}{}\n", a.holds_integers ? "can be written" : "cannot be written",
                   all ? formatted("; {} of {} nodes that compute are in integers", a.integer_nodes, all) : "");
  if (!a.refused.empty()) {
    out += "what cannot be written:\n";
    for (const std::string& line : a.refused) out += "  " + line + "\n";
  }
  if (!a.in_float.empty()) {
    out += "what stays in float in the quantized form:\n";
    TextTable t({"operator", ">nodes", "for instance", "why", "what to change"});
    for (const auto& row : a.in_float) t.row({row.op, std::to_string(row.nodes), printable(row.example), row.why, row.instead});
    out += t.text();
  }
  for (const std::string& note : a.notes) out += "  note: " + note + "\n";
  return out;
}

std::string to_json(const TargetAnswer& a, const std::string& model) {
  using Json = nlohmann::ordered_json;
  Json rows = Json::array();
  for (const auto& row : a.in_float)
    rows.push_back({{"op", row.op}, {"nodes", row.nodes}, {"example", printable(row.example)}, {"why", row.why}, {"change", row.instead}});
  const Json j = {{"model", printable(model)}, {"target", a.format}, {"runtime", a.runtime}, {"holds_float", a.holds_float},
                  {"holds_integers", a.holds_integers}, {"integer_nodes", a.integer_nodes}, {"float_nodes", a.float_nodes},
                  {"refused", a.refused}, {"stays_float", rows}, {"notes", a.notes}};
  return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bantam
