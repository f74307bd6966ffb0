// SPDX-License-Identifier: Apache-2.0
// NumPy's array files: .npy (versions 1 to 3, C order, little-endian) and .npz (a zip of them, stored or
// deflated). Types without a NumPy equivalent (bf16, the 8-bit floats, 4-bit integers) are not held by
// these files.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ir/tensor.h"

namespace bantam {

Result<Tensor> read_npy(const Bytes& file);
// The header's promise without the data: type, shape, and where the data starts.
struct NpyHeader {
  DType dtype = BT_F32;
  Shape shape;
  size_t data_offset = 0;
};
Result<NpyHeader> read_npy_header(const Bytes& file);
// Fails (unsupported) for types that .npy lacks, naming the type.
Result<std::vector<uint8_t>> write_npy(const Tensor& tensor);

// One member of an .npz. A stored member is a part of the file; a deflated one is inflated when read,
// with its CRC checked.
class Npz {
 public:
  static Result<Npz> open(const Bytes& file);
  std::vector<std::string> names() const;  // without ".npy", sorted
  bool has(const std::string& name) const;
  Result<Bytes> member(const std::string& name) const;

 private:
  struct Entry {
    std::string name;
    uint64_t offset = 0, stored = 0, raw = 0;
    uint32_t crc = 0;
    bool deflated = false;
  };
  Bytes file_;
  std::vector<Entry> entries_;
};

}  // namespace bantam
