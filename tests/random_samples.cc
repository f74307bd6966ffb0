// SPDX-License-Identifier: Apache-2.0
#include "random_samples.h"

#include "base/random.h"
#include "runtime/shape.h"

namespace bantam {

std::vector<Tensor> random_inputs(const Graph& graph) {
  std::vector<Tensor> inputs;
  Random random(1);
  for (const Value* v : graph.inputs()) {
    Shape shape = v->shape.value_or(Shape{});
    for (int64_t& d : shape)
      if (d < 0) d = 2;
    std::vector<uint8_t> bytes(static_cast<size_t>(element_count(shape)) * bt_dtype_size(v->dtype));
    bt_tensor view{};
    view.dtype = v->dtype;
    view.data = bytes.data();
    for (int64_t i = 0; i < element_count(shape); ++i)
      bt_put(&view, i, bt_is_int(v->dtype) || v->dtype == BT_BOOL ? static_cast<double>(random.below(2)) : static_cast<double>(random.uniform(-2, 2)));
    inputs.emplace_back(v->dtype, shape, Bytes(std::move(bytes)));
  }
  return inputs;
}

}  // namespace bantam
