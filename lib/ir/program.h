// SPDX-License-Identifier: Apache-2.0
// Lowering: a Graph as the plain arrays that the runtime executes (runtime/graph.h). The .btm writer
// stores the same arrays, so what was evaluated is what ships.
#pragma once

#include <memory>

#include "ir/graph.h"
#include "runtime/graph.h"

namespace bantam {

struct ProgramOptions {
  // Annotated values (float with a Quant) are rounded as their Quant says: activations by a
  // FakeQuantize behind their producer, constants once. Otherwise annotations are ignored.
  bool simulate = false;
};

// Keeps the graph's constants alive; the graph itself may be edited or destroyed afterwards.
class Program {
 public:
  explicit Program(const Graph& graph, const ProgramOptions& options = {});
  ~Program();
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;

  const bt_graph& graph() const;
  // Index of a value of the main graph in graph().values, by name; -1 where it is not there.
  int index_of(const std::string& value_name) const;
  // The tensor and the Quant of a constant, for the writer; null for other values. Also of subgraphs.
  const Tensor* tensor_of(const bt_value* value) const;
  const Quant* quant_of(const bt_value* value) const;

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace bantam
