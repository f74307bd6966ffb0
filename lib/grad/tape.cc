// SPDX-License-Identifier: Apache-2.0
#include "grad/tape.h"

#include <cmath>

namespace bantam {

Value* Tape::of(const Value* v) const {
  const auto it = gradients_.find(v);
  return it == gradients_.end() ? nullptr : it->second;
}

void Tape::add(Value* v, Value* gradient) {
  if (!gradient || !wants(v)) return;
  const Shape &from = shape_of(gradient), &to = shape_of(v);
  if (from != to) {
    std::vector<int64_t> axes;
    const size_t front = from.size() - to.size();
    for (size_t d = 0; d < from.size(); ++d)
      if (d < front || (to[d - front] == 1 && from[d] != 1))
        axes.push_back(static_cast<int64_t>(d));
    gradient = reshaped(axes.empty() ? gradient : summed(gradient, axes), to);
  }
  Value*& sum = gradients_[v];
  sum = sum ? plus(sum, gradient) : gradient;
}

Value* Tape::make(const char* op, const std::vector<Value*>& inputs, AttrList attrs) {
  if (error_) return nullptr;
  auto node = graph_.append(op, "", inputs, std::move(attrs), {"grad"});
  if (node.ok()) return (*node)->output();
  error_ = node.error();
  return nullptr;
}

Value* Tape::places(const Node& max_pool) {
  if (error_) return nullptr;
  auto node =
      graph_.append("MaxPool", "", {max_pool.inputs[0]}, max_pool.attrs(), {"grad", "places"});
  if (node.ok()) return (*node)->output(1);
  error_ = node.error();
  return nullptr;
}

Value* Tape::number(float v) { return graph_.add_constant("grad", Tensor::scalar_float(v)); }
Value* Tape::floats(Shape shape, const std::vector<float>& values) {
  return graph_.add_constant("grad", Tensor::of_floats(std::move(shape), values));
}
Value* Tape::ints(const std::vector<int64_t>& values) {
  return graph_.add_constant("grad", Tensor::vector_of(values));
}

Value* Tape::reshaped(Value* x, const Shape& shape) {
  if (!x || shape_of(x) == shape) return x;
  return make("Reshape", {x, ints(shape)});
}

Value* Tape::sliced(Value* x, const std::vector<int64_t>& starts, const std::vector<int64_t>& ends,
                    const std::vector<int64_t>& axes, const std::vector<int64_t>& steps) {
  return make("Slice", {x, ints(starts), ints(ends), ints(axes), ints(steps)});
}

Value* Tape::padded(Value* x, const std::vector<int64_t>& pads) {
  for (const int64_t p : pads)
    if (p != 0) return make("Pad", {x, ints(pads)});
  return x;
}

Value* Tape::summed(Value* x, const std::vector<int64_t>& axes, bool keep) {
  return make("ReduceSum", {x, ints(axes)}, {{"keepdims", int64_t{keep}}});
}

Value* Tape::averaged(Value* x, const std::vector<int64_t>& axes) {
  return make("ReduceMean", {x, ints(axes)});
}

Value* Tape::broadcast(Value* x, const Shape& shape) {
  return x && shape_of(x) != shape ? make("Expand", {x, ints(shape)}) : x;
}

Value* Tape::inside(Value* x, float lo, float hi, Value* d) {
  Value* in = nullptr;
  if (lo > -INFINITY) in = make("Greater", {x, number(lo)});
  if (hi < INFINITY) {
    Value* below = make("Less", {x, number(hi)});
    in = in ? make("And", {in, below}) : below;
  }
  return in ? make("Where", {in, d, number(0)}) : d;
}

Value* Tape::through_clamp(const Node& n) {
  return inside(n.output(), n.attr_float("lo"), n.attr_float("hi"), of(n.output()));
}

}  // namespace bantam
