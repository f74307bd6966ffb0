// SPDX-License-Identifier: Apache-2.0
// TensorProto as a Tensor: every element type, in raw bytes and in its typed field, and external data.
#include "formats/onnx/tensor.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "catch.h"
#include "ir/text.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

onnx::TensorProto proto_of(DType dtype, const std::vector<int64_t>& dims) {
  onnx::TensorProto p;
  p.set_name("t");
  p.set_data_type(dtype);
  for (const int64_t d : dims) p.add_dims(d);
  return p;
}

// "[1, 2]", or the message.
std::string read(const onnx::TensorProto& p, const std::string& folder = "") {
  ExternalData files(folder);
  const auto tensor = tensor_from_proto(p, nullptr, files, {});
  return tensor.ok() ? elements_text(*tensor) : tensor.error().message;
}

std::string read_raw(DType dtype, int64_t count, const std::vector<uint8_t>& bytes) {
  onnx::TensorProto p = proto_of(dtype, {count});
  p.set_raw_data(bytes.data(), bytes.size());
  return read(p);
}

std::string read_int32(DType dtype, int64_t count, const std::vector<int32_t>& entries) {
  onnx::TensorProto p = proto_of(dtype, {count});
  for (const int32_t v : entries) p.add_int32_data(v);
  return read(p);
}

// A folder that goes away with the test.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("bantam_onnx_" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string text() const { return path.string() + "/"; }
};

onnx::TensorProto external(const std::string& location, const std::string& offset, const std::string& length) {
  onnx::TensorProto p = proto_of(BT_U8, {3});
  p.set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : {std::pair("location", location), std::pair("offset", offset), std::pair("length", length)}) {
    if (value.empty()) continue;
    auto* entry = p.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  return p;
}

}  // namespace

TEST_CASE("raw data of every element type", "[formats][onnx]") {
  CHECK(read_raw(BT_F32, 1, {0, 0, 0xC0, 0x3F}) == "[1.5]");
  CHECK(read_raw(BT_F64, 1, {0, 0, 0, 0, 0, 0, 0xF8, 0x3F}) == "[1.5]");
  CHECK(read_raw(BT_F16, 2, {0, 0x3E, 0, 0xFC}) == "[1.5, -inf]");
  CHECK(read_raw(BT_BF16, 1, {0xC0, 0x3F}) == "[1.5]");
  CHECK(read_raw(BT_U8, 2, {0, 255}) == "[0, 255]");
  CHECK(read_raw(BT_I8, 2, {0x80, 127}) == "[-128, 127]");
  CHECK(read_raw(BT_U16, 1, {0xFF, 0xFF}) == "[65535]");
  CHECK(read_raw(BT_I16, 1, {0, 0x80}) == "[-32768]");
  CHECK(read_raw(BT_U32, 1, {0xFF, 0xFF, 0xFF, 0xFF}) == "[4294967295]");
  CHECK(read_raw(BT_I32, 1, {0xFF, 0xFF, 0xFF, 0xFF}) == "[-1]");
  CHECK(read_raw(BT_I64, 1, {0, 0, 0, 0, 1, 0, 0, 0}) == "[4294967296]");
  CHECK(read_raw(BT_U64, 1, {7, 0, 0, 0, 0, 0, 0, 0}) == "[7]");
  CHECK(read_raw(BT_BOOL, 3, {0, 1, 2}) == "[false, true, true]");
  CHECK(read_raw(BT_F8E4M3FN, 2, {0x3C, 0x7E}) == "[1.5, 448]");
  CHECK(read_raw(BT_F8E4M3FNUZ, 1, {0x44}) == "[1.5]");
  CHECK(read_raw(BT_F8E5M2, 1, {0x3E}) == "[1.5]");
  CHECK(read_raw(BT_F8E5M2FNUZ, 1, {0x42}) == "[1.5]");
  CHECK(read_raw(BT_F8E8M0, 2, {127, 128}) == "[1, 2]");
  CHECK(read_raw(BT_F4E2M1, 3, {0x2F, 0x07}) == "[-6, 1, 6]");
  CHECK(read_raw(BT_U4, 3, {0xF1, 0x02}) == "[1, 15, 2]");
  CHECK(read_raw(BT_I4, 3, {0xF8, 0x07}) == "[-8, -1, 7]");
  CHECK(read_raw(BT_U2, 5, {0xE4, 0x03}) == "[0, 1, 2, 3, 3]");
  CHECK(read_raw(BT_I2, 4, {0xE4}) == "[0, 1, -2, -1]");
}

