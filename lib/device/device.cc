// SPDX-License-Identifier: Apache-2.0
#include "device/device.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "data/toml_setters.h"
#include "runtime/frame.h"

namespace bantam {
namespace {

// Bytes of "512KB"; 0 where the text is none.
double size_of(std::string_view text) {
  double value = 0;
  const double unit = take_byte_unit(&text);
  return unit > 0 && parse_double(trim(text), &value) ? value * unit : 0;
}

// 524288, or "512KB".
Setter bytes_setter(std::optional<uint64_t>& to, std::string key) {
  return [&to, key = std::move(key)](const toml::node& node) -> Result<void> {
    double bytes = node.is_integer() ? static_cast<double>(*node.value<int64_t>()) : 0;
    if (const auto text = node.value_exact<std::string>()) bytes = size_of(*text);
    if (!(bytes >= 1 && bytes < 1e15))
      return error_at(node.source(), key + " must be a number of bytes, or a text such as \"512KB\"");
    to = static_cast<uint64_t>(bytes);
    return {};
  };
}

Setter words_setter(std::vector<std::string>& to, std::string key, std::vector<std::string> known) {
  return [&to, key = std::move(key), known = std::move(known)](const toml::node& node) -> Result<void> {
    const toml::array* array = node.as_array();
    if (!array || array->empty()) return error_at(node.source(), key + " must be a list of texts in quotes");
    for (const toml::node& item : *array) {
      TRY(const std::string word, text_of(item, key));
      if (std::find(known.begin(), known.end(), word) == known.end())
        return error_at(item.source(), formatted("{}: {} is not known{}", key, quote(word), suggestion(word, known)));
      to.push_back(word);
    }
    return {};
  };
}

Setter cost_setter(double& to, std::string key) {
  return [&to, key = std::move(key)](const toml::node& node) -> Result<void> {
    to = node.is_number() ? *node.value<double>() : -1;
    if (!(to >= 0 && to < 1e12)) return error_at(node.source(), key + " must be a time: a number from 0 on");
    return {};
  };
}

Setters kind_setters(std::map<std::string, Cost>& costs) {
  Setters setters;
  for (const std::string& kind : work_kinds()) {
    setters[kind] = [&costs, kind](const toml::node& node) {
      Cost& c = costs[kind];
      return table_setter(kind, {{"call_us", cost_setter(c.call_us, "call_us")},
                                 {"step_ns", cost_setter(c.step_ns, "step_ns")},
                                 {"byte_ns", cost_setter(c.byte_ns, "byte_ns")}})(node);
    };
  }
  return setters;
}

Setters latency_setters(CostModel& latency) {
  Setters setters = {{"run_us", cost_setter(latency.run_us, "run_us")}};
  for (const std::string& arithmetic : arithmetics()) {
    setters[arithmetic] = [&latency, arithmetic](const toml::node& node) {
      return table_setter("latency." + arithmetic, kind_setters(latency.costs[arithmetic]))(node);
    };
  }
  return setters;
}

std::vector<std::string> operator_names() {
  std::vector<std::string> names;
  for (int i = 0; i < bt_all_ops.count; ++i) names.push_back(bt_all_ops.ops[i]->name);
  return names;
}

Result<Device> device_in(const toml::table& root) {
  Device d;
  const Setters setters = {{"name", text_setter(d.name, "name")},
                           {"flash", bytes_setter(d.flash, "flash")},
                           {"ram", bytes_setter(d.ram, "ram")},
                           {"operators", words_setter(d.operators, "operators", operator_names())},
                           {"products", words_setter(d.products, "products", arithmetics())},
                           {"latency", table_setter("latency", latency_setters(d.latency))}};
  TRY(apply(root, setters, "a device"));
  return d;
}

bool has(const std::vector<std::string>& list, const std::string& word) {
  return list.empty() || std::find(list.begin(), list.end(), word) != list.end();
}

// Also in the graphs inside If, Loop and Scan.
void find_missing(const Device& d, const Graph& graph, std::set<std::string>& missing) {
  for (const Node* n : graph.nodes()) {
    if (!has(d.operators, n->op->name)) missing.insert(formatted("the operator {}", n->op->name));
    const std::string type = arithmetic_of(*n);
    if (n->op->macs && !has(d.products, type)) missing.insert("products of type " + type);
    for (const auto& [key, value] : n->attrs())
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&value)) find_missing(d, **body, missing);
  }
}

}  // namespace

std::string Device::lacks(const Graph& graph) const {
  std::set<std::string> missing;
  find_missing(*this, graph, missing);
  if (missing.empty()) return "";
  const std::vector<std::string> list(missing.begin(), missing.end());
  return formatted("{} lacks {}", printable(name), join(list, ", "));
}

Result<Device> parse_device(std::string_view text) {
  TRY(const toml::table root, parse_toml(text));
  return device_in(root);
}

Result<Device> read_device(const std::string& path) {
  TRY(const toml::table root, read_toml(path, "a description of a device"));
  return within(printable(path), device_in(root));
}

std::string latency_text(const CostModel& latency) {
  std::string text = formatted("[latency]\nrun_us = {:.4g}\n", latency.run_us);
  for (const std::string& arithmetic : arithmetics()) {
    const auto kinds = latency.costs.find(arithmetic);
    if (kinds == latency.costs.end() || kinds->second.empty()) continue;
    text += formatted("\n[latency.{}]\n", arithmetic);
    for (const std::string& kind : work_kinds()) {
      const auto c = kinds->second.find(kind);
      if (c == kinds->second.end()) continue;
      text += formatted("{:12} = {{ call_us = {:.4g}, step_ns = {:.4g}, byte_ns = {:.4g} }}\n", kind,
                        c->second.call_us, c->second.step_ns, c->second.byte_ns);
    }
  }
  return text;
}

}  // namespace bantam
