// SPDX-License-Identifier: Apache-2.0
// Removes nodes whose results nobody uses, and constants that no node reads.
//
//   %y = Relu(%x)        =>   (nothing)        where %y has no user and is no output
//
// Random operators go as well: their stream is seeded per run, not per node.
#include "pass/pass.h"

namespace bantam {
namespace {

bool is_unused(const Value* v) { return !v || (v->uses().empty() && !v->is_output()); }

Result<bool> run(Graph& graph, const NoOptions&, PassContext&) {
  bool changed = false;
  const auto nodes = graph.nodes();
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {  // backwards: one round is enough
    bool dead = true;
    for (const Value* out : (*it)->outputs) dead = dead && is_unused(out);
    if (!dead) continue;
    graph.erase(*it);
    changed = true;
  }
  for (Value* v : graph.values()) {
    if (!v->is_constant() || v->is_input() || !is_unused(v)) continue;
    graph.erase_constant(v);
    changed = true;
  }
  return changed;
}

}  // namespace

extern constinit const Pass drop_dead = make_pass<NoOptions, describe_nothing, run>(
    "Removes nodes and constants that nothing depends on.", Effect::exact);

}  // namespace bantam
