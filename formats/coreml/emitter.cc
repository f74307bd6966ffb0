// SPDX-License-Identifier: Apache-2.0
#include "formats/coreml/emitter.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "formats/coreml/open_lengths.h"
#include "ir/match.h"
#include "ir/permute.h"
#include "quant/weights.h"

namespace bantam::coreml {
namespace {

constexpr int kMostAxes = 5;

bool is_quantized(const Value* v) { return v->quant && bt_is_int(v->dtype); }

}  // namespace

int channel_axis_of(const Value* v) {
  for (const Use& u : v->uses()) {
    const auto weights = weight_inputs(*u.node);
    if (std::find(weights.begin(), weights.end(), static_cast<size_t>(u.index)) == weights.end()) continue;
    const int axis = weight_axis(*u.node, static_cast<size_t>(u.index));
    if (axis < v->rank()) return axis;
  }
  return 0;
}

Shape broadcast(const Shape& a, const Shape& b) {
  Shape out = a.size() >= b.size() ? a : b;
  const Shape& other = a.size() >= b.size() ? b : a;
  for (size_t i = 0; i < other.size(); ++i) {
    int64_t& length = out[out.size() - other.size() + i];
    if (length == 1) length = other[i];
  }
  return out;
}

const OperatorRow* find_operator(std::string_view op) {
  static const auto table = [] {
    std::map<std::string_view, const OperatorRow*> all;
    for (const auto* rows : {&elementwise_rows, &product_rows, &pooling_rows, &shape_rows, &reduction_rows, &resize_rows, &recurrent_rows})
      for (const OperatorRow& row : *rows) all[row.op] = &row;
    return all;
  }();
  const auto it = table.find(op);
  return it == table.end() ? nullptr : it->second;
}

Emitter::Emitter(Program& program, const Storage& storage) : program_(program), storage_(storage) {}

Element Emitter::element_of(const Value* v) const {
  if (v->dtype == BT_F16) return Element::f16;
  if (v->dtype == BT_F32 || is_quantized(v)) return storage_.real;
  return v->dtype == BT_BOOL ? Element::boolean : Element::i32;
}

std::string Emitter::refusal(const Value* v) const {
  constexpr uint32_t kHeld = BT_BIT(BT_F32) | BT_BIT(BT_F16) | BT_BIT(BT_BOOL) | BT_BIT(BT_I8) | BT_BIT(BT_U8) |
                             BT_BIT(BT_I16) | BT_BIT(BT_U16) | BT_BIT(BT_I32) | BT_BIT(BT_I64);
  if (!bt_is_type(v->dtype, kHeld)) return formatted("values of type {} have no place in it", bt_dtype_name(v->dtype));
  if (v->constant) return "";
  if (!v->shape) return formatted("the shape of {} is not known; fix it with --shape", quote(v->name));
  if (v->rank() > kMostAxes) return formatted("{} has {} axes, where it takes up to {}", quote(v->name), v->rank(), kMostAxes);
  if (std::find(v->shape->begin(), v->shape->end(), 0) != v->shape->end()) return formatted("{} has no elements", quote(v->name));
  if (is_quantized(v)) {
    const bool bytes = bt_dtype_size(v->dtype) == 1 && v->quant->lo() == bt_dtype_min(v->dtype) && v->quant->hi() == bt_dtype_max(v->dtype);
    if (!bytes || v->quant->scale.size() != 1) return formatted("{} is quantized in another way than 8 bits with one scale", quote(v->name));
  } else if (v->quant) {
    return formatted("{} is to be rounded, but was not lowered; put lower-to-integer behind quantize", quote(v->name));
  }
  return "";
}

// Slice's bounds may be as large as they like.
bool Emitter::has_large_integers(const Node& node) {
  if (node.is("Slice")) return false;
  for (const Value* v : node.inputs)
    if (v && v->constant && (v->dtype == BT_I64 || v->dtype == BT_U32))
      for (const int64_t n : v->constant->integers())
        if (n < INT32_MIN || n > INT32_MAX) return true;
  return false;
}

Result<void> Emitter::write(const Node& node) {
  node_ = &node;
  const OperatorRow* row = find_operator(node.op->name);
  if (!row) return refuse("it has no such operation");
  for (const auto* list : {&node.inputs, &node.outputs})
    for (const Value* v : *list)
      if (v)
        if (const std::string reason = refusal(v); !reason.empty()) return refuse(reason);
  if (const std::string reason = refusal_of_open_lengths(node); !reason.empty()) return refuse(reason);
  if (has_large_integers(node)) return refuse("a constant holds integers beyond 32 bits");
  return row->emit(*this, row->operation);
}

int64_t Emitter::axis(const char* attribute) const {
  const int64_t a = node_->attr_int(attribute);
  return a < 0 ? a + rank() : a;
}

std::optional<std::vector<int64_t>> Emitter::integers(size_t i) const {
  if (!given(i) || !is_constant(i)) return std::nullopt;
  return data_of(node_->input(i))->integers();
}

std::optional<double> Emitter::number(size_t i) const {
  if (!given(i) || !is_constant(i) || data_of(node_->input(i))->count() != 1) return std::nullopt;
  return data_of(node_->input(i))->number(0);
}

// ---- operands ----

std::string Emitter::constant(const Value* v, const Constant& c, const std::string& key) {
  std::string& known = constants_[{v, key}];
  if (!known.empty()) return known;
  Storage storage = storage_;
  storage.real = element_of(v);
  const Form form = best_form(c, storage);
  const uint64_t before = program_.weight_bytes();
  known = write_constant(program_, v->name, c, form, storage);
  if (program_.weight_bytes() > before) size_map_.push_back({v->name, description(form, storage.real), program_.weight_bytes() - before});
  return known;
}

std::string Emitter::write_plain(const Value* v, const Tensor& t) {
  if (v->dtype == BT_BOOL) return program_.constant(v->name, {{Element::boolean, t.shape()}, {t.bytes().data(), t.bytes().data() + t.bytes().size()}});
  return program_.constant(v->name, Data::of_ints(t.shape(), t.integers()));
}

std::string Emitter::value(const Value* v) {
  if (const auto it = names_.find(v); it != names_.end()) return it->second;
  const Tensor& t = *data_of(v);
  if (!is_real(element_of(v))) return names_[v] = write_plain(v, t);
  if (!v->constant) return names_[v] = program_.constant(v->name, Data::of_reals(element_of(v), t.shape(), t.floats()));
  return names_[v] = constant(v, Constant::of(t, v->quant.get(), channel_axis_of(v)), "");
}

std::string Emitter::in_permuted(size_t i, const std::vector<int64_t>& perm) {
  const Value* v = node_->input(i);
  const auto axis = std::find(perm.begin(), perm.end(), channel_axis_of(v)) - perm.begin();
  const Constant c = Constant::of(permuted(*data_of(v), perm), permuted(v->quant, perm).get(), static_cast<int>(axis));
  return constant(v, c, "permuted " + shape_text(perm));
}

std::string Emitter::in_reshaped(size_t i, const Shape& dims) {
  const Value* v = node_->input(i);
  Constant c = Constant::of(*data_of(v), v->quant.get(), 0);
  c.shape = dims;
  c.codes.clear();  // their scales may run along an axis that is gone
  return constant(v, c, "reshaped " + shape_text(dims));
}

std::string Emitter::in_entry(size_t i, int64_t at) {
  const Value* v = node_->input(i);
  const Tensor& t = *data_of(v);
  const size_t size = t.bytes().size() / static_cast<size_t>(t.shape()[0]);
  const Tensor entry(t.dtype(), {t.shape().begin() + 1, t.shape().end()}, t.bytes().part(static_cast<size_t>(at) * size, size));
  std::optional<Quant> quant;
  if (v->quant && v->quant->axis != 0) {  // scales along the first axis would be others for each entry
    quant = *v->quant;
    if (quant->axis > 0) --quant->axis;
  }
  return constant(v, Constant::of(entry, quant ? &*quant : nullptr, std::max(channel_axis_of(v) - 1, 0)), formatted("entry {}", at));
}

// ---- operations ----

// A name to make others of: that of the first output that somebody wants.
const std::string& Emitter::wish() const {
  const auto wanted = std::find_if(node_->outputs.begin(), node_->outputs.end(), [](const Value* v) { return v != nullptr; });
  return wanted == node_->outputs.end() ? node_->name : (*wanted)->name;
}

std::string Emitter::temporary(const char* operation, const Inputs& inputs, Type type) {
  const std::string name = program_.inner_name(wish() + "." + operation);
  program_.add(operation, inputs, {{name, std::move(type)}});
  return name;
}

std::vector<std::string> Emitter::temporaries(const char* operation, const Inputs& inputs, const std::vector<Type>& types) {
  std::vector<std::pair<std::string, Type>> made;
  std::vector<std::string> names;
  for (const Type& type : types) {
    names.push_back(program_.inner_name(wish() + "." + operation));
    made.emplace_back(names.back(), type);
  }
  program_.add(operation, inputs, made);
  return names;
}

// Rounds reals to the grid of the quantized value.
void Emitter::rounded(const Value* v, const std::string& reals) {
  need(17);
  const Element integer = v->dtype == BT_U8 ? Element::u8 : Element::i8;
  const std::string scale = program_.real(storage_.real, v->quant->scale[0]);
  const std::string zero = program_.constant("zero", Data::of_numbers(integer, {}, {static_cast<uint8_t>(v->quant->zero_at(0))}));
  const std::string q = program_.inner_name(v->name + ".quantized"), back = program_.inner_name(v->name);
  program_.add("quantize", {{"input", {reals}}, {"scale", {scale}}, {"zero_point", {zero}}, {"output_dtype", {text(name_of(integer))}}}, {{q, {integer, *v->shape}}});
  program_.add("dequantize", {{"input", {q}}, {"scale", {scale}}, {"zero_point", {zero}}}, {{back, type(v)}});
  bind(v, back);
}

void Emitter::finish(const Value* v, const char* operation, const Inputs& inputs) {
  if (is_quantized(v)) return rounded(v, temporary(operation, inputs));
  const auto fixed = output_names.find(v);
  const std::string name = fixed != output_names.end() ? fixed->second : program_.inner_name(v->name);
  program_.add(operation, inputs, {{name, type(v)}});
  bind(v, name);
}

void Emitter::result(const char* operation, const Inputs& inputs, size_t output) { finish(node_->output(output), operation, inputs); }

void Emitter::clamped_result(const char* operation, const Inputs& inputs) {
  if (!has_clamp(*node_)) return result(operation, inputs);
  const std::string x = temporary(operation, inputs);
  const float lo = node_->attr_float("lo"), hi = node_->attr_float("hi");
  if (lo == 0.0f && std::isinf(hi)) return result("relu", {{"x", {x}}});
  if (lo == 0.0f && hi == 6.0f) return result("relu6", {{"x", {x}}});
  if (std::isinf(hi)) return result("maximum", {{"x", {x}}, {"y", {scalar(lo)}}});
  if (std::isinf(lo)) return result("minimum", {{"x", {x}}, {"y", {scalar(hi)}}});
  result("clip", {{"x", {x}}, {"alpha", {scalar(lo)}}, {"beta", {scalar(hi)}}});
}

void Emitter::results(const char* operation, const Inputs& inputs, const std::vector<Type>& types) {
  std::vector<std::pair<std::string, Type>> made;
  for (size_t i = 0; i < types.size(); ++i) {
    const Value* v = node_->output(i);
    const auto fixed = output_names.find(v);
    made.emplace_back(fixed != output_names.end() ? fixed->second : program_.inner_name(v ? v->name : "unused"), types[i]);
  }
  program_.add(operation, inputs, made);
  for (size_t i = 0; i < types.size(); ++i) {
    const Value* v = node_->output(i);
    if (!v) continue;
    if (is_quantized(v)) rounded(v, made[i].first);
    else bind(v, made[i].first);
  }
}

void Emitter::same(const std::string& name) { bind(node_->output(), name); }

}  // namespace bantam::coreml
