// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <sys/mman.h>
#include <unistd.h>

namespace bantam {

Bytes::Bytes(std::vector<uint8_t> data) {
  auto owner = std::make_shared<const std::vector<uint8_t>>(std::move(data));
  data_ = owner->data();
  size_ = owner->size();
  owner_ = std::move(owner);
}

Bytes Bytes::copy_of(const void* data, size_t size) {
  const auto* p = static_cast<const uint8_t*>(data);
  return Bytes(std::vector<uint8_t>(p, p + size));
}

Bytes Bytes::of_map(const void* data, size_t size, std::shared_ptr<const void> owner) {
  Bytes out(data, size, std::move(owner));
  out.is_mapped_ = true;
  return out;
}

void Bytes::rest() const {
  constexpr size_t kWorthIt = size_t{1} << 20;
  if (!is_mapped_ || size_ < kWorthIt) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto from = (reinterpret_cast<uintptr_t>(data_) + page - 1) / page * page;
  const auto to = (reinterpret_cast<uintptr_t>(data_) + size_) / page * page;
  if (from < to) ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);  // only a hint: it may fail
}

uint64_t load_le(const uint8_t* p, int n) {
  uint64_t v = 0;
  for (int i = n - 1; i >= 0; --i) v = v << 8 | p[i];
  return v;
}

void store_le(std::vector<uint8_t>& out, uint64_t value, int n) {
  for (int i = 0; i < n; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

}  // namespace bantam
