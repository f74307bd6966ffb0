// SPDX-License-Identifier: Apache-2.0
// The encoders over lib/runtime/adaptive.h and mixture.h: their models, with a range encoder behind them.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "formats/native/entropy.h"
#include "formats/native/range_encoder.h"
#include "runtime/adaptive.h"
#include "runtime/mixture.h"

namespace bantam {
namespace {

int put_bit(void* encoder, uint32_t p, int bit) {
  static_cast<RangeEncoder*>(encoder)->bit(p, bit);
  return bit;
}

uint32_t put_flat(void* encoder, int n, uint32_t v) {
  static_cast<RangeEncoder*>(encoder)->flat(n, v);
  return v;
}

constexpr bt_bit_coder kEncoder = {put_bit, put_flat};

void put_varint(std::vector<uint8_t>& out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<uint8_t>(v | 0x80));
  out.push_back(static_cast<uint8_t>(v));
}

std::vector<uint8_t> with_shades(std::span<const uint32_t> symbols, uint32_t zero, size_t row, uint32_t shades) {
  std::vector<uint8_t> out;
  put_varint(out, zero);
  put_varint(out, row);
  out.push_back(static_cast<uint8_t>(shades));
  std::vector<uint32_t> column(row + 1);
  const auto model = std::make_unique<bt_adaptive_model>();
  bt_adaptive_start(model.get(), shades, column.data(), row);
  RangeEncoder encoder;
  for (const uint32_t s : symbols) bt_adaptive_code(model.get(), &kEncoder, &encoder, int64_t{s} - int64_t{zero});
  const auto code = encoder.finish();
  out.insert(out.end(), code.begin(), code.end());
  return out;
}

}  // namespace

std::vector<uint8_t> encode_adaptive(std::span<const uint32_t> symbols, uint32_t zero, size_t row) {
  std::vector<uint8_t> best = with_shades(symbols, zero, row, 2);
  // Many symbols fill many contexts; for few ones fewer may be better.
  constexpr size_t kMany = 65536;
  for (const uint32_t shades : {0u, 1u}) {
    if (symbols.size() > kMany) break;
    auto code = with_shades(symbols, zero, row, shades);
    if (code.size() < best.size()) best = std::move(code);
  }
  return best;
}

std::vector<uint8_t> encode_mixture(std::span<const uint8_t> bytes) {
  const int slot_bits = bt_mixture_slot_bits(bytes.size());
  std::vector<bt_likely> slots(size_t{1} << slot_bits);
  const auto model = std::make_unique<bt_mixture>();
  bt_mixture_start(model.get(), slots.data(), slot_bits);
  RangeEncoder encoder;
  for (const uint8_t byte : bytes) bt_mixture_code(model.get(), &kEncoder, &encoder, byte);
  return encoder.finish();
}

double entropy_bytes(std::span<const uint32_t> symbols) {
  std::map<uint32_t, uint64_t> rare;  // symbols that no table is worth for
  std::vector<uint64_t> counts(std::min<size_t>(65536, symbols.size() * 4));
  for (const uint32_t s : symbols) ++(s < counts.size() ? counts[s] : rare[s]);
  double bits = 0;
  const auto add = [&](uint64_t n) {
    if (n > 0) bits -= static_cast<double>(n) * std::log2(static_cast<double>(n) / static_cast<double>(symbols.size()));
  };
  for (const uint64_t n : counts) add(n);
  for (const auto& [symbol, n] : rare) add(n);
  return bits / 8;
}

}  // namespace bantam
