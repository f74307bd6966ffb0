// SPDX-License-Identifier: Apache-2.0
// Operators that move values, and conversions of types.
#include <algorithm>

#include "base/format.h"
#include "formats/tflite/read_operators.h"
#include "ir/match.h"

namespace bantam {
namespace {

using Code8 = tfl::BuiltinOperator;

Error bad(std::string message) { return {Code::bad_input, std::move(message)}; }

// What is left for the length -1 is the first length, which may be open: 0 copies it.
bool copies_first(const Value& x, const std::vector<int64_t>& shape) {
  if (x.rank() < 1 || shape.empty() || shape[0] != -1) return false;
  const Shape rest(x.shape->begin() + 1, x.shape->end()), wanted(shape.begin() + 1, shape.end());
  return is_known(rest) && is_known(wanted) && element_count(rest) == element_count(wanted) &&
         element_count(rest) > 0;
}

// The new shape stands in a tensor, or (in old files) in the options.
Result<void> read_reshape(OperatorReader& r) {
  TRY(r.need(1, 2));
  TRY(Value* x, r.input(0));
  Value* shape = nullptr;
  if (r.input_index(1) >= 0) {
    TRY(shape, r.long_ints(1));
  } else {
    TRY(const auto* o, r.options<tfl::ReshapeOptions>());
    if (!o->new_shape()) return bad("it states no shape");
    shape = r.list({o->new_shape()->begin(), o->new_shape()->end()});
  }
  const auto known = integers_of(shape);
  if (known && copies_first(*x, *known)) {
    std::vector<int64_t> copied = *known;
    copied[0] = 0;
    return r.become("Reshape", {x, r.list(copied)});
  }
  const bool zero = known && std::find(known->begin(), known->end(), 0) != known->end();
  return r.become("Reshape", {x, shape}, {{"allowzero", int64_t{zero}}});
}

Result<void> read_squeeze(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  const auto o = r.options<tfl::SqueezeOptions>();
  const auto* axes = o.ok() ? (*o)->squeeze_dims() : nullptr;
  if (!axes || axes->size() == 0) return r.become("Squeeze", {x});
  return r.become("Squeeze", {x, r.list({axes->begin(), axes->end()})});
}

Result<void> read_expand_dims(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(Value* x, r.input(0));
  TRY(const int64_t axis, r.int_at(1));
  return r.become("Unsqueeze", {x, r.list({axis})});
}

Result<void> read_transpose(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(Value* x, r.input(0));
  TRY(const auto perm, r.ints(1));
  return r.become("Transpose", {x}, {{"perm", perm}});
}

Result<void> read_concat(OperatorReader& r) {
  TRY(r.need(1, 1 << 20));
  TRY(const auto* o, r.options<tfl::ConcatenationOptions>());
  TRY(const auto in, r.inputs());
  return r.become("Concat", in, {{"axis", int64_t{o->axis()}}}, o->fused_activation_function());
}

Result<void> read_pack(OperatorReader& r) {
  TRY(r.need(1, 1 << 20));
  TRY(const auto* o, r.options<tfl::PackOptions>());
  TRY(auto in, r.inputs());
  for (Value*& v : in) v = r.part("Unsqueeze", {v, r.list({o->axis()})});
  return r.become("Concat", in, {{"axis", int64_t{o->axis()}}});
}

Result<void> define_all(OperatorReader& r, const std::vector<Value*>& made) {
  for (size_t i = 0; i < made.size(); ++i) TRY(r.become_value(made[i], i));
  return {};
}

Result<void> read_unpack(OperatorReader& r) {
  TRY(r.need(1, 1, r.output_count()));
  TRY(const auto* o, r.options<tfl::UnpackOptions>());
  TRY(Value* x, r.input(0));
  const size_t count = r.output_count();
  if (count < 1 || static_cast<size_t>(std::max(o->num(), 0)) != count)
    return bad(formatted("it has {} outputs; {} expected", count, o->num()));
  const std::vector<int64_t> ones(count, 1);
  auto pieces = r.parts("Split", {x, r.list(ones)}, {{"axis", int64_t{o->axis()}}}, count);
  for (Value*& v : pieces) v = r.part("Squeeze", {v, r.list({o->axis()})});
  return define_all(r, pieces);
}

Result<void> read_split(OperatorReader& r) {
  const bool lengths_given = r.code() == Code8::SPLIT_V;
  TRY(r.need(lengths_given ? 3 : 2, lengths_given ? 3 : 2, r.output_count()));
  TRY(Value* x, r.input(lengths_given ? 0 : 1));
  TRY(int64_t axis, r.int_at(lengths_given ? 2 : 0));
  const auto count = static_cast<int64_t>(r.output_count());
  if (axis < 0) axis += x->rank();
  if (axis < 0 || axis >= x->rank() || count < 1)
    return bad(formatted("it splits axis {} of {} into {}", axis, x->rank(), count));
  const int64_t length = (*x->shape)[static_cast<size_t>(axis)];
  std::vector<int64_t> lengths(r.output_count(), length / count);
  if (lengths_given) {
    TRY(lengths, r.ints(1));
    int64_t sum = 0;
    for (const int64_t l : lengths) sum += l < 0 || l > INT32_MAX ? 0 : l;
    for (int64_t& l : lengths)
      if (l == -1) l = length - sum;  // what is left
  } else if (length < 0 || length % count) {
    return length < 0 ? not_read("the length of the axis is open; fix it with --shape")
                      : bad(formatted("{} elements do not split into {}", length, count));
  }
  return define_all(r, r.parts("Split", {x, r.list(lengths)}, {{"axis", axis}}, r.output_count()));
}

// ---- padding ----

Result<void> read_pad(OperatorReader& r) {
  TRY(r.need(2, 3));
  TRY(Value* x, r.input(0));
  TRY(const auto rows, r.ints(1));
  TRY(const Value* value, r.optional(2));
  if (static_cast<int>(rows.size()) != 2 * x->rank())
    return bad(formatted("it has {} paddings for {} axes", rows.size(), x->rank()));
  std::vector<int64_t> pads(rows.size());
  int64_t most = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0) return bad(formatted("it pads by {}", rows[i]));
    pads[i / 2 + (i % 2 ? rows.size() / 2 : 0)] = rows[i];
    most = std::max(most, rows[i]);
  }
  if (r.code() == Code8::MIRROR_PAD) {
    TRY(const auto* o, r.options<tfl::MirrorPadOptions>());
    const bool symmetric = o->mode() == tfl::MirrorPadMode::SYMMETRIC;
    if (symmetric && most > 1)
      return not_read("it repeats the edge while it mirrors more than one element");
    return r.become("Pad", {x, r.list(pads)},
                    {{"mode", std::string(symmetric ? "edge" : "reflect")}});
  }
  if (!value) return r.become("Pad", {x, r.list(pads)});
  if (!value->is_constant() || value->constant->count() != 1)
    return not_read("its value is computed");
  Value* fill = nullptr;
  if (value->quant)
    fill = r.number(decode(*value->constant, *value->quant).floats()[0]);
  else
    fill = r.file().constant(value->name, value->constant->reshaped({}));
  return r.become("Pad", {x, r.list(pads), fill});
}

