// SPDX-License-Identifier: Apache-2.0
// Tensors of a .tflite file as values: their types, scales and numbers.
#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "base/format.h"
#include "base/text.h"
#include "formats/tflite/read.h"
#include "formats/tflite/read_sparse.h"

namespace bantam {
namespace {

Error bad(std::string message) { return {Code::bad_input, std::move(message)}; }
Error not_here(std::string message) { return {Code::unsupported, std::move(message)}; }

constexpr int kMoved = 128;  // between u8 and i8

struct IntegerRange {
  int64_t lo, hi;
};
IntegerRange range_of(DType t) {
  if (t == BT_U8) return {0, 255};
  if (t == BT_I8) return {-128, 127};
  return t == BT_I16 ? IntegerRange{-32768, 32767}
                     : IntegerRange{0, 0};  // wider ones are never shifted
}

// Of integers that share bytes, 0 for others.
int packed_bits(tfl::TensorType type) {
  return type == tfl::TensorType::INT4 ? 4 : type == tfl::TensorType::INT2 ? 2 : 0;
}

// Integers of 4 or 2 bits, the first one lowest in its byte.
std::vector<uint8_t> unpacked(const Bytes& packed, int64_t count, int bits) {
  std::vector<uint8_t> out(static_cast<size_t>(count));
  const size_t each = 8 / static_cast<size_t>(bits);
  const int half = 1 << (bits - 1);
  for (size_t i = 0; i < out.size(); ++i) {
    const int code = packed.data()[i / each] >> (i % each * static_cast<size_t>(bits)) & (2 * half - 1);
    out[i] = static_cast<uint8_t>(code < half ? code : code - 2 * half);
  }
  return out;
}

bool has_lowest(const Tensor& t) {
  const auto bytes = t.as<int8_t>();
  return std::find(bytes.begin(), bytes.end(), INT8_MIN) != bytes.end();
}

bool is_symmetric(const Quant& q) {
  return std::all_of(q.zero.begin(), q.zero.end(), [](int32_t z) { return z == 0; });
}

Tensor moved_by_128(const Tensor& unsigned_ones) {
  std::vector<uint8_t> bytes(unsigned_ones.bytes().data(),
                             unsigned_ones.bytes().data() + unsigned_ones.bytes().size());
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(b ^ 0x80);
  return {BT_I8, unsigned_ones.shape(), Bytes(std::move(bytes))};
}

}  // namespace

DType element_type(tfl::TensorType type) {
  switch (type) {
    case tfl::TensorType::FLOAT32: return BT_F32;
    case tfl::TensorType::FLOAT16: return BT_F16;
    case tfl::TensorType::BFLOAT16: return BT_BF16;
    case tfl::TensorType::FLOAT64: return BT_F64;
    case tfl::TensorType::UINT8: return BT_U8;
    case tfl::TensorType::INT8:
    case tfl::TensorType::INT4:
    case tfl::TensorType::INT2: return BT_I8;
    case tfl::TensorType::UINT16: return BT_U16;
    case tfl::TensorType::INT16: return BT_I16;
    case tfl::TensorType::INT32: return BT_I32;
    case tfl::TensorType::UINT32: return BT_U32;
    case tfl::TensorType::INT64: return BT_I64;
    case tfl::TensorType::UINT64: return BT_U64;
    case tfl::TensorType::BOOL: return BT_BOOL;
  }
  return BT_NONE;
}

Result<TensorForm> TfliteImporter::form(const tfl::Tensor& t) const {
  TensorForm form;
  form.dtype = element_type(t.type());
  const std::string name = quote(t.name() ? t.name()->str() : "");
  if (form.dtype == BT_NONE)
    return not_here(
        formatted("tensor {} has elements of type {}", name, static_cast<int>(t.type())));
  const auto* q = t.quantization();
  if (!q || bt_is_float(form.dtype) || form.dtype == BT_BOOL) return form;
  if (q->details_type()) return not_here(formatted("tensor {} has scales in blocks", name));
  if (!q->scale() || q->scale()->size() == 0) return form;
  auto quant = std::make_shared<Quant>();
  quant->storage = form.dtype == BT_U8 ? BT_I8 : form.dtype;
  const int packed = packed_bits(t.type());
  quant->bits = packed ? packed : bt_dtype_bits(quant->storage);
  const uint32_t scales = q->scale()->size(), zeros = q->zero_point() ? q->zero_point()->size() : 0;
  if (scales > 1) {
    const int axis = q->quantized_dimension();
    const bool fits = t.shape() && axis >= 0 && static_cast<uint32_t>(axis) < t.shape()->size() &&
                      t.shape()->Get(static_cast<uint32_t>(axis)) == static_cast<int64_t>(scales);
    if (!fits)
      return bad(formatted("tensor {} has {} scales along axis {}, which do not fit its shape",
                           name, scales, axis));
    quant->axis = axis;
  }
  if (zeros != 0 && zeros != scales && zeros != 1)
    return bad(formatted("tensor {} has {} scales and {} zero points", name, scales, zeros));
  const auto range = range_of(form.dtype);
  quant->scale.assign(q->scale()->begin(), q->scale()->end());
  for (const float s : quant->scale)
    if (!(s > 0) || !std::isfinite(s))
      return bad(formatted("tensor {} has a scale of {}", name, shortest(s)));
  quant->zero.assign(scales, 0);
  for (uint32_t i = 0; zeros && i < scales; ++i) {
    const int64_t zero = q->zero_point()->Get(zeros == 1 ? 0 : i);
    if (zero < range.lo || zero > range.hi)
      return bad(formatted("tensor {} has a zero point of {}", name, zero));
    quant->zero[i] = static_cast<int32_t>(form.dtype == BT_U8 ? zero - kMoved : zero);
  }
  if (!zeros && form.dtype == BT_U8) quant->zero.assign(scales, -kMoved);
  form.quant = std::move(quant);
  return form;
}

// ---- numbers ----

// Empty where the tensor has none.
Result<Bytes> TfliteImporter::bytes_of(const tfl::Tensor& t) const {
  const auto* buffers = model_.buffers();
  if (!buffers || t.buffer() >= buffers->size())
    return bad(formatted("a tensor names buffer {}; there are {}", t.buffer(),
                         buffers ? buffers->size() : 0));
  const tfl::Buffer& b = *buffers->Get(t.buffer());
  if (b.offset() > 1) {
    if (b.offset() > file_.size() || b.size() > file_.size() - b.offset())
      return bad(formatted("buffer {} lies outside the file", t.buffer()));
    return file_.part(b.offset(), b.size());
  }
  if (!b.data()) return Bytes();
  return file_.part(static_cast<size_t>(b.data()->data() - file_.data()), b.data()->size());
}

Result<Tensor> TfliteImporter::data_of(const tfl::Tensor& t) {
  Shape shape;
  if (t.shape()) shape.assign(t.shape()->begin(), t.shape()->end());
  const DType dtype = element_type(t.type());
  const int packed = packed_bits(t.type());
  const auto count = checked_count(shape);
  const auto size =
      count ? checked_mul(*count, packed ? 1 : static_cast<int64_t>(bt_dtype_size(dtype)))
            : std::nullopt;
  if (!size || shape.size() > BT_MAX_RANK)
    return bad(formatted("a constant has the shape {}", shape_text(shape)));
  TRY(Bytes bytes, bytes_of(t));
  if (t.sparsity()) {
    if (packed) return not_here("a sparse constant holds integers of less than 8 bits");
    TRY(spend(static_cast<uint64_t>(*size)));
    TRY(auto dense, dense_of(*t.sparsity(), shape, bt_dtype_size(dtype), bytes));
    bytes = Bytes(std::move(dense));
  }
  const int64_t each = packed ? 8 / packed : 1;
  const auto expected = static_cast<uint64_t>((*size + each - 1) / each);
  if (bytes.size() != expected)
    return bad(formatted("a constant of shape {} has {} bytes; its type asks for {}",
                         shape_text(shape), bytes.size(), expected));
  if (packed) {
    TRY(spend(static_cast<uint64_t>(*count)));
    return Tensor(BT_I8, shape, Bytes(unpacked(bytes, *count, packed)));
  }
  const bool aligned =
      reinterpret_cast<uintptr_t>(bytes.data()) % std::max<size_t>(bt_dtype_size(dtype), 1) == 0;
  if (aligned && dtype != BT_BOOL) return Tensor(dtype, shape, bytes);
  TRY(spend(bytes.size()));
  std::vector<uint8_t> copy(bytes.data(), bytes.data() + bytes.size());
  if (dtype == BT_BOOL)
    for (uint8_t& b : copy) b = b != 0;
  return Tensor(dtype, shape, Bytes(std::move(copy)));
}

// ---- values ----

Value* TfliteImporter::constant(const std::string& name, Tensor data,
                                std::shared_ptr<const Quant> quant) {
  return graph_.add_constant(name, std::move(data), std::move(quant));
}

Result<Value*> TfliteImporter::value(int index) {
  TRY(tensor(index));
  Value*& v = values_[static_cast<size_t>(index)];
  if (v) return v;
  TRY(v, stored(index));
  return v;
}

Result<void> TfliteImporter::define(int index, Value* v) {
  values_[static_cast<size_t>(index)] = v;
  return {};
}

// A tensor that holds numbers: a constant.
Result<Value*> TfliteImporter::stored(int index) {
  TRY(const tfl::Tensor* t, tensor(index));
  const std::string name = name_of(index);
  if (producer(index)) return bad(formatted("tensor {} is read before it is made", quote(name)));
  if (t->is_variable())
    return not_here(formatted("tensor {} keeps its value between runs", quote(name)));
  TRY(const TensorForm form, form(*t));
  TRY(Tensor data, within("tensor " + quote(name), data_of(*t)));
  auto quant = form.quant;
  if (form.is_q8() && form.dtype == BT_U8) {
    TRY(spend(data.bytes().size()));
    data = moved_by_128(data);
  }
  if (quant && data.dtype() == BT_I8 && is_symmetric(*quant)) {
    auto plain = std::make_shared<Quant>(*quant);
    plain->zero.clear();
    plain->narrow = plain->bits == 8 && !has_lowest(data);
    quant = plain;
  }
  return constant(name, std::move(data), quant);
}

Result<Value*> TfliteImporter::real(Value* v) {
  if (!v->quant || bt_is_float(v->dtype)) return v;
  Value*& made = reals_[v];
  if (made) return made;
  if (v->is_constant()) {
    TRY(spend(static_cast<uint64_t>(v->constant->count()) * sizeof(float)));
    const bool as_weight = v->dtype == BT_I8;  // it stays small in what is written
    made = constant(v->name, decode(*v->constant, *v->quant), as_weight ? v->quant : nullptr);
    return made;
  }
  TRY(Node* n, graph_.append("Dequantize", v->name, {v}, {}, {v->name + ".real"}));
  return made = n->output();
}

// A value of u8 or i16, or what becomes one, with scale and zero point as ONNX gives them.
std::vector<Value*> TfliteImporter::with_grid(Value* v, const TensorForm& form,
                                              const std::string& name) {
  const auto zero = static_cast<uint8_t>(form.quant->zero_at(0) + kMoved);
  const auto short_zero = static_cast<int16_t>(form.quant->zero_at(0));
  Value* scale = constant(name + ".scale", Tensor::scalar_float(form.quant->scale[0]));
  Value* offset = constant(
      name + ".zero", form.dtype == BT_U8 ? Tensor(BT_U8, {}, Bytes::copy_of(&zero, 1))
                                          : Tensor(BT_I16, {}, Bytes::copy_of(&short_zero, 2)));
  return {v, scale, offset};
}

// Of an input: what its readers work on.
Result<Value*> TfliteImporter::from_border(Value* v, const TensorForm& form,
                                           const std::string& name) {
  if (!form.quant || form.dtype == BT_I8 || form.dtype == BT_I32 || form.dtype == BT_I64) return v;
  if (form.quant->axis >= 0) return not_here(formatted("input {} has several scales", quote(name)));
  TRY(Node* n, graph_.append("DequantizeLinear", name, with_grid(v, form, name), {}, {name + ".real"}));
  if (form.dtype == BT_I16) return n->output();
  TensorForm moved = form;
  moved.dtype = BT_I8;
  return quantized(n->output(), moved, name + ".quantized");
}

// Floats as integers. Those of 8 bits are i8 inside; u8 and i16 are what a border gives away.
Result<Value*> TfliteImporter::quantized(Value* v, const TensorForm& form,
                                         const std::string& name) {
  if (form.dtype == BT_I8) {
    TRY(Node* n, graph_.append("Quantize", name, {v}, {}, {name}));
    n->output()->dtype = BT_I8;
    n->output()->quant = form.quant;
    return n->output();
  }
  TRY(Node* n, graph_.append("QuantizeLinear", name, with_grid(v, form, name), {}, {name}));
  return n->output();
}

}  // namespace bantam
