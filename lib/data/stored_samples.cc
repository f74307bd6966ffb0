// SPDX-License-Identifier: Apache-2.0
// What arrays and files have in common.
#include "data/stored_samples.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "base/format.h"
#include "base/text.h"
#include "data/npy.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

// "float32" of f32: what a user of NumPy types.
std::string numpy_name(DType dtype) {
  const std::string name = bt_dtype_name(dtype);
  if (name.size() < 2 || name[1] < '0' || name[1] > '9') return name;
  return (name[0] == 'f' ? "float" : name[0] == 'u' ? "uint" : "int") + name.substr(1);
}

bool dims_fit(const Shape& shape, const Shape& want, size_t skip) {
  if (shape.size() != want.size()) return false;
  for (size_t i = skip; i < shape.size(); ++i)
    if (want[i] >= 0 && want[i] != shape[i]) return false;
  return true;
}

Tensor aligned(const Tensor& t) {
  if (reinterpret_cast<uintptr_t>(t.bytes().data()) % bt_dtype_size(t.dtype()) == 0) return t;
  return {t.dtype(), t.shape(), Bytes::copy_of(t.bytes().data(), t.bytes().size())};
}

Result<void> put_ints(const Tensor& from, bt_tensor& to) {
  const int64_t lowest = bt_dtype_min(to.dtype), highest = bt_dtype_max(to.dtype);
  for (int64_t i = 0; i < from.count(); ++i) {
    const int64_t v = from.integer(i);
    const bool wrapped = from.dtype() == BT_U64 && v < 0;
    if (wrapped || v < lowest || v > highest)
      return Error{Code::bad_input, formatted("element {} is {}{}, which {} cannot hold", i, v, wrapped ? " + 2^64" : "", bt_dtype_name(to.dtype))};
    bt_put_int(&to, i, v);
  }
  return {};
}

}  // namespace

bool fits(const Shape& shape, const Port& port) { return !port.shape || dims_fit(shape, *port.shape, 0); }

Hash tensor_hash(const Tensor& tensor) {
  const Hash bytes = hash_of(tensor.bytes().data(), tensor.bytes().size());
  std::string text = formatted("{}{}\n", bt_dtype_name(tensor.dtype()), shape_text(tensor.shape()));
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return hash_of(text.data(), text.size());
}

Result<void> check_finite(const Tensor& tensor) {
  if (!bt_is_float(tensor.dtype())) return {};
  if (tensor.dtype() == BT_F32) {
    bool all = true;
    for (const uint32_t bits : tensor.as<uint32_t>()) all &= (bits & 0x7F800000u) != 0x7F800000u;
    if (all) return {};
  }
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const double v = tensor.number(i);
    if (!std::isfinite(v)) return Error{Code::bad_input, formatted("element {} is {}", i, shortest(v))};
  }
  return {};
}

Result<void> check_type(DType have, DType want) {
  if (have == want || (bt_is_float(have) && bt_is_float(want)) || (bt_is_int(have) && bt_is_int(want))) return {};
  std::string what = formatted("it holds {}, the model takes {}: save it as x.astype(numpy.{})", bt_dtype_name(have), bt_dtype_name(want), numpy_name(want));
  if (have == BT_U8 && bt_is_float(want))
    what += ", or, where these are pictures with values 0 to 255, name the file in a .toml file whose [preprocess] "
            "says what becomes of them (scale, mean, std)";
  return Error{Code::bad_input, what};
}

Result<Tensor> as_type(const Tensor& array, DType dtype) {
  TRY(check_type(array.dtype(), dtype));
  const Tensor from = aligned(array);
  if (from.dtype() == dtype) return from;
  std::vector<uint8_t> bytes(static_cast<size_t>(from.count()) * bt_dtype_size(dtype));
  bt_tensor to{};
  to.dtype = dtype;
  to.data = bytes.data();
  if (bt_is_int(dtype)) TRY(put_ints(from, to));
  if (bt_is_float(dtype))
    for (int64_t i = 0; i < from.count(); ++i) bt_put(&to, i, from.number(i));
  return Tensor(dtype, from.shape(), Bytes(std::move(bytes)));
}

Result<Tensor> map_npy(const Bytes& file) {
  TRY(const NpyHeader header, read_npy_header(file));
  const auto count = checked_count(header.shape);
  const auto size = count ? checked_mul(*count, static_cast<int64_t>(bt_dtype_size(header.dtype))) : std::nullopt;
  const size_t have = file.size() - header.data_offset;
  if (!size || static_cast<uint64_t>(*size) != have)
    return Error{Code::bad_input, formatted("shape {} does not fit the {} bytes of data", shape_text(header.shape), have)};
  return Tensor(header.dtype, header.shape, file.part(header.data_offset, have));
}

Result<Tensor> as_input(const Image& image, const Preprocess& settings, const Port& port) {
  TRY(const Tensor t, preprocess(image, settings, port.dtype));
  if (!port.shape) {
    Shape with_batch = t.shape();
    with_batch.insert(with_batch.begin(), 1);
    return t.reshaped(with_batch);
  }
  const bool is_first = settings.layout == Preprocess::Layout::first;
  const Shape& s = t.shape();
  const int64_t height = s[is_first ? 1 : 0], width = s[is_first ? 2 : 1], channels = settings.channels();
  const size_t rank = port.shape->size();
  const auto shape_for = [&](bool first) {
    Shape shape = first ? Shape{channels, height, width} : Shape{height, width, channels};
    if (rank == 4) shape.insert(shape.begin(), 1);
    if (rank == 2 && channels == 1) shape = {height, width};
    return shape;
  };
  if (fits(shape_for(is_first), port)) return t.reshaped(shape_for(is_first));
  std::string hint = "set resize and crop in [preprocess]";
  if (fits(shape_for(!is_first), port)) hint = formatted("set layout = \"{}\" in [preprocess]", is_first ? "last" : "first");
  else if (rank == 4 && (*port.shape)[0] > 1) hint = "pictures are given one at a time, so the model must take one (or any number) at a time";
  else if (rank >= 3 && (*port.shape)[rank - (is_first ? 3 : 1)] == 1 && channels == 3) hint = "set color = \"grey\" in [preprocess]";
  return Error{Code::bad_input, formatted("the picture becomes {}, the model's input {} takes {}; {}", shape_text(shape_for(is_first)), quote(port.name), shape_text(*port.shape), hint)};
}

}  // namespace bantam
