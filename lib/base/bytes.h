// SPDX-License-Identifier: Apache-2.0
// Read-only bytes with a shared owner: a buffer, a mapped file, or a part of either. Copying is cheap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bantam {

class Bytes {
 public:
  Bytes() = default;
  // Takes the vector over.
  explicit Bytes(std::vector<uint8_t> data);
  // Bytes that somebody else keeps alive through `owner`.
  Bytes(const void* data, size_t size, std::shared_ptr<const void> owner)
      : data_(static_cast<const uint8_t*>(data)), size_(size), owner_(std::move(owner)) {}
  static Bytes copy_of(const void* data, size_t size);
  // Bytes of a mapped file that does not change.
  static Bytes of_map(const void* data, size_t size, std::shared_ptr<const void> owner);

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  // The part [offset, offset + size), which must lie inside.
  Bytes part(size_t offset, size_t size) const {
    Bytes out(data_ + offset, size, owner_);
    out.is_mapped_ = is_mapped_;
    return out;
  }
  // Nobody looks at these for now: many bytes of a mapped file need no memory until somebody does again.
  void rest() const;
  bool operator==(const Bytes& other) const {
    return size_ == other.size_ && (size_ == 0 || std::memcmp(data_, other.data_, size_) == 0);
  }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  std::shared_ptr<const void> owner_;
  bool is_mapped_ = false;
};

// An unsigned little-endian number of n bytes, and back.
uint64_t load_le(const uint8_t* p, int n);
void store_le(std::vector<uint8_t>& out, uint64_t value, int n);

}  // namespace bantam
