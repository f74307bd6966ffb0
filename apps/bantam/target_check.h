// SPDX-License-Identifier: Apache-2.0
// What a target would make of a model, found by converting a copy of it: with float numbers, and quantized on random
// samples, which is enough to see what can be computed in integers.
#pragma once

#include <string>
#include <vector>

#include "format/format.h"

namespace bantam {

struct TargetAnswer {
  std::string format, runtime;
  bool holds_float = false, holds_integers = false;
  std::vector<std::string> refused;  // one line per node that cannot be written, or the reason for all
  size_t integer_nodes = 0, float_nodes = 0;  // that compute, in the quantized form
  struct FloatRow {
    std::string op, why, instead, example;  // the name of one node
    size_t nodes = 0;
  };
  std::vector<FloatRow> in_float;
  std::vector<std::string> notes;
};

// A format, and for which of its runtimes it is written.
struct Target {
  const Format* format = nullptr;
  const TargetSpec* spec = nullptr;
  std::string profile() const { return spec == format->target ? "" : spec->name; }
};

Result<TargetAnswer> check_target(const Graph& graph, const Target& target);
// Names for --target: those of the formats that are written, and of their profiles.
std::vector<std::string> target_names();
Result<Target> target_named(const std::string& name);

std::string to_text(const TargetAnswer& answer, const std::string& model);
std::string to_json(const TargetAnswer& answer, const std::string& model);

}  // namespace bantam
