// SPDX-License-Identifier: Apache-2.0
// The adaptive binary range encoder. Carries are handled as in LZMA: a byte is held back while it may
// still grow by one.
#include <cmath>
#include <map>

#include "formats/native/entropy.h"
#include "runtime/adaptive.h"

namespace bantam {
namespace {

class Encoder {
 public:
  void put(int bit, bt_chance& chance) {
    const uint32_t bound = (range_ >> 16) * bt_chance_of(&chance);
    if (bit) {
      range_ = bound;
    } else {
      low_ += bound;
      range_ -= bound;
    }
    bt_chance_learn(&chance, bit);
    while (range_ < (1u << 24)) {
      range_ <<= 8;
      shift();
    }
  }
  void finish(std::vector<uint8_t>& out) {
    for (int i = 0; i < 5; ++i) shift();
    out.insert(out.end(), bytes_.begin() + 1, bytes_.end());  // the first byte is always 0
  }

 private:
  void shift() {
    if (low_ < 0xFF000000u || low_ >= (uint64_t{1} << 32)) {
      const auto carry = static_cast<uint8_t>(low_ >> 32);
      if (has_held_) bytes_.push_back(static_cast<uint8_t>(held_ + carry));
      for (; pending_ > 0; --pending_) bytes_.push_back(static_cast<uint8_t>(0xFF + carry));
      held_ = static_cast<uint8_t>(low_ >> 24);
      has_held_ = true;
    } else {
      ++pending_;
    }
    low_ = (low_ & 0x00FFFFFFu) << 8;
  }

  uint64_t low_ = 0;
  uint32_t range_ = 0xFFFFFFFFu;
  uint8_t held_ = 0;
  bool has_held_ = true;  // LZMA's first, empty byte
  uint64_t pending_ = 0;
  std::vector<uint8_t> bytes_;
};

void put_golomb(Encoder& e, bt_adaptive_model& m, uint32_t v) {
  int k = 0;
  while (k < 15 && v + 1 >= (2u << k)) {
    e.put(1, m.prefix[k]);
    ++k;
  }
  if (k < 15) e.put(0, m.prefix[k]);
  const uint32_t rest = v + 1 - (1u << k);
  for (int i = k - 1; i >= 0; --i) e.put(rest >> i & 1, m.suffix[i]);
}

void put_varint(std::vector<uint8_t>& out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<uint8_t>(v | 0x80));
  out.push_back(static_cast<uint8_t>(v));
}

}  // namespace

std::vector<uint8_t> encode_adaptive(std::span<const uint16_t> symbols, uint32_t zero, size_t row) {
  std::vector<uint8_t> out;
  put_varint(out, zero);
  put_varint(out, row);
  bt_adaptive_model m;
  bt_adaptive_start(&m);
  Encoder e;
  std::vector<int32_t> v(symbols.size());
  for (size_t i = 0; i < symbols.size(); ++i) {
    v[i] = static_cast<int32_t>(symbols[i]) - static_cast<int32_t>(zero);
    const int k = bt_adaptive_class(v.data(), i, row);
    const int last = i == 0 ? 0 : v[i - 1] > 0 ? 1 : v[i - 1] < 0 ? 2 : 0;
    e.put(v[i] == 0, m.zero[k * 3 + last]);
    if (v[i] == 0) continue;
    e.put(v[i] < 0, m.sign[last]);
    const auto u = static_cast<uint32_t>(std::abs(v[i])) - 1;
    for (uint32_t step = 0; step < BT_ADAPTIVE_UNARY; ++step) {
      e.put(step < u, m.unary[k][step]);
      if (step >= u) break;
    }
    if (u >= BT_ADAPTIVE_UNARY) put_golomb(e, m, u - BT_ADAPTIVE_UNARY);
  }
  e.finish(out);
  return out;
}

double entropy_bytes(std::span<const uint16_t> symbols) {
  std::map<uint16_t, uint64_t> counts;
  for (const uint16_t s : symbols) ++counts[s];
  double bits = 0;
  for (const auto& [symbol, n] : counts)
    bits -= static_cast<double>(n) * std::log2(static_cast<double>(n) / static_cast<double>(symbols.size()));
  return bits / 8;
}

}  // namespace bantam
