// SPDX-License-Identifier: Apache-2.0
// Operators that move values, and conversions of types.
#include <algorithm>

#include "base/format.h"
#include "formats/tflite/operators.h"
#include "formats/tflite/runtime_shape.h"
#include "ir/match.h"

namespace bantam {
namespace {

// The versions of several operators depend on the number of axes and the type.
int version_by_rank(Emitter& e, const Value* v, int more_than_4, int if_int16) {
  return v->rank() > 4 ? more_than_4 : e.version(v, 2, if_int16);
}

// Reshape, Flatten, Squeeze, Unsqueeze: all are RESHAPE, which delegates take.
Result<void> emit_reshape(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  const auto open =
      std::count_if(y->shape->begin(), y->shape->end(), [](int64_t d) { return d < 0; });
  if (open <= 1) {
    e.reshape(e.tensor(x), e.tensor(y), *y->shape);
    return {};
  }
  auto shape = runtime_shape(e, *y, {x}, true);
  if (!shape.ok() && (!n.is("Reshape") || n.inputs[1]->is_constant())) return shape.error();
  const int list = shape.ok() ? *shape : e.int32_of(n.inputs[1]);
  e.op(BuiltinOperator::RESHAPE, 1, {e.tensor(x), list}, {e.tensor(y)});
  return {};
}

Result<void> emit_transpose(Emitter& e, const Node& n) {
  const Value* x = n.inputs[0];
  if (x->rank() > 6) return cannot("a transpose of more than 6 axes");
  std::vector<int64_t> perm = n.attr_ints("perm");
  if (perm.empty())
    for (int64_t i = x->rank(); i-- > 0;) perm.push_back(i);
  const int version = x->rank() > 5         ? 6
                      : is_q16(x)           ? 5
                      : x->rank() > 4       ? 4
                      : x->dtype == BT_BOOL ? 3
                                            : e.version(x);
  e.op(BuiltinOperator::TRANSPOSE, version, {e.tensor(x), e.ints(perm)}, {e.tensor(n.output())});
  return {};
}

Result<void> emit_concat(Emitter& e, const Node& n) {
  const int64_t axis =
      n.attr_int("axis") < 0 ? n.attr_int("axis") + n.output()->rank() : n.attr_int("axis");
  const auto options = tfl::CreateConcatenationOptions(e.flat(), static_cast<int>(axis));
  e.op(BuiltinOperator::CONCATENATION, e.version(n.output()), e.tensors(n.inputs),
       {e.tensor(n.output())}, options);
  return {};
}

Result<void> emit_split(Emitter& e, const Node& n) {
  const Value* x = n.inputs[0];
  const int64_t axis = n.attr_int("axis") < 0 ? n.attr_int("axis") + x->rank() : n.attr_int("axis");
  std::vector<int64_t> lengths;
  std::vector<int> pieces;
  for (const Value* v : n.outputs) {
    if (!v) return cannot("a piece that nobody reads");
    lengths.push_back((*v->shape)[static_cast<size_t>(axis)]);
    pieces.push_back(e.tensor(v));
    if (lengths.back() < 0) return cannot("pieces of lengths that are not known");
  }
  const int count = static_cast<int>(pieces.size());
  if (std::all_of(lengths.begin(), lengths.end(), [&](int64_t d) { return d == lengths[0]; })) {
    const int version = x->dtype == BT_I32 ? 3 : e.version(x, 2, 4);
    e.op(BuiltinOperator::SPLIT, version, {e.int_scalar(axis), e.tensor(x)}, pieces,
         tfl::CreateSplitOptions(e.flat(), count));
  } else {
    e.op(BuiltinOperator::SPLIT_V, e.version(x, 2, 1), {e.tensor(x), e.ints(lengths), e.int_scalar(axis)},
         pieces, tfl::CreateSplitVOptions(e.flat(), count));
  }
  return {};
}

// ---- slices ----

struct Cut {
  std::vector<int64_t> begin, size, end, step;  // per axis of x; size -1: to the end
  int begin_mask = 0, end_mask = 0;             // bits of axes whose bound is the border
  bool plain = true;                            // SLICE can say it
};

Result<Cut> cut_of(const Node& n) {
  const Value* x = n.inputs[0];
  const auto starts = integers_of(n.inputs[1]), ends = integers_of(n.inputs[2]);
  auto axes = n.input(3) ? integers_of(n.input(3)) : std::optional(std::vector<int64_t>());
  auto steps = n.input(4) ? integers_of(n.input(4)) : std::optional(std::vector<int64_t>());
  if (!starts || !ends || !axes || !steps) return cannot("a slice whose bounds are computed");
  const auto rank = static_cast<size_t>(x->rank());
  Cut c;
  c.begin.assign(rank, 0);
  c.size.assign(rank, -1);
  c.end.assign(rank, 0);
  c.step.assign(rank, 1);
  for (size_t i = 0; i < rank; ++i) c.begin_mask |= 1 << i, c.end_mask |= 1 << i;
  for (size_t i = 0; i < starts->size(); ++i) {
    int64_t axis = axes->empty() ? static_cast<int64_t>(i) : (*axes)[i];
    if (axis < 0) axis += x->rank();
    const auto a = static_cast<size_t>(axis);
    const int64_t length = (*x->shape)[a], step = steps->empty() ? 1 : (*steps)[i];
    const auto bound = [&](int64_t v) {
      return v < 0 && length >= 0 ? std::max<int64_t>(v + length, step < 0 ? -1 : 0)
             : length >= 0        ? std::min(v, length)
                                  : v;
    };
    const int64_t from = bound((*starts)[i]), to = bound((*ends)[i]);
    const bool from_border = step > 0 ? from == 0 : length >= 0 && from >= length - 1;
    const bool to_border =
        step > 0 ? (length >= 0 ? to >= length : to >= INT32_MAX) : to == -1 && length >= 0;
    c.begin[a] = from_border ? 0 : from;
    c.end[a] = to_border ? 0 : to;
    c.step[a] = step;
    if (!from_border) c.begin_mask &= ~(1 << a);
    if (!to_border) c.end_mask &= ~(1 << a);
    if (!to_border) c.size[a] = to - from;
    c.plain = c.plain && step == 1 && from >= 0 &&
              (to_border || (to >= from && (length >= 0 || (*ends)[i] >= 0)));
    if (length < 0 && step < 0)
      return cannot("a backward slice of a length that is not known");
  }
  return c;
}

Result<void> emit_slice(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  TRY(const Cut c, cut_of(n));
  if (c.plain) {
    e.op(BuiltinOperator::SLICE, version_by_rank(e, x, 5, 4),
         {e.tensor(x), e.ints(c.begin), e.ints(c.size)}, {e.tensor(y)});
    return {};
  }
  const int version = x->rank() > 4 ? 4 : x->dtype == BT_BOOL ? 3 : e.version(x, 2, 1);
  e.op(BuiltinOperator::STRIDED_SLICE, version,
       {e.tensor(x), e.ints(c.begin), e.ints(c.end), e.ints(c.step)}, {e.tensor(y)},
       tfl::CreateStridedSliceOptions(e.flat(), c.begin_mask, c.end_mask));
  return {};
}

// ---- padding ----

Result<void> emit_pad(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *value = n.input(2), *y = n.output();
  const auto pads = integers_of(n.inputs[1]);
  const auto axes = n.input(3) ? integers_of(n.input(3)) : std::optional(std::vector<int64_t>());
  if (!pads || !axes) return cannot("padding that is computed");
  std::vector<int64_t> rows(static_cast<size_t>(x->rank()) * 2, 0);
  const size_t count = pads->size() / 2;
  for (size_t i = 0; i < count; ++i) {
    int64_t axis = axes->empty() ? static_cast<int64_t>(i) : (*axes)[i];
    if (axis < 0) axis += x->rank();
    rows[static_cast<size_t>(axis) * 2] = (*pads)[i];
    rows[static_cast<size_t>(axis) * 2 + 1] = (*pads)[count + i];
  }
  if (std::any_of(rows.begin(), rows.end(), [](int64_t p) { return p < 0; }))
    return cannot("padding that takes elements away");
  const std::string mode = n.attr_word("mode");
  const int paddings = e.int_rows(rows, 2);
  if (mode == "constant") {
    const auto number = value ? number_of(value) : std::optional<double>(0);
    if (!number) return cannot("a padding value that is computed");
    if (*number == 0) {
      e.op(BuiltinOperator::PAD, version_by_rank(e, x, 4, 3), {e.tensor(x), paddings}, {e.tensor(y)});
      return {};
    }
    const Tensor real = Tensor::scalar_float(static_cast<float>(*number)).reshaped({1});
    const int fill =
        is_quantized(x)
            ? e.constant("padding", encode(real, *x->quant), x->quant.get())
            : e.constant("padding", x->dtype == BT_F32 ? real : value->constant->reshaped({1}));
    e.op(BuiltinOperator::PADV2, version_by_rank(e, x, 4, 3), {e.tensor(x), paddings, fill},
         {e.tensor(y)});
    return {};
  }
  // one mirrored element is the edge itself
  const bool single = std::all_of(rows.begin(), rows.end(), [](int64_t p) { return p <= 1; });
  if (mode != "reflect" && !(mode == "edge" && single))
    return cannot(formatted("padding of mode {}", mode));
  const auto options = tfl::CreateMirrorPadOptions(
      e.flat(), mode == "edge" ? tfl::MirrorPadMode::SYMMETRIC : tfl::MirrorPadMode::REFLECT);
  e.op(BuiltinOperator::MIRROR_PAD, e.version(x), {e.tensor(x), paddings}, {e.tensor(y)}, options);
  return {};
}

// ---- repetition, blocks ----

Result<void> emit_expand(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  TRY(const int shape, runtime_shape(e, *y, {x}));
  e.op(BuiltinOperator::BROADCAST_TO, e.version(x, 3) == 3 ? 3 : 2, {e.tensor(x), shape},
       {e.tensor(y)});
  return {};
}

Result<void> emit_tile(Emitter& e, const Node& n) {
  e.op(BuiltinOperator::TILE, e.version(n.inputs[0], 3, 1),
       {e.tensor(n.inputs[0]), e.int32_of(n.inputs[1])}, {e.tensor(n.output())});
  return {};
}

Result<void> emit_blocks(Emitter& e, const Node& n) {
  const Value* x = n.inputs[0];
  if (n.attr_word("layout") != "last" || x->rank() != 4)
    return cannot("the image is not channels-last; run to-channels-last first");
  if (n.has_attr("mode") && n.attr_word("mode") != "DCR")
    return cannot("mode CRD where lengths are not known; fix them with --shape");
  const int size = static_cast<int>(n.attr_int("blocksize"));
  const std::vector<int> in = {e.tensor(x)}, out = {e.tensor(n.output())};
  if (n.is("DepthToSpace"))
    e.op(BuiltinOperator::DEPTH_TO_SPACE, e.version(x, 2, 1), in, out,
         tfl::CreateDepthToSpaceOptions(e.flat(), size));
  else
    e.op(BuiltinOperator::SPACE_TO_DEPTH, e.version(x, 2, 1), in, out,
         tfl::CreateSpaceToDepthOptions(e.flat(), size));
  return {};
}

// ---- types ----

Result<void> emit_cast(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  const auto type = [](const Value* v) { return tensor_type(v->dtype); };
  const auto either = [&](uint32_t types) {
    return bt_is_type(x->dtype, types) || bt_is_type(y->dtype, types);
  };
  const int version = either(BT_BIT(BT_F64) | BT_BIT(BT_F16)) ? 5
                      : either(BT_BIT(BT_U16))                ? 4
                      : either(BT_BIT(BT_I8))                 ? 3
                      : either(BT_BIT(BT_U32))                ? 2
                                                              : 1;
  e.op(BuiltinOperator::CAST, version, {e.tensor(x)}, {e.tensor(y)},
       tfl::CreateCastOptions(e.flat(), type(x), type(y)));
  return {};
}

Result<void> emit_quantize(Emitter& e, const Node& n) {
  e.op(BuiltinOperator::QUANTIZE, e.version(n.output(), 1, 2), {e.tensor(n.inputs[0])},
       {e.tensor(n.output())});
  return {};
}

Result<void> emit_dequantize(Emitter& e, const Node& n) {
  e.op(BuiltinOperator::DEQUANTIZE, e.version(n.inputs[0]), {e.tensor(n.inputs[0])},
       {e.tensor(n.output())});
  return {};
}

constexpr OperatorRow kRows[] = {
    {"Reshape", emit_reshape},
    {"Flatten", emit_reshape},
    {"Squeeze", emit_reshape},
    {"Unsqueeze", emit_reshape},
    {"Identity", emit_reshape},
    {"Dropout", emit_reshape},
    {"Transpose", emit_transpose},
    {"Concat", emit_concat},
    {"Split", emit_split},
    {"Slice", emit_slice},
    {"Pad", emit_pad},
    {"Expand", emit_expand},
    {"Tile", emit_tile},
    {"DepthToSpace", emit_blocks},
    {"SpaceToDepth", emit_blocks},
    {"Cast", emit_cast},
    {"Quantize", emit_quantize},
    {"Dequantize", emit_dequantize},
};

}  // namespace

std::span<const OperatorRow> move_rows() { return kRows; }

}  // namespace bantam