// ---- repetition, blocks ----

Result<void> read_expand(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(Value* x, r.input(0));
  TRY(Value* shape, r.long_ints(1));
  return r.become("Expand", {x, shape});
}

Result<void> read_fill(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(Value* shape, r.long_ints(0));
  TRY(Value* value, r.input(1));
  return r.become("Expand", {value, shape});
}

Result<void> read_zeros_like(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(const Value* x, r.input(0));
  if (x->quant) return not_read("zeros of a quantized tensor");
  TRY(Value* like, r.input(0));
  Value* zero = r.file().constant(r.name() + ".zero", Tensor::zeros(x->dtype, {}));
  return r.become("Expand", {zero, r.part("Shape", {like})});
}

Result<void> read_tile(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(Value* x, r.input(0));
  TRY(Value* times, r.long_ints(1));
  return r.become("Tile", {x, times});
}

Result<void> read_blocks(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  const bool to_depth = r.code() == Code8::SPACE_TO_DEPTH;
  int64_t size = 0;
  if (to_depth) {
    TRY(const auto* o, r.options<tfl::SpaceToDepthOptions>());
    size = o->block_size();
  } else {
    TRY(const auto* o, r.options<tfl::DepthToSpaceOptions>());
    size = o->block_size();
  }
  return r.become(to_depth ? "SpaceToDepth" : "DepthToSpace", {x},
                  {{"blocksize", size}, {"layout", std::string("last")}});
}

