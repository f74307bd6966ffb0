// SPDX-License-Identifier: Apache-2.0
// Nodes for operators: on integers where the IR computes them as LiteRT does, else on floats.
//
//   ADD(%a : i8, %b : i8) -> i8          =>   %y : i8 = Add(%a, %b)
//   RSQRT(%a : i8) -> i8                 =>   %r = Dequantize(%a); ...; %y : i8 = Quantize(...)
//   CONV_2D(%x : f32, %w : i8) -> f32    =>   %y = Conv(%x, %w : f32, stored in i8)
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "formats/tflite/read_operators.h"
#include "ir/match.h"
#include "ir/op.h"

namespace bantam {
namespace {

Error bad(std::string message) { return {Code::bad_input, std::move(message)}; }

bool is_q8(const Value* v) { return v && v->dtype == BT_I8 && v->quant; }
bool has_one_scale(const Value* v) { return is_q8(v) && v->quant->scale.size() == 1; }

bool is_quantized(const Value* v) { return v && v->quant && !bt_is_float(v->dtype); }

// The weight of a product of integers: symmetric, with its scales along the outputs.
bool is_integer_weight(const std::string& op, const Value* w) {
  if (!is_q8(w) || !w->is_constant()) return false;
  const Quant& q = *w->quant;
  if (std::any_of(q.zero.begin(), q.zero.end(), [](int32_t z) { return z != 0; })) return false;
  return q.axis < 0 || q.axis == (op == "MatMul" ? w->rank() - 1 : 0);
}

bool is_integer_bias(const Value* b) { return !b || (b->is_constant() && b->dtype == BT_I32); }

// As `has_integer_form` of the writer says of whole nodes, for one that is not there yet.
bool has_integer_form(const bt_op& op, const std::vector<Value*>& inputs,
                      const std::vector<TensorForm>& wanted) {
  const Value* x = inputs.empty() ? nullptr : inputs[0];
  const Quant* y =
      wanted[0].is_q8() && wanted[0].quant->scale.size() == 1 ? wanted[0].quant.get() : nullptr;
  const auto all = [&](auto fits) {
    return std::all_of(inputs.begin(), inputs.end(), [&](const Value* v) { return !v || fits(v); });
  };
  switch (op.quant) {
    case BT_QUANT_MACS:
      return y && has_one_scale(x) && is_integer_weight(op.name, inputs[1]) &&
             is_integer_bias(inputs.size() > 2 ? inputs[2] : nullptr);
    case BT_QUANT_SAME:
      return is_q8(x) && std::all_of(wanted.begin(), wanted.end(), [&](const TensorForm& f) {
               return f.is_q8() && f.quant->scale == x->quant->scale &&
                      f.quant->axis == x->quant->axis &&
                      f.quant->zero_at(0) == x->quant->zero_at(0) && x->quant->axis < 0;
             });
    case BT_QUANT_JOIN:
    case BT_QUANT_ARITH:
      if (!y || !all([](const Value* v) {
            return has_one_scale(v) || (!is_quantized(v) && v->dtype != BT_F32);
          }))
        return false;
      return std::string_view(op.name) != "Softmax" ||
             (y->scale[0] == 1.0f / 256 && y->zero_at(0) == -128);
    case BT_QUANT_TABLE: return y && has_one_scale(x);
    default: return false;
  }
}

std::shared_ptr<const Quant> bias_quant(const Value& x, const Value& w) {
  auto quant = std::make_shared<Quant>();
  quant->storage = BT_I32;
  quant->bits = 32;
  quant->axis = w.quant->scale.size() > 1 ? 0 : -1;
  for (const float s : w.quant->scale) quant->scale.push_back(x.quant->scale[0] * s);
  return quant;
}

}  // namespace

Result<std::vector<Value*>> TfliteImporter::append(const std::string& op,
                                                   std::vector<Value*> inputs, AttrList attrs,
                                                   const std::vector<TensorForm>& wanted,
                                                   const std::vector<std::string>& names) {
  const bt_op* spec = find_op(op);
  const bool involved = std::any_of(inputs.begin(), inputs.end(), is_quantized) ||
                        std::any_of(wanted.begin(), wanted.end(),
                                    [](const TensorForm& f) { return f.quant != nullptr; });
  const bool integer = involved && has_integer_form(*spec, inputs, wanted);
  std::vector<std::string> made_names = names;
  if (involved && !integer) {
    for (Value*& v : inputs) {
      if (!v) continue;
      TRY(v, real(v));
    }
    for (size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i].quant) made_names[i] += ".real";
  }
  // The kernels take the scale of a bias from its product, whatever the file says.
  if (integer && spec->quant == BT_QUANT_MACS && inputs.size() > 2 && inputs[2])
    inputs[2] = constant(inputs[2]->name, *inputs[2]->constant, bias_quant(*inputs[0], *inputs[1]));
  const std::string node =
      names[0].ends_with(".part") ? names[0].substr(0, names[0].size() - 5) : names[0];
  TRY(Node* n, graph_.append(op, node, std::move(inputs), std::move(attrs), made_names));
  std::vector<Value*> results = n->outputs;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].quant) continue;
    if (integer) {
      results[i]->dtype = BT_I8;
      results[i]->quant = wanted[i].quant;
    } else if (results[i]->dtype == BT_F32 && wanted[i].is_q8()) {
      TensorForm form = wanted[i];
      form.dtype = BT_I8;
      TRY(results[i], quantized(results[i], form, names[i]));
    } else if (results[i]->dtype == BT_F32 && wanted[i].is_q16()) {
      TRY(Value* rounded, quantized(results[i], wanted[i], names[i] + ".quantized"));
      TRY(results[i], from_border(rounded, wanted[i], names[i]));
    }
  }
  return results;
}

