// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx/tensor.h"

#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "base/format.h"
#include "base/text.h"
#include "runtime/op.h"

namespace bantam {
namespace {

Error bad(const std::string& message) { return {Code::bad_input, message}; }

// The typed field that a type's values belong to, and how many entries it has.
struct Typed {
  const char* name;
  int64_t entries;
};

Typed typed_field(const onnx::TensorProto& p, DType dtype) {
  switch (dtype) {
    case BT_F32: return {"float_data", p.float_data_size()};
    case BT_F64: return {"double_data", p.double_data_size()};
    case BT_I64: return {"int64_data", p.int64_data_size()};
    case BT_U64:
    case BT_U32: return {"uint64_data", p.uint64_data_size()};
    default: return {"int32_data", p.int32_data_size()};
  }
}

int64_t all_typed(const onnx::TensorProto& p) {
  return int64_t{p.float_data_size()} + p.double_data_size() + p.int64_data_size() +
         p.uint64_data_size() + p.int32_data_size() + p.string_data_size();
}

bool is_packed(DType t) { return bt_dtype_bits(t) < 8; }

int64_t packed_bytes(DType dtype, int64_t count) {
  const int per_byte = 8 / bt_dtype_bits(dtype);
  return (count + per_byte - 1) / per_byte;
}

// Elements of 2 or 4 bits, low bits first, to one byte each (sign-extended where signed).
std::vector<uint8_t> unpack(DType dtype, const uint8_t* packed, int64_t count) {
  const int bits = bt_dtype_bits(dtype), per_byte = 8 / bits;
  const bool is_signed = bt_dtype_min(dtype) < 0;
  std::vector<uint8_t> out(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    int v = packed[i / per_byte] >> (i % per_byte * bits) & ((1 << bits) - 1);
    if (is_signed && v >= 1 << (bits - 1)) v -= 1 << bits;
    out[static_cast<size_t>(i)] = static_cast<uint8_t>(v);
  }
  return out;
}

Result<Bytes> bytes_from_typed(const onnx::TensorProto& p, DType dtype, int64_t count) {
  const Typed field = typed_field(p, dtype);
  const int64_t want = is_packed(dtype) ? packed_bytes(dtype, count) : count;
  if (field.entries != want)
    return bad(formatted("{} has {} entries, {} are needed", field.name, field.entries, want));
  std::vector<uint8_t> out(static_cast<size_t>(count) * bt_dtype_size(dtype));
  const auto copy = [&](const auto& list) {
    std::copy_n(reinterpret_cast<const uint8_t*>(list.data()), out.size(), out.data());
  };
  switch (dtype) {
    case BT_F32: copy(p.float_data()); break;
    case BT_F64: copy(p.double_data()); break;
    case BT_I64: copy(p.int64_data()); break;
    case BT_U64: copy(p.uint64_data()); break;
    case BT_I32: copy(p.int32_data()); break;
    case BT_U32:
      for (int64_t i = 0; i < count; ++i) {
        const uint64_t v = p.uint64_data(static_cast<int>(i));
        if (v > std::numeric_limits<uint32_t>::max())
          return bad(formatted("entry {} is {}, which does not fit u32", i, v));
        const auto narrow = static_cast<uint32_t>(v);
        std::copy_n(reinterpret_cast<const uint8_t*>(&narrow), 4, out.data() + 4 * i);
      }
      break;
    default: {
      std::vector<uint8_t> packed;
      const bool bits16 = dtype == BT_F16 || dtype == BT_BF16;
      const bool bits8 = !bt_is_int(dtype) && !bits16 && dtype != BT_BOOL;
      const int64_t lo = bits16 || bits8 || is_packed(dtype) ? 0 : bt_dtype_min(dtype);
      const int64_t hi = bits16 ? 65535 : bits8 || is_packed(dtype) ? 255 : bt_dtype_max(dtype);
      const size_t size = is_packed(dtype) ? 1 : bt_dtype_size(dtype);
      for (int i = 0; i < p.int32_data_size(); ++i) {
        const int32_t v = p.int32_data(i);
        if (v < lo || v > hi)
          return bad(formatted("entry {} is {}, which does not fit {}", i, v, bt_dtype_name(dtype)));
        for (size_t b = 0; b < size; ++b) packed.push_back(static_cast<uint8_t>(v >> (8 * b)));
      }
      if (is_packed(dtype)) return Bytes(unpack(dtype, packed.data(), count));
      return Bytes(std::move(packed));
    }
  }
  return Bytes(std::move(out));
}

Result<Bytes> tensor_bytes(const onnx::TensorProto& p, const Bytes* raw, ExternalData& files,
                           DType dtype, int64_t count) {
  const int64_t size = is_packed(dtype) ? packed_bytes(dtype, count)
                                        : count * static_cast<int64_t>(bt_dtype_size(dtype));
  Bytes packed;
  if (p.data_location() == onnx::TensorProto_DataLocation_EXTERNAL) {
    if (raw || p.has_raw_data() || all_typed(p) > 0)
      return bad("its values are external, but it also holds values of its own");
    TRY(packed, files.read(p, static_cast<uint64_t>(size)));
  } else if (raw || p.has_raw_data()) {
    if (all_typed(p) > 0) return bad("raw_data and a typed field are both set");
    packed = raw ? *raw : Bytes::copy_of(p.raw_data().data(), p.raw_data().size());
    if (static_cast<int64_t>(packed.size()) != size)
      return bad(formatted("raw_data has {} bytes, the type and the shape need {}", packed.size(), size));
  } else {
    if (count > 0 && all_typed(p) == 0) return bad("it has no data");
    if (all_typed(p) != typed_field(p, dtype).entries)
      return bad(formatted("values of type {} belong into {}, others are set", bt_dtype_name(dtype),
                           typed_field(p, dtype).name));
    return bytes_from_typed(p, dtype, count);
  }
  if (is_packed(dtype)) return Bytes(unpack(dtype, packed.data(), count));
  if (dtype == BT_BOOL && std::any_of(packed.data(), packed.data() + packed.size(), [](uint8_t b) { return b > 1; })) {
    std::vector<uint8_t> clean(packed.size());
    std::transform(packed.data(), packed.data() + packed.size(), clean.begin(), [](uint8_t b) { return b != 0; });
    return Bytes(std::move(clean));
  }
  // Elements are read in place: they must be aligned as their C type is.
  if (reinterpret_cast<uintptr_t>(packed.data()) % bt_dtype_size(dtype) != 0)
    return Bytes::copy_of(packed.data(), packed.size());
  return packed;
}

Result<Shape> checked_shape(const google::protobuf::RepeatedField<int64_t>& dims) {
  if (dims.size() > BT_MAX_RANK)
    return Error{Code::unsupported, formatted("rank {} is above the largest supported rank, {}", dims.size(), BT_MAX_RANK)};
  Shape shape(dims.begin(), dims.end());
  for (const int64_t d : shape)
    if (d < 0) return bad(formatted("dim {} is negative", d));
  return shape;
}

}  // namespace

Result<DType> dtype_from_proto(int data_type, const std::string& what) {
  if (data_type <= 0 || data_type >= BT_DTYPE_COUNT)
    return bad(formatted("{}: data type {} does not exist", what, data_type));
  const auto dtype = static_cast<DType>(data_type);
  if (!bt_is_type(dtype, BT_TYPES_ANY))
    return Error{Code::unsupported, formatted("{}: tensors of type {} are not supported", what, bt_dtype_name(dtype))};
  return dtype;
}

Result<Tensor> tensor_from_proto(const onnx::TensorProto& p, const Bytes* raw, ExternalData& files,
                                 const ImportLimits& limits) {
  const std::string what = "tensor " + quote(p.name());
  TRY(const DType dtype, dtype_from_proto(p.data_type(), what));
  TRY(Shape shape, within(what, checked_shape(p.dims())));
  const auto count = checked_count(shape);
  if (!count || !checked_mul(*count, static_cast<int64_t>(bt_dtype_size(dtype))))
    return bad(formatted("{}: shape {} has more elements than can be counted (overflow)", what, shape_text(shape)));
  const int64_t bytes = *count * static_cast<int64_t>(bt_dtype_size(dtype));
  if (bytes > limits.tensor_bytes)
    return bad(formatted("{}: {} bytes are above the limit of {}; --max-tensor-bytes raises it", what,
                         bytes, limits.tensor_bytes));
  if (p.has_segment()) return Error{Code::unsupported, what + ": segmented tensors are not supported"};
  TRY(Bytes data, within(what, tensor_bytes(p, raw, files, dtype, *count)));
  return Tensor(dtype, std::move(shape), std::move(data));
}

Result<Tensor> tensor_from_sparse(const onnx::SparseTensorProto& p, ExternalData& files,
                                  const ImportLimits& limits) {
  const std::string what = "sparse tensor " + quote(p.values().name());
  TRY(const Tensor values, tensor_from_proto(p.values(), nullptr, files, limits));
  TRY(const Tensor indices, tensor_from_proto(p.indices(), nullptr, files, limits));
  TRY(Shape shape, within(what, checked_shape(p.dims())));
  const auto count = checked_count(shape);
  const auto size = static_cast<int64_t>(bt_dtype_size(values.dtype()));
  const auto bytes = count ? checked_mul(*count, size) : std::nullopt;
  if (!bytes || *bytes > limits.sparse_bytes)
    return bad(formatted("{}: made dense, shape {} is above the limit of {} bytes; --max-sparse-bytes "
                         "raises it", what, shape_text(shape), limits.sparse_bytes));
  const int64_t n = values.count();
  const auto rank = static_cast<int64_t>(shape.size());
  const bool flat = indices.rank() == 1;
  if (values.rank() != 1 || indices.dtype() != BT_I64 || (flat ? indices.shape()[0] != n : indices.shape() != Shape{n, rank}))
    return bad(formatted("{}: {} values need indices of shape [{}] or [{},{}] and type i64", what, n, n, n, rank));
  std::vector<uint8_t> dense(static_cast<size_t>(*bytes));
  const auto index = indices.as<int64_t>();
  int64_t previous = -1;
  for (int64_t i = 0; i < n; ++i) {
    int64_t at = 0;
    for (int64_t d = 0; d < (flat ? 1 : rank); ++d) {
      const int64_t length = flat ? *count : shape[static_cast<size_t>(d)];
      const int64_t x = index[static_cast<size_t>(flat ? i : i * rank + d)];
      if (x < 0 || x >= length)
        return bad(formatted("{}: index {} lies outside [0, {})", what, x, length));
      at = flat ? x : at * length + x;
    }
    if (at <= previous) return bad(formatted("{}: the index of value {} is not in ascending order", what, i));
    previous = at;
    std::copy_n(values.bytes().data() + i * size, size, dense.data() + at * size);
  }
  return Tensor(values.dtype(), std::move(shape), Bytes(std::move(dense)));
}

}  // namespace bantam
