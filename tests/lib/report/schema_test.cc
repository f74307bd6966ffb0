// SPDX-License-Identifier: Apache-2.0
// The report's JSON is what docs/report.schema.json says: a validator for the part of JSON Schema that the schema
// uses, run on a full report and on an empty one. Members that the schema does not know count as errors, so
// that the schema cannot fall behind.
#include <fstream>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "report/report.h"

namespace bantam {
namespace {

using Json = nlohmann::json;

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  return type == "null" && value.is_null();
}

class Validator {
 public:
  explicit Validator(const Json& root) : root_(root) {}

  void check(const Json& value, const Json& schema, const std::string& at) {
    if (schema.contains("$ref")) return check(value, root_.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))), at);
    if (schema.contains("enum") && std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
      errors.push_back(at + ": not one of the allowed words");
    if (schema.contains("type")) check_type(value, schema["type"], at);
    if (schema.contains("minimum") && value.is_number() && value < schema["minimum"]) errors.push_back(at + ": too small");
    if (value.is_object()) check_members(value, schema, at);
    if (value.is_array())
      for (size_t i = 0; i < value.size(); ++i) check(value[i], schema.at("items"), at + "/" + std::to_string(i));
  }

  std::vector<std::string> errors;

 private:
  void check_type(const Json& value, const Json& type, const std::string& at) {
    bool fits = false;
    for (const Json& t : type.is_array() ? type : Json::array({type})) fits |= has_type(value, t.get<std::string>());
    if (!fits) errors.push_back(at + ": type");
  }

  void check_members(const Json& value, const Json& schema, const std::string& at) {
    for (const Json& name : schema.value("required", Json::array()))
      if (!value.contains(name.get<std::string>())) errors.push_back(at + ": lacks " + name.get<std::string>());
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, member] : value.items()) {
      if (properties.contains(name)) check(member, properties[name], at + "/" + name);
      else if (schema.contains("additionalProperties")) check(member, schema["additionalProperties"], at + "/" + name);
      else errors.push_back(at + "/" + name + ": the schema does not know it");
    }
  }

  const Json& root_;
};

std::vector<std::string> errors_of(const Json& report) {
  std::ifstream in(BANTAM_SOURCE_DIR "/docs/report.schema.json");
  const Json schema = Json::parse(in);
  Validator validator(schema);
  validator.check(report, schema, "");
  return validator.errors;
}

Report full_report() {
  Report r;
  r.tool = "bantam 0";
  r.command = "compare";
  r.file_bytes = 12;
  r.size_map = {{"w", "8 bit", 12}};
  r.outputs.push_back({"y", 30, INFINITY, 1, 1, 0.5, 0.1, 0.9});
  r.metric = MetricResult{"top1", 0.9, 0.8, 10, 2, 1, 0.5, MetricResult::Judgement{-0.1, 0.3, 0.01, "UNDECIDED", 900}};
  r.layers.push_back({"c", "Conv", "int8", "8 bit", 12, 100, 30.0, 40.0, 0.5, 3.0, "clipped range"});
  r.budget = BudgetTotals{40, 41, 4};
  r.range_check = RangeCheck{.samples = 8, .values = 3, .loss_db = 2, .growing = {{"x", 4}}};
  r.distributions.push_back({"x", "c", -1, 2, -0.5, 1.5, 0.01, 0.1, {3, 4}});
  r.gates.push_back({"size<=1kB", "size is 12; the gate is size<=1kB", true});
  r.files.push_back({"net.btm", "native", 12, {"note"}});
  r.warnings.push_back({"c", "text", "--flag"});
  r.reference_cost = SideCost{1.5, 100};
  r.model_cost = SideCost{0.5, 50};
  r.notes = {"note"};
  return r;
}

TEST_CASE("the JSON of a report fits its schema", "[report]") {
  for (const std::string& error : errors_of(Json::parse(to_json(full_report())))) FAIL_CHECK(error);
  Report empty;
  empty.command = "convert";
  for (const std::string& error : errors_of(Json::parse(to_json(empty)))) FAIL_CHECK(error);
}

TEST_CASE("sentences keep their quotation marks, and nothing unsafe", "[report]") {
  Report r = full_report();
  r.notes = {"layer \"a\" stays\x1b"};
  r.warnings[0].flag = "--keep-float \"a\"";
  const Json j = Json::parse(to_json(r));
  CHECK(j["notes"][0] == "layer \"a\" stays\\x1b");
  CHECK(j["warnings"][0]["flag"] == "--keep-float \"a\"");
}

TEST_CASE("a report that does not fit is found", "[report]") {
  Json report = Json::parse(to_json(full_report()));
  report["file_bytes"] = -1;
  report.erase("recipe");
  report["layers"][0]["more"] = 1;
  report["metric"]["name"] = "luck";
  report["outputs"]["y"]["kl"] = "none";
  CHECK(errors_of(report).size() == 5);
}

}  // namespace
}  // namespace bantam