// ---- one operator ----

OperatorReader::OperatorReader(TfliteImporter& file, const tfl::Operator& op)
    : file_(file), op_(op) {}

std::string OperatorReader::name() const {
  return output_count() ? file_.name_of(op_.outputs()->Get(0)) : std::string();
}

Result<void> OperatorReader::need(size_t least, size_t most, size_t outputs) const {
  if (input_count() < least || input_count() > most)
    return bad(formatted("it has {} inputs; {}{} are possible", input_count(), least,
                         least == most ? "" : formatted(" to {}", most)));
  if (output_count() != outputs)
    return bad(formatted("it has {} outputs; {} expected", output_count(), outputs));
  return {};
}

int OperatorReader::input_index(size_t i) const {
  return i < input_count() ? op_.inputs()->Get(static_cast<uint32_t>(i)) : -1;
}

Result<Value*> OperatorReader::input(size_t i) {
  if (input_index(i) < 0) return bad(formatted("input {} is missing", i));
  return file_.value(input_index(i));
}

Result<Value*> OperatorReader::optional(size_t i) {
  return input_index(i) < 0 ? Result<Value*>(nullptr) : input(i);
}

Result<std::vector<Value*>> OperatorReader::inputs() {
  std::vector<Value*> list;
  for (size_t i = 0; i < input_count(); ++i) {
    TRY(Value* v, input(i));
    list.push_back(v);
  }
  return list;
}

Result<std::vector<int64_t>> OperatorReader::ints(size_t i) {
  TRY(const Value* v, input(i));
  const auto known = v->quant ? std::nullopt : integers_of(v);
  if (!known)
    return not_read(formatted("its input {} is computed; only constants are read there", i));
  return *known;
}

Result<int64_t> OperatorReader::int_at(size_t i) {
  TRY(const auto list, ints(i));
  if (list.size() != 1)
    return bad(formatted("its input {} holds {} numbers; 1 expected", i, list.size()));
  return list[0];
}

Result<Value*> OperatorReader::long_ints(size_t i) {
  TRY(Value* v, input(i));
  if (v->dtype == BT_I64 && !v->quant) return v;
  if (v->dtype != BT_I32 || v->quant)
    return bad(formatted("its input {} is of type {}; i32 expected", i, bt_dtype_name(v->dtype)));
  if (const auto known = v->is_constant() ? integers_of(v) : std::nullopt) {
    TRY(file_.spend(known->size() * sizeof(int64_t)));
    return file_.constant(v->name, Tensor::of_ints(*v->shape, *known));
  }
  return part("Cast", {v}, {{"to", int64_t{BT_I64}}});
}

Result<const tfl::Tensor*> OperatorReader::output_tensor(size_t i) const {
  if (i >= output_count()) return bad(formatted("output {} is missing", i));
  return file_.tensor(op_.outputs()->Get(static_cast<uint32_t>(i)));
}

Result<Shape> OperatorReader::output_shape(size_t i) const {
  TRY(const tfl::Tensor* t, output_tensor(i));
  Shape shape;
  if (t->shape()) shape.assign(t->shape()->begin(), t->shape()->end());
  const auto* open = t->shape_signature();
  for (uint32_t d = 0; open && open->size() == shape.size() && d < open->size(); ++d)
    if (open->Get(d) < 0) shape[d] = -1;
  return shape;
}

Result<TensorForm> OperatorReader::output_form(size_t i) const {
  TRY(const tfl::Tensor* t, output_tensor(i));
  return file_.form(*t);
}

