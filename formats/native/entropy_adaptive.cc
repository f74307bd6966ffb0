// SPDX-License-Identifier: Apache-2.0
// The encoders over lib/runtime/adaptive.h and mixture.h: their models, with a range encoder behind them.
#include <algorithm>
#include <array>
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

struct Numbers {
  std::span<const uint32_t> symbols;
  uint32_t zero;
  size_t row;
};

std::vector<uint8_t> with_shades(const Numbers& numbers, uint32_t shades) {
  std::vector<uint8_t> out;
  put_varint(out, numbers.zero);
  put_varint(out, numbers.row);
  out.push_back(static_cast<uint8_t>(shades));
  std::vector<uint32_t> column(numbers.row + 1);
  const auto model = std::make_unique<bt_adaptive_model>();
  bt_adaptive_start(model.get(), shades, column.data(), numbers.row);
  RangeEncoder encoder;
  for (const uint32_t s : numbers.symbols) bt_adaptive_code(model.get(), &kEncoder, &encoder, int64_t{s} - int64_t{numbers.zero});
  const auto code = encoder.finish();
  out.insert(out.end(), code.begin(), code.end());
  return out;
}

constexpr size_t kFew = 8192, kMany = 65536;

// The code of the first `n` numbers.
std::vector<uint8_t> beginning(const Numbers& numbers, size_t n, uint32_t shades) {
  return with_shades({numbers.symbols.first(n), numbers.zero, std::min(numbers.row, n)}, shades);
}

// Many symbols fill many contexts; for few ones fewer may be better. A choice that is a hundredth behind after
// the first numbers is not followed to the end.
std::vector<uint8_t> with_best_shades(const Numbers& numbers) {
  const size_t n = numbers.symbols.size(), few = std::min(n, kFew);
  if (n > kMany) return with_shades(numbers, 2);
  std::array<std::vector<uint8_t>, 3> codes;
  size_t least = SIZE_MAX;
  for (const uint32_t shades : {2u, 0u, 1u}) {
    codes[shades] = beginning(numbers, few, shades);
    least = std::min(least, codes[shades].size());
  }
  std::vector<uint8_t>* best = nullptr;
  for (const uint32_t shades : {2u, 0u, 1u}) {
    std::vector<uint8_t>& code = codes[shades];
    if (code.size() > least + least / 100) continue;
    if (few < n) code = with_shades(numbers, shades);
    if (!best || code.size() < best->size()) best = &code;
  }
  return std::move(*best);
}

}  // namespace

std::vector<uint8_t> encode_adaptive(std::span<const uint32_t> symbols, uint32_t zero, size_t row) {
  return with_best_shades({symbols, zero, row});
}

std::optional<std::vector<uint8_t>> encode_adaptive_within(size_t limit, std::span<const uint32_t> symbols, uint32_t zero, size_t row) {
  const Numbers numbers = {symbols, zero, row};
  if (symbols.size() > 2 * kMany) {  // what is a hundredth behind at first will not come to lie in front
    const double share = static_cast<double>(kMany) / static_cast<double>(symbols.size());
    const size_t first = beginning(numbers, kMany, 2).size();
    if (static_cast<double>(first) > 1.01 * share * static_cast<double>(limit)) return std::nullopt;
  }
  auto code = with_best_shades(numbers);
  if (code.size() >= limit) return std::nullopt;
  return code;
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
