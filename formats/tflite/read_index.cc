// SPDX-License-Identifier: Apache-2.0
// Operators that read or make indices and lengths. A GATHER in a table of 256 integers is how
// bantam writes a function of quantized values; such a function is found again.
#include <numeric>

#include "base/format.h"
#include "formats/tflite/read_operators.h"
#include "formats/tflite/read_table.h"

namespace bantam {
namespace {

using Code8 = tfl::BuiltinOperator;

Error bad(std::string message) { return {Code::bad_input, std::move(message)}; }

Result<void> read_gather(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto* o, r.options<tfl::GatherOptions>());
  if (o->batch_dims()) return not_read("batch_dims other than 0");
  TRY(const bool found, read_function_table(r));
  if (found) return {};
  TRY(const auto in, r.inputs());
  return r.become("Gather", in, {{"axis", int64_t{o->axis()}}});
}

Result<void> read_embedding(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(Value* index, r.input(0));
  TRY(Value* table, r.input(1));
  return r.become("Gather", {table, index}, {{"axis", int64_t{0}}});
}

Result<void> read_gather_nd(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(Value* x, r.input(0));
  TRY(Value* index, r.long_ints(1));
  return r.become("GatherND", {x, index});
}

// An integer result in the type that the file states.
Result<void> as_stated(OperatorReader& r, Value* longs, size_t output = 0) {
  TRY(const TensorForm form, r.output_form(output));
  if (form.dtype == BT_I64) return r.become_value(longs, output);
  if (form.dtype != BT_I32) return bad("its result is neither i32 nor i64");
  return r.become("Cast", {longs}, {{"to", int64_t{BT_I32}}}, output);
}

Result<void> read_shape(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  return as_stated(r, r.part("Shape", {x}));
}

Result<void> read_range(OperatorReader& r) {
  TRY(r.need(3, 3));
  TRY(auto in, r.inputs());
  for (Value*& v : in)
    if (v->rank() == 1) v = r.part("Reshape", {v, r.list({})});
  return r.become("Range", in);
}

Result<void> read_cumsum(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto* o, r.options<tfl::CumsumOptions>());
  TRY(Value* x, r.input(0));
  TRY(const int64_t axis, r.int_at(1));
  return r.become("CumSum", {x, r.file().constant(r.name() + ".axis", Tensor::scalar_int(axis))},
                  {{"exclusive", int64_t{o->exclusive()}}, {"reverse", int64_t{o->reverse()}}});
}

Result<void> read_top_k(OperatorReader& r) {
  TRY(r.need(2, 2, 2));
  TRY(Value* x, r.input(0));
  TRY(const int64_t k, r.int_at(1));
  TRY(x, r.file().real(x));
  const auto made = r.parts("TopK", {x, r.list({k})}, {}, 2);
  TRY(r.become("Identity", {made[0]}, {}, 0));
  return as_stated(r, made[1], 1);
}

Result<void> read_one_hot(OperatorReader& r) {
  TRY(r.need(4, 4));
  TRY(const auto* o, r.options<tfl::OneHotOptions>());
  TRY(Value* index, r.input(0));
  TRY(const int64_t depth, r.int_at(1));
  TRY(Value* on, r.input(2));
  TRY(Value* off, r.input(3));
  const auto flat = [&](Value* v) { return r.part("Reshape", {v, r.list({1})}); };
  Value* values = r.part("Concat", {flat(off), flat(on)}, {{"axis", int64_t{0}}});
  return r.become("OneHot", {index, r.list({depth}), values}, {{"axis", int64_t{o->axis()}}});
}

constexpr ReadRow kRows[] = {
    {Code8::GATHER, read_gather},       {Code8::EMBEDDING_LOOKUP, read_embedding},
    {Code8::GATHER_ND, read_gather_nd}, {Code8::SHAPE, read_shape},
    {Code8::RANGE, read_range},         {Code8::CUMSUM, read_cumsum},
    {Code8::TOPK_V2, read_top_k},       {Code8::ONE_HOT, read_one_hot},
};

}  // namespace

std::span<const ReadRow> read_index_rows() { return kRows; }

}  // namespace bantam
