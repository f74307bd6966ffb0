// SPDX-License-Identifier: Apache-2.0
#include "ir/evaluate.h"

#include "ir/program.h"
#include "kernels/kernels.h"
#include "runtime/frame.h"
#include "runtime/shape.h"

namespace bantam {

Error runtime_error(bt_status status, const std::string& message) {
  switch (status) {
    case BT_UNSUPPORTED: return {Code::unsupported, message};
    case BT_BAD_INPUT:
    case BT_LIMIT: return {Code::bad_input, message};
    case BT_NO_MEMORY: return {Code::bad_input, message.empty() ? "out of memory" : message};
    case BT_IO: return {Code::io, message};
    case BT_USAGE: return {Code::usage, message};
    default: return {Code::internal, message};
  }
}

Result<std::vector<Tensor>> evaluate_node(const Node& node, size_t max_bytes) {
  Graph one("", nullptr);
  std::vector<Value*> inputs;
  for (const Value* v : node.inputs) {
    if (!v) {
      inputs.push_back(nullptr);
      continue;
    }
    const auto& tensor = v->constant ? v->constant : v->known;
    inputs.push_back(one.add_constant(v->name, *tensor, v->quant));
  }
  Node* copy = one.adopt_copy(node, inputs);
  const Program program(one);
  bt_env env{};
  env.kernels = bt_kernels_best();
  env.max_bytes = max_bytes;
  env.max_turns = 10000;
  env.infer_graph = bt_frame_infer_graph;
  env.run_graph = bt_frame_run_graph;
  bt_frame* frame = nullptr;
  bt_status status = bt_frame_create(&env, &program.graph(), &frame);
  if (status == BT_OK) status = bt_frame_run(frame, nullptr);
  std::vector<Tensor> outputs;
  for (size_t i = 0, k = 0; i < copy->outputs.size() && status == BT_OK; ++i) {
    if (!copy->outputs[i]) {
      outputs.emplace_back();
      continue;
    }
    const bt_tensor* t = bt_frame_output(frame, static_cast<int>(k++));
    outputs.emplace_back(t->dtype, Shape(t->dims, t->dims + t->rank),
                         Bytes::copy_of(t->data, bt_bytes(t)));
  }
  while (env.frames) {
    bt_frame* next = env.frames->next;
    bt_frame_destroy(env.frames);
    env.frames = next;
  }
  if (status != BT_OK) return runtime_error(status, env.message);
  return outputs;
}

}  // namespace bantam
