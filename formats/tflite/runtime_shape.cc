// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/runtime_shape.h"

#include "base/format.h"

namespace bantam {
namespace {

// Length d of a source as a scalar; -1 where no source has it.
int length_of(Emitter& e, int64_t d, const std::vector<const Value*>& sources) {
  for (const Value* v : sources)
    for (int i = 0; v && i < v->rank(); ++i) {
      if (d >= -1 || (*v->shape)[static_cast<size_t>(i)] != d) continue;
      const int shape = e.between(v->name + ".shape", tfl::TensorType::INT32, {v->rank()});
      e.op(BuiltinOperator::SHAPE, 1, {e.tensor(v)}, {shape},
           tfl::CreateShapeOptions(e.flat(), tfl::TensorType::INT32));
      const int length = e.between(v->name + ".length", tfl::TensorType::INT32, {});
      e.op(BuiltinOperator::STRIDED_SLICE, 1, {shape, e.ints({i}), e.ints({i + 1}), e.ints({1})},
           {length}, tfl::CreateStridedSliceOptions(e.flat(), 0, 0, 0, 0, 1));
      return length;
    }
  return -1;
}

}  // namespace

Result<int> runtime_shape(Emitter& e, const Value& y, const std::vector<const Value*>& sources,
                          bool one_open) {
  if (is_known(*y.shape)) return e.ints(*y.shape);
  std::vector<int> parts;
  for (const int64_t d : *y.shape) {
    int part = d >= 0 ? e.int_scalar(d) : length_of(e, d, sources);
    if (part < 0 && one_open) {
      part = e.int_scalar(-1);
      one_open = false;
    }
    if (part < 0)
      return cannot("its shape depends on lengths that are not known; fix them with --shape");
    parts.push_back(part);
  }
  const int shape = e.between(y.name + ".shape", tfl::TensorType::INT32, {y.rank()});
  const auto options = tfl::CreatePackOptions(e.flat(), y.rank(), 0);
  e.op(BuiltinOperator::PACK, 1, parts, {shape}, options);
  return shape;
}

}  // namespace bantam
