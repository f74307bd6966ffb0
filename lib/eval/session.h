// SPDX-License-Identifier: Apache-2.0
// Runs a model with the device's runtime: from a Graph, or from the bytes of a .btm file.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/graph.h"
#include "ir/program.h"

namespace bantam {

struct SessionOptions {
  int threads = 1;
  std::string kernels;      // "": BANTAM_KERNELS, or the best
  size_t max_bytes = 0;     // of activations; 0: no limit
  int64_t max_turns = 0;    // of loops in one run; 0: no limit
  uint64_t seed = 0;
  bool simulate = false;    // of a Graph: round annotated values (ir/program.h)
};

// A value that has just been computed. `data` is valid during the call only.
struct Tapped {
  const char* name;
  DType dtype;
  std::span<const int64_t> dims;
  const void* data;
  int64_t count;
  const bt_quant* quant;  // of integers that stand for reals; else null
  // The value as reals: itself where it is f32, decoded where it is quantized; empty for other types.
  std::vector<float> reals() const;
};

struct Port {
  std::string name;
  DType dtype = BT_F32;
  std::optional<Shape> shape;  // negative lengths are free
};

class Session {
 public:
  static Result<Session> of_graph(const Graph& graph, const SessionOptions& options = {});
  static Result<Session> of_file(const Bytes& btm, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const std::vector<Port>& inputs() const;
  const std::vector<Port>& outputs() const;
  // One tensor for each input, in order; a copy of each output.
  Result<std::vector<Tensor>> run(std::span<const Tensor> inputs);
  // Plans for these inputs without running.
  Result<void> plan(std::span<const Tensor> inputs);
  // Called with every computed value of every later run, graph inputs included.
  void set_tap(std::function<void(const Tapped&)> tap);
  // Wall time of each node in milliseconds, the least of the runs since it was switched on (noise only
  // adds); in the order of program nodes.
  struct NodeTime {
    std::string name, op;
    double milliseconds = 0;
  };
  void time_nodes(bool on);
  std::vector<NodeTime> node_times() const;
  size_t arena_bytes() const;
  std::string kernels() const;

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bantam