TEST_CASE("typed fields of every element type", "[formats][onnx]") {
  CHECK(read_int32(BT_I32, 2, {-5, 6}) == "[-5, 6]");
  CHECK(read_int32(BT_U8, 1, {255}) == "[255]");
  CHECK(read_int32(BT_I8, 1, {-128}) == "[-128]");
  CHECK(read_int32(BT_U16, 1, {65535}) == "[65535]");
  CHECK(read_int32(BT_I16, 1, {-32768}) == "[-32768]");
  CHECK(read_int32(BT_BOOL, 2, {1, 0}) == "[true, false]");
  CHECK(read_int32(BT_F16, 1, {0x3E00}) == "[1.5]");
  CHECK(read_int32(BT_BF16, 1, {0x3FC0}) == "[1.5]");
  CHECK(read_int32(BT_F8E4M3FN, 1, {0x3C}) == "[1.5]");
  CHECK(read_int32(BT_F8E8M0, 1, {128}) == "[2]");
  CHECK(read_int32(BT_I4, 3, {0xF8, 0x07}) == "[-8, -1, 7]");
  CHECK(read_int32(BT_U4, 2, {0xF1}) == "[1, 15]");
  CHECK(read_int32(BT_F4E2M1, 2, {0x2F}) == "[-6, 1]");
  onnx::TensorProto p = proto_of(BT_F32, {1});
  p.add_float_data(2.5f);
  CHECK(read(p) == "[2.5]");
  p = proto_of(BT_F64, {1});
  p.add_double_data(2.5);
  CHECK(read(p) == "[2.5]");
  p = proto_of(BT_I64, {1});
  p.add_int64_data(int64_t{1} << 40);
  CHECK(read(p) == "[1099511627776]");
  p = proto_of(BT_U64, {1});
  p.add_uint64_data(9);
  CHECK(read(p) == "[9]");
  p = proto_of(BT_U32, {1});
  p.add_uint64_data(4294967295u);
  CHECK(read(p) == "[4294967295]");
}

TEST_CASE("tensors that cannot be right are refused", "[formats][onnx]") {
  CHECK(read_raw(BT_F32, 2, {0, 0, 0, 0}) == "tensor \"t\": raw_data has 4 bytes, the type and the shape need 8");
  CHECK(read_int32(BT_U8, 1, {256}) == "tensor \"t\": entry 0 is 256, which does not fit u8");
  CHECK(read_int32(BT_I8, 2, {1}) == "tensor \"t\": int32_data has 1 entries, 2 are needed");
  CHECK(read_int32(BT_F32, 1, {1}) == "tensor \"t\": values of type f32 belong into float_data, others are set");
  CHECK(read(proto_of(BT_F32, {1})) == "tensor \"t\": it has no data");
  CHECK(read(proto_of(BT_F32, {0})) == "[]");
  CHECK(read(proto_of(BT_F32, {-1})) == "tensor \"t\": dim -1 is negative");
  CHECK(read(proto_of(BT_STRING, {1})) == "tensor \"t\": tensors of type string are not supported");
  CHECK(read(proto_of(BT_DTYPE_COUNT, {1})) == "tensor \"t\": data type 27 does not exist");
  onnx::TensorProto p = proto_of(BT_U32, {1});
  p.add_uint64_data(4294967296u);
  CHECK(read(p) == "tensor \"t\": entry 0 is 4294967296, which does not fit u32");
  p.set_raw_data("abcd");
  CHECK(read(p) == "tensor \"t\": raw_data and a typed field are both set");
}

TEST_CASE("external data: where it lies and how much there is", "[formats][onnx]") {
  const Folder folder;
  fs::create_directories(folder.path / "inner");
  std::ofstream(folder.path / "inner" / "w.bin", std::ios::binary) << std::string("\1\2\3\4\5", 5);
  const std::string at = folder.text();
  CHECK(read(external("inner/w.bin", "", ""), at) == "[1, 2, 3]");
  CHECK(read(external("inner/w.bin", "2", "3"), at) == "[3, 4, 5]");
  CHECK(read(external("./inner/../inner/w.bin", "1", ""), at) == "[2, 3, 4]");
  CHECK(read(external("inner/w.bin", "3", ""), at) ==
        "tensor \"t\": external data \"inner/w.bin\": 3 bytes at offset 3 are asked for, the file has 5");
  CHECK(read(external("inner/w.bin", "0", "2"), at) ==
        "tensor \"t\": external data \"inner/w.bin\": its length is 2 bytes, the tensor's type and shape need 3");
  CHECK(read(external("inner/w.bin", "-1", ""), at) == "tensor \"t\": external data: offset \"-1\" is not a number");
  CHECK(read(external("nothing.bin", "", ""), at) == "tensor \"t\": external data \"nothing.bin\": No such file or directory");
  CHECK(read(external("../w.bin", "", ""), at) ==
        "tensor \"t\": external data \"../w.bin\": the location leads out of the model's folder");
  fs::create_symlink("inner/w.bin", folder.path / "link.bin");
  CHECK(read(external("link.bin", "", ""), at) == "tensor \"t\": external data \"link.bin\": symbolic links are not followed");
  onnx::TensorProto both = external("inner/w.bin", "", "");
  both.set_raw_data("abc");
  CHECK(read(both, at) == "tensor \"t\": its values are external, but it also holds values of its own");
}

}  // namespace bantam
