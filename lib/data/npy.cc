// SPDX-License-Identifier: Apache-2.0
#include "data/npy.h"

#include <algorithm>
#include <map>

#include "base/checked.h"
#include "base/format.h"
#include "base/text.h"
#include "runtime/bantam.h"

namespace bantam {
namespace {

constexpr char kMagic[] = "\x93NUMPY";

const std::map<std::string, DType>& dtypes() {
  static const std::map<std::string, DType> map = {
      {"f4", BT_F32}, {"f8", BT_F64}, {"f2", BT_F16}, {"i1", BT_I8}, {"i2", BT_I16}, {"i4", BT_I32},
      {"i8", BT_I64}, {"u1", BT_U8}, {"u2", BT_U16}, {"u4", BT_U32}, {"u8", BT_U64}, {"b1", BT_BOOL}};
  return map;
}

Error bad(const std::string& what) { return {Code::bad_input, "not a usable .npy file: " + what}; }

// The value of a key in the header's Python dictionary: quoted text, a word, or a tuple.
Result<std::string> entry(std::string_view header, std::string_view key) {
  size_t at = header.find("'" + std::string(key) + "'");
  if (at == std::string_view::npos) return bad(formatted("the header has no {}", key));
  at = header.find(':', at);
  if (at == std::string_view::npos) return bad(formatted("the header's {} has no value", key));
  std::string_view rest = trim(header.substr(at + 1));
  if (rest.empty()) return bad("the header is cut off");
  const char close = rest[0] == '\'' ? '\'' : rest[0] == '(' ? ')' : ',';
  const size_t begin = close == ',' ? 0 : 1;
  const size_t end = rest.find(close, begin);
  if (end == std::string_view::npos) return bad("the header is cut off");
  return std::string(trim(rest.substr(begin, end - begin)));
}

}  // namespace

Result<NpyHeader> read_npy_header(const Bytes& file) {
  if (file.size() < 12 || file.text().substr(0, 6) != std::string_view(kMagic, 6))
    return bad("the magic bytes are missing");
  const int major = file.data()[6];
  if (major < 1 || major > 3) return bad(formatted("version {} is unknown", major));
  const size_t start = major == 1 ? 10 : 12;
  const auto length = static_cast<size_t>(load_le(file.data() + 8, major == 1 ? 2 : 4));
  if (length > file.size() - start) return bad("the header is cut off");
  const std::string_view text = file.text().substr(start, length);
  NpyHeader header;
  header.data_offset = start + length;
  TRY(const std::string descr, entry(text, "descr"));
  TRY(const std::string order, entry(text, "fortran_order"));
  TRY(const std::string shape, entry(text, "shape"));
  if (descr.size() < 3 || descr[0] == '>') return Error{Code::unsupported, formatted(".npy: type {} is not supported", quote(descr))};
  const auto it = dtypes().find(descr.substr(1));
  if (it == dtypes().end()) return Error{Code::unsupported, formatted(".npy: type {} is not supported", quote(descr))};
  header.dtype = it->second;
  for (const std::string& part : split(shape, ',')) {
    if (trim(part).empty()) continue;
    int64_t d = 0;
    if (!parse_int(trim(part), &d) || d < 0) return bad(formatted("shape ({})", printable(shape)));
    header.shape.push_back(d);
  }
  if (header.shape.size() > BT_MAX_RANK)
    return Error{Code::unsupported, formatted(".npy: rank {} is above the largest supported rank, {}", header.shape.size(), BT_MAX_RANK)};
  if (order != "False" && header.shape.size() > 1) return Error{Code::unsupported, ".npy: arrays in Fortran order are not supported; save numpy.ascontiguousarray(x)"};
  return header;
}

Result<Tensor> read_npy(const Bytes& file) {
  TRY(NpyHeader header, read_npy_header(file));
  const auto count = checked_count(header.shape);
  const auto bytes = count ? checked_mul(*count, static_cast<int64_t>(bt_dtype_size(header.dtype))) : std::nullopt;
  const size_t have = file.size() - header.data_offset;
  if (!bytes || static_cast<uint64_t>(*bytes) != have)
    return bad(formatted("shape {} does not fit the {} bytes of data", shape_text(header.shape), have));
  Bytes data = file.part(header.data_offset, have);
  if (reinterpret_cast<uintptr_t>(data.data()) % bt_dtype_size(header.dtype) != 0)
    data = Bytes::copy_of(data.data(), data.size());
  return Tensor(header.dtype, std::move(header.shape), std::move(data));
}

Result<std::vector<uint8_t>> write_npy(const Tensor& tensor) {
  std::string code;
  for (const auto& [name, dtype] : dtypes())
    if (dtype == tensor.dtype()) code = name;
  if (code.empty())
    return Error{Code::unsupported, formatted(".npy has no type for {}; use --as pb", bt_dtype_name(tensor.dtype()))};
  std::string shape;
  for (const int64_t d : tensor.shape()) shape += formatted("{}, ", d);
  if (shape.size() > 2 && tensor.rank() > 1) shape.resize(shape.size() - 2);
  else if (!shape.empty()) shape.resize(shape.size() - 1);
  std::string header = formatted("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 bt_dtype_size(tensor.dtype()) == 1 ? '|' : '<', code, shape);
  header.append((64 - (10 + header.size() + 1) % 64) % 64, ' ');
  header += '\n';
  std::vector<uint8_t> out(kMagic, kMagic + 6);
  out.push_back(1);
  out.push_back(0);
  store_le(out, header.size(), 2);
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), tensor.bytes().data(), tensor.bytes().data() + tensor.bytes().size());
  return out;
}

}  // namespace bantam