// ---- what it becomes ----

Value* OperatorReader::list(const std::vector<int64_t>& values) {
  return file_.constant(name() + ".constant", Tensor::vector_of(values));
}
Value* OperatorReader::number(float value) {
  return file_.constant(name() + ".constant", Tensor::scalar_float(value));
}

Value* OperatorReader::keep(const Result<std::vector<Value*>>& made, Value* otherwise) {
  if (made.ok()) {
    parts_.insert(parts_.end(), made.value().begin(), made.value().end());
    return made.value().front();
  }
  error_ = made.error();
  return otherwise;
}

Value* OperatorReader::part_as(const TensorForm& form, const char* op, std::vector<Value*> in,
                               AttrList attrs) {
  Value* first = in[0];
  if (error_) return first;
  return keep(file_.append(op, std::move(in), std::move(attrs), {form}, {name() + ".part"}), first);
}

Value* OperatorReader::part(const char* op, std::vector<Value*> in, AttrList attrs) {
  TensorForm form;
  if (is_q8(in[0]) && find_op(op)->quant == BT_QUANT_SAME) form = {BT_I8, in[0]->quant};
  return part_as(form, op, std::move(in), std::move(attrs));
}

std::vector<Value*> OperatorReader::parts(const char* op, std::vector<Value*> in, AttrList attrs,
                                          size_t outputs) {
  Value* in_front = in[0];
  const std::vector<Value*> dummies(outputs, in_front);
  if (error_) return dummies;
  TensorForm form;
  if (is_q8(in[0]) && find_op(op)->quant == BT_QUANT_SAME) form = {BT_I8, in[0]->quant};
  auto made =
      file_.append(op, std::move(in), std::move(attrs), std::vector<TensorForm>(outputs, form),
                   std::vector<std::string>(outputs, name() + ".part"));
  keep(made, in_front);
  return made.ok() ? *made : dummies;
}

Result<void> OperatorReader::become(const char* op, std::vector<Value*> in, AttrList attrs,
                                    size_t output) {
  if (error_) return *error_;
  TRY(const TensorForm form, output_form(output));
  const int index = op_.outputs()->Get(static_cast<uint32_t>(output));
  TRY(const auto made,
      file_.append(op, std::move(in), std::move(attrs), {form}, {file_.name_of(index)}));
  return become_value(made[0], output);
}

Result<void> OperatorReader::become_value(Value* v, size_t output) {
  if (error_) return *error_;
  TRY(const TensorForm form, output_form(output));
  const DType stated = form.is_q8() ? BT_I8 : form.is_q16() ? BT_F32 : form.dtype;
  if (v->dtype != stated)
    return bad(formatted("its output {} is stated as {}, but it is {}", output,
                         bt_dtype_name(stated), bt_dtype_name(v->dtype)));
  const int index = op_.outputs()->Get(static_cast<uint32_t>(output));
  if (std::find(parts_.begin(), parts_.end(), v) != parts_.end())
    file_.graph().rename(v, file_.graph().unique_name(file_.name_of(index)));
  std::erase(parts_, v);
  return file_.define(index, v);
}

Result<void> OperatorReader::become(const char* op, std::vector<Value*> in, AttrList attrs,
                                    tfl::ActivationFunctionType clamp) {
  using Activation = tfl::ActivationFunctionType;
  if (clamp == Activation::NONE) return become(op, std::move(in), std::move(attrs));
  TRY(const TensorForm form, output_form());
  if (clamp == Activation::TANH) return become("Tanh", {part(op, std::move(in), std::move(attrs))});
  if (clamp != Activation::RELU && clamp != Activation::RELU6 && clamp != Activation::RELU_N1_TO_1)
    return not_read("its fused activation is not read");
  const float lo = clamp == Activation::RELU_N1_TO_1 ? -1.0f : 0.0f;
  const float hi = clamp == Activation::RELU ? INFINITY : clamp == Activation::RELU6 ? 6.0f : 1.0f;
  if (attr_index(*find_op(op), "lo") >= 0) {
    attrs.emplace_back("lo", lo);
    if (hi != INFINITY) attrs.emplace_back("hi", hi);
    return become(op, std::move(in), std::move(attrs));
  }
  Value* y = part_as(form, op, std::move(in), std::move(attrs));
  return become("Clip", {y, number(lo), hi == INFINITY ? nullptr : number(hi)});
}

Result<void> OperatorReader::finish() {
  if (error_) return *error_;
  for (size_t i = 0; i < output_count(); ++i)
    TRY(file_.value(op_.outputs()->Get(static_cast<uint32_t>(i))));
  return {};
}

}  // namespace bantam
