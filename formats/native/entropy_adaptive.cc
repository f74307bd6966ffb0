// SPDX-License-Identifier: Apache-2.0
// The encoders over lib/runtime/adaptive.h and mixture.h: their models, with a range encoder behind them.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "formats/native/adaptive_cost.h"
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

constexpr size_t kMany = 65536;  // symbols fill many contexts

// Of what the code's head says.
struct Choice {
  size_t row = 0;
  uint32_t shades = 2;
  double bytes = HUGE_VAL;  // about
};

// For few symbols fewer contexts may be better.
Choice best_shades(std::span<const uint32_t> symbols, uint32_t zero, size_t row) {
  const bool is_free = symbols.size() <= kMany;
  const auto bytes = adaptive_bytes(symbols, zero, row);
  Choice best;
  for (const uint32_t shades : {2u, 0u, 1u})
    if ((is_free || shades == 2) && bytes[shades] < best.bytes) best = {row, shades, bytes[shades]};
  return best;
}

std::vector<uint8_t> code(std::span<const uint32_t> symbols, uint32_t zero, const Choice& choice) {
  std::vector<uint8_t> out;
  put_varint(out, zero);
  put_varint(out, choice.row);
  out.push_back(static_cast<uint8_t>(choice.shades));
  std::vector<uint32_t> column(choice.row + 1);
  const auto model = std::make_unique<bt_adaptive_model>();
  bt_adaptive_start(model.get(), choice.shades, column.data(), choice.row);
  RangeEncoder encoder;
  for (const uint32_t s : symbols) bt_adaptive_code(model.get(), &kEncoder, &encoder, int64_t{s} - int64_t{zero});
  const auto bytes = encoder.finish();
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

}  // namespace

std::vector<uint8_t> encode_adaptive(std::span<const uint32_t> symbols, uint32_t zero, size_t row) {
  return code(symbols, zero, best_shades(symbols, zero, row));
}

std::optional<std::vector<uint8_t>> encode_adaptive_within(size_t limit, std::span<const uint32_t> symbols, uint32_t zero, size_t row) {
  const size_t n = symbols.size(), first = std::min(n, kMany);
  const auto most = static_cast<double>(limit);
  // What is a hundredth behind at first will not come to lie in front. All numbers say it within a quarter of that:
  // the code is shorter than the estimate where the numbers change on the way.
  if (first < n && best_shades(symbols.first(first), zero, std::min(row, first)).bytes * static_cast<double>(n) > 1.01 * most * static_cast<double>(first))
    return std::nullopt;
  Choice choice = best_shades(symbols, zero, row);
  if (first == n && row > 0) {
    const Choice other = best_shades(symbols, zero, 0);
    if (other.bytes < choice.bytes) choice = other;
  }
  if (choice.bytes > 1.003 * most) return std::nullopt;
  auto bytes = code(symbols, zero, choice);
  if (bytes.size() >= limit) return std::nullopt;
  return bytes;
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
  const size_t alphabet = symbols.empty() ? 0 : size_t{*std::max_element(symbols.begin(), symbols.end())} + 1;
  std::vector<uint64_t> counts(std::min({size_t{65536}, symbols.size() * 4, alphabet}));
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
