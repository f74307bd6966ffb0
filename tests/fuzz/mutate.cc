// SPDX-License-Identifier: Apache-2.0
#include "fuzz/mutate.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

namespace bantam::fuzz {
namespace {

using Buffer = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

struct Field {
  uint64_t number = 0;
  unsigned type = 0;
  View payload;  // of a length-delimited field; else the encoded value
};

std::optional<uint64_t> take_varint(View& rest) {
  uint64_t v = 0;
  for (int shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    const uint8_t byte = rest[0];
    rest = rest.subspan(1);
    v |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return v;
  }
  return std::nullopt;
}

void put_varint(Buffer& out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<uint8_t>(v | 0x80));
  out.push_back(static_cast<uint8_t>(v));
}

// The fields of a message; empty where the bytes are no message.
std::vector<Field> fields_of(View message) {
  std::vector<Field> fields;
  while (!message.empty()) {
    const auto tag = take_varint(message);
    if (!tag || *tag >> 3 == 0) return {};
    Field f{*tag >> 3, static_cast<unsigned>(*tag & 7), {}};
    uint64_t size = 0;
    const View value = message;
    if (f.type == 0) {
      if (!take_varint(message)) return {};
      f.payload = value.first(value.size() - message.size());
    } else {
      if (f.type == 1) size = 8;
      else if (f.type == 5) size = 4;
      else if (const auto length = f.type == 2 ? take_varint(message) : std::nullopt) size = *length;
      else return {};
      if (size > message.size()) return {};
      f.payload = message.first(size);
      message = message.subspan(size);
    }
    fields.push_back(f);
  }
  return fields;
}

void put_field(Buffer& out, uint64_t number, unsigned type, View payload) {
  put_varint(out, number << 3 | type);
  if (type == 2) put_varint(out, payload.size());
  out.insert(out.end(), payload.begin(), payload.end());
}

uint64_t extreme(Random& random) {
  static constexpr int64_t kLow = std::numeric_limits<int64_t>::min(), kHigh = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kValues[] = {0, 1, 2, 3, 5, 7, 8, 9, 16, 17, 18, 25, 26, 64, 127, 128, 255, 1000, 65536, 1 << 30,
                                        -1, -2, -3, -128, int64_t{1} << 31, int64_t{1} << 32, int64_t{1} << 40, int64_t{1} << 61,
                                        -(int64_t{1} << 31), -(int64_t{1} << 61), kLow, kLow + 1, kHigh, kHigh - 1};
  return random.below(8) == 0 ? random.bits() : static_cast<uint64_t>(kValues[random.below(std::size(kValues))]);
}

// A value of the field's type that somebody might not expect.
Buffer odd_value(const Field& f, const std::vector<Field>& all, Random& random) {
  Buffer out;
  if (f.type == 0) {
    put_varint(out, extreme(random));
  } else if (f.type != 2) {
    static constexpr uint32_t kFloats[] = {0, 0x80000000u, 0x7FC00000u, 0x7F800000u, 0xFF800000u, 0x7F7FFFFFu, 1, 0xBF800000u};
    for (uint32_t v = kFloats[random.below(std::size(kFloats))]; out.size() < f.payload.size(); v >>= 8) out.push_back(static_cast<uint8_t>(v));
  } else {
    switch (random.below(5)) {
      case 0: break;  // empty
      case 1: out.assign(f.payload.begin(), f.payload.begin() + static_cast<std::ptrdiff_t>(random.below(f.payload.size() + 1))); break;
      case 2:
        for (uint64_t n = random.below(24); n > 0; --n) out.push_back(static_cast<uint8_t>(random.bits()));
        break;
      case 3: {
        const View other = all[random.below(all.size())].payload;
        out.assign(other.begin(), other.end());
        break;
      }
      default:
        out.assign(f.payload.begin(), f.payload.end());
        out.insert(out.end(), f.payload.begin(), f.payload.end());
    }
  }
  return out;
}

Buffer edit_message(View message, Random& random, int depth);

// Writes the fields, with one change at field `at`.
Buffer with_change(const std::vector<Field>& fields, size_t at, Random& random, int depth) {
  const Field& f = fields[at];
  Field changed = f;
  Buffer value;
  size_t copies = 1, place = at;
  if (f.type == 2 && depth < 12 && f.payload.size() < (depth < 2 ? SIZE_MAX : 65536) && !fields_of(f.payload).empty() && random.below(5) != 0) {
    value = edit_message(f.payload, random, depth + 1);
    changed.payload = value;
  } else {
    switch (random.below(8)) {
      case 0: copies = 0; break;
      case 1: copies = 2; break;
      case 2: place = random.below(fields.size()); break;  // another order
      case 3: changed.number = 1 + random.below(32); break;
      case 4: changed.type = static_cast<unsigned>(random.below(8)); break;
      default:
        value = odd_value(f, fields, random);
        changed.payload = value;
    }
  }
  Buffer out;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i == place)
      for (size_t k = 0; k < copies; ++k) put_field(out, changed.number, changed.type, changed.payload);
    if (i != at) put_field(out, fields[i].number, fields[i].type, fields[i].payload);
  }
  return out;
}

Buffer edit_message(View message, Random& random, int depth) {
  const auto fields = fields_of(message);
  if (fields.empty()) return Buffer(message.begin(), message.end());
  return with_change(fields, random.below(fields.size()), random, depth);
}

void edit_bytes(Buffer& file, Random& random) {
  if (file.empty()) return;
  const auto at = [&] { return static_cast<std::ptrdiff_t>(random.below(file.size())); };
  switch (random.below(4)) {
    case 0: file.resize(random.below(file.size())); break;
    case 1: {  // a piece of the file over another place, or between
      const auto from = at();
      const auto n = static_cast<std::ptrdiff_t>(random.below(std::min<size_t>(256, file.size() - static_cast<size_t>(from))));
      const Buffer piece(file.begin() + from, file.begin() + from + n);
      const auto to = at();
      if (random.below(2) == 0) file.insert(file.begin() + to, piece.begin(), piece.end());
      else std::copy_n(piece.begin(), std::min(piece.size(), file.size() - static_cast<size_t>(to)), file.begin() + to);
      break;
    }
    default:
      for (uint64_t n = 1 + random.below(8); n > 0; --n) file[random.below(file.size())] ^= static_cast<uint8_t>(1 + random.below(255));
  }
}

}  // namespace

std::vector<uint8_t> mutate(const std::vector<uint8_t>& file, Random& random) {
  Buffer out = file;
  for (uint64_t n = 1 + random.below(4); n > 0; --n) {
    if (random.below(4) == 0) edit_bytes(out, random);
    else out = edit_message(out, random, 0);
  }
  return out;
}

}  // namespace bantam::fuzz
