// SPDX-License-Identifier: Apache-2.0
// Bytes that are written one behind the other and read as a whole. Many of them live in a temporary file
// without a name (in $TMPDIR, else /tmp), mapped when they are read, so that models larger than memory pass
// through; few of them, and all where no such file can be made, live in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace bantam {

class Spool {
 public:
  static constexpr size_t kInMemory = size_t{32} << 20;

  // More bytes than `most` go to the file.
  explicit Spool(size_t most = kInMemory) : most_(most) {}
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool();

  void append(const void* data, size_t size);
  void append(const Bytes& bytes);  // which may rest afterwards
  void append_zeros(size_t n) { append(std::vector<uint8_t>(n).data(), n); }
  size_t size() const { return written_ + memory_.size(); }
  // An error only where the disk filled up or failed.
  Result<Bytes> finish() &&;

 private:
  void flush();

  size_t most_;
  std::vector<uint8_t> memory_;  // what is not in the file yet
  size_t written_ = 0;           // bytes in the file
  int file_ = -1;
  bool in_memory_ = false;  // no file could be made
  int failed_ = 0;          // errno of a write
};

// The same bytes, out of memory where there are `most` or more.
Result<Bytes> spooled(const Bytes& bytes, size_t most = Spool::kInMemory);

}  // namespace bantam
