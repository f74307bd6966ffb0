// SPDX-License-Identifier: Apache-2.0
#include "formats/coreml/weights.h"

#include <algorithm>

#include "base/bytes.h"

namespace bantam::coreml {
namespace {

constexpr size_t kUnit = 64;  // of the header, of records, and of where data begins
constexpr uint32_t kVersion = 2, kRecordMark = 0xDEADBEEF;

void align(std::vector<uint8_t>& file) { file.resize((file.size() + kUnit - 1) / kUnit * kUnit); }

}  // namespace

std::vector<uint8_t> pack_bits(std::span<const uint8_t> numbers, int bits) {
  std::vector<uint8_t> out;
  out.reserve((numbers.size() * static_cast<size_t>(bits) + 7) / 8);
  uint32_t pending = 0;
  int have = 0;
  for (const uint8_t n : numbers) {
    pending |= (n & ((1u << bits) - 1)) << have;
    for (have += bits; have >= 8; have -= 8, pending >>= 8) out.push_back(static_cast<uint8_t>(pending));
  }
  if (have > 0) out.push_back(static_cast<uint8_t>(pending));
  return out;
}

WeightFile::WeightFile() : file_(kUnit) {}

uint64_t WeightFile::add(Element element, int64_t count, std::vector<uint8_t> data) {
  uint64_t& known = offsets_[{element, count, hash_of(data.data(), data.size())}];
  if (known) return known;
  align(file_);
  const uint64_t offset = file_.size();
  const uint64_t used = static_cast<uint64_t>(count) * static_cast<uint64_t>(bits_of(element));
  store_le(file_, kRecordMark, 4);
  store_le(file_, blob_number(element), 4);
  store_le(file_, data.size(), 8);
  store_le(file_, offset + kUnit, 8);
  store_le(file_, data.size() * 8 - used, 8);  // bits that fill up the last byte
  align(file_);
  file_.insert(file_.end(), data.begin(), data.end());
  return known = offset;
}

std::vector<uint8_t> WeightFile::finish() {
  std::vector<uint8_t> head;
  store_le(head, offsets_.size(), 4);
  store_le(head, kVersion, 4);
  std::copy(head.begin(), head.end(), file_.begin());
  return std::move(file_);
}

}  // namespace bantam::coreml
