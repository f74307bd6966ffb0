// SPDX-License-Identifier: Apache-2.0
// Operators whose ONNX form changed between opsets, or differs from the IR's. The IR knows one form
// per operator, that of the newest opset.
#pragma once

#include "formats/onnx/node.h"

namespace bantam {

// Brings a node to the IR's form. May emit nodes in front of it through `sink`, change its operator,
// inputs and attributes. A node that was emitted wholly comes back with an empty `op` and the values of
// its outputs in `made`.
Result<void> upgrade(NodeSink& sink, OnnxNode& node);

// An operator that the importer takes although the IR has none of its name.
bool is_upgraded(const std::string& domain, const std::string& op);

// One table per file; the last entry has an empty op.
struct Upgrade {
  const char* domain;
  const char* op;
  Result<void> (*run)(NodeSink& sink, OnnxNode& node);
};
extern const Upgrade axes_upgrades[], legacy_upgrades[], image_upgrades[], qlinear_upgrades[],
    integer_upgrades[], attention_upgrades[], contrib_upgrades[], fused_upgrades[],
    norm_upgrades[], recurrent_upgrades[], scan_upgrades[];

}  // namespace bantam