// ---- types ----

// Of quantized tensors the integers themselves are meant: their reals in steps.
Result<void> read_cast(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  TRY(const TensorForm form, r.output_form());
  if (form.quant) return not_read("it makes a quantized tensor");
  if (x->quant && x->quant->scale.size() == 1) {
    Value* steps = r.part("Round", {r.part("Div", {x, r.number(x->quant->scale[0])})});
    const auto zero = static_cast<float>(x->quant->zero_at(0));
    if (zero != 0) steps = r.part("Add", {steps, r.number(zero)});
    x = steps;
  }
  return r.become("Cast", {x}, {{"to", int64_t{form.dtype}}});
}

bool stored_alike(const Quant& a, const Quant& b) {
  return a.scale == b.scale && a.axis == b.axis && a.zero_at(0) == b.zero_at(0) && a.axis < 0;
}

// Between integers the exact factor is taken, as a product with the number 1.
Result<void> read_quantize(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  TRY(const TensorForm form, r.output_form());
  if (!form.quant) return bad("its result has no scale");
  if (!form.is_q8() && !form.is_q16())
    return not_read(formatted("it makes integers of type {}", bt_dtype_name(form.dtype)));
  if (x->dtype == BT_I8 && x->quant && form.is_q8()) {
    if (stored_alike(*x->quant, *form.quant)) return r.become_value(x);
    if (x->quant->axis < 0 && form.quant->axis < 0) {
      auto unit = std::make_shared<Quant>();
      unit->scale = {1.0f};
      Value* one = r.file().constant(r.name() + ".one",
                                     Tensor(BT_I8, {}, Bytes(std::vector<uint8_t>{1})), unit);
      return r.become("Mul", {x, one});
    }
  }
  TRY(Value* reals, r.file().real(x));
  return r.become("Identity", {reals});
}

Result<void> read_dequantize(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  if (x->dtype == BT_F16 && x->is_constant()) {
    TRY(r.file().spend(x->constant->bytes().size() * 2));
    std::vector<float> wide;
    for (const uint16_t half : x->constant->as<uint16_t>()) wide.push_back(bt_from_f16(half));
    return r.become_value(r.file().constant(x->name, Tensor::of_floats(*x->shape, wide)));
  }
  if (x->dtype == BT_F16) return r.become("Cast", {x}, {{"to", int64_t{BT_F32}}});
  if (x->dtype != BT_F32 && !x->quant) return bad("its input has no scale");
  TRY(Value* reals, r.file().real(x));
  Graph& graph = r.file().graph();
  if (reals->producer && reals->name.starts_with(x->name + ".real"))
    graph.rename(reals, graph.unique_name(r.name()));
  return r.become_value(reals);
}

// A constant, which was made dense when it was read.
Result<void> read_densify(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  return r.become_value(x);
}

constexpr ReadRow kRows[] = {
    {Code8::RESHAPE, read_reshape},
    {Code8::SQUEEZE, read_squeeze},
    {Code8::EXPAND_DIMS, read_expand_dims},
    {Code8::TRANSPOSE, read_transpose},
    {Code8::CONCATENATION, read_concat},
    {Code8::PACK, read_pack},
    {Code8::UNPACK, read_unpack},
    {Code8::SPLIT, read_split},
    {Code8::SPLIT_V, read_split},
    {Code8::PAD, read_pad},
    {Code8::PADV2, read_pad},
    {Code8::MIRROR_PAD, read_pad},
    {Code8::BROADCAST_TO, read_expand},
    {Code8::FILL, read_fill},
    {Code8::ZEROS_LIKE, read_zeros_like},
    {Code8::TILE, read_tile},
    {Code8::DEPTH_TO_SPACE, read_blocks},
    {Code8::SPACE_TO_DEPTH, read_blocks},
    {Code8::CAST, read_cast},
    {Code8::QUANTIZE, read_quantize},
    {Code8::DEQUANTIZE, read_dequantize},
    {Code8::DENSIFY, read_densify},
};

}  // namespace

std::span<const ReadRow> read_move_rows() { return kRows; }

}  // namespace bantam
