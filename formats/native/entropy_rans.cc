// SPDX-License-Identifier: Apache-2.0
// The rANS encoder: runs backwards over each block, so that the decoder runs forwards.
#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "formats/native/entropy.h"
#include "runtime/rans.h"

namespace bantam {
namespace {

constexpr uint32_t kTotal = 1u << BT_RANS_BITS;
constexpr uint32_t kLow = 1u << 16;

using Frequencies = std::array<uint32_t, 256>;

// Frequencies that add up to kTotal, at least 1 for every symbol that occurs. What rounding leaves over
// goes where it costs or gains most: repeatedly to the symbol with the largest change of the code length.
Frequencies normalise(const std::array<uint64_t, 256>& counts) {
  const uint64_t total = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
  Frequencies f{};
  int64_t left = kTotal;
  for (size_t s = 0; s < 256; ++s) {
    if (counts[s] == 0) continue;
    f[s] = static_cast<uint32_t>(std::max<uint64_t>(1, (counts[s] * kTotal + total / 2) / total));
    left -= f[s];
  }
  while (left != 0) {
    // exact integer comparison of counts / frequency: who loses least by one less, or gains most by one more
    size_t best = 256;
    for (size_t s = 0; s < 256; ++s) {
      if (counts[s] == 0 || (left < 0 && f[s] == 1)) continue;
      if (best == 256) {
        best = s;
        continue;
      }
      const auto a = static_cast<unsigned __int128>(counts[s]) * f[best];
      const auto b = static_cast<unsigned __int128>(counts[best]) * f[s];
      if (left > 0 ? a > b : a < b) best = s;
    }
    f[best] += left > 0 ? 1u : ~0u;
    left += left > 0 ? -1 : 1;
  }
  return f;
}

void put_varint(std::vector<uint8_t>& out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<uint8_t>(v | 0x80));
  out.push_back(static_cast<uint8_t>(v));
}

// See bt_rans_read_table.
void put_table(std::vector<uint8_t>& out, const Frequencies& f) {
  size_t alphabet = 256;
  while (f[alphabet - 1] == 0) --alphabet;
  put_varint(out, alphabet);
  uint32_t held = 0;
  int count = 0;
  const auto put = [&](uint32_t v, int bits) {
    held |= v << count;
    for (count += bits; count >= 8; count -= 8, held >>= 8) out.push_back(static_cast<uint8_t>(held));
  };
  for (size_t s = 0; s + 1 < alphabet; ++s) {
    const int bits = std::bit_width(f[s]);
    put(static_cast<uint32_t>(bits), 4);
    if (bits > 1) put(f[s] & ((1u << (bits - 1)) - 1), bits - 1);
  }
  if (count > 0) out.push_back(static_cast<uint8_t>(held));
}

// What coding a symbol needs, without a division: x becomes (x / f << BT_RANS_BITS) + x % f + start, which is
// x + start + (x / f) * (kTotal - f), where x / f is the upper half of x times the reciprocal.
struct Step {
  uint64_t reciprocal = 0;  // 2^64 / f, rounded up: exact for all x below 2^32
  uint64_t limit = 0;       // from here on a word leaves the state first
  uint32_t start = 0, others = 0;
};

std::array<Step, 256> steps_of(const Frequencies& f) {
  std::array<Step, 256> steps;
  uint32_t start = 0;
  for (size_t s = 0; s < 256; ++s) {
    if (f[s] == 0) continue;
    steps[s] = {UINT64_MAX / f[s] + 1, uint64_t{f[s]} << (32 - BT_RANS_BITS), start, kTotal - f[s]};
    // 2^64 does not fit: with one less x / f comes out as x - 1, which this makes up for
    if (f[s] == 1) steps[s].reciprocal = UINT64_MAX, steps[s].start += kTotal - 1;
    start += f[s];
  }
  return steps;
}

// Without a branch on whether a word leaves, which nobody could predict.
std::vector<uint8_t> encode_block(std::span<const uint8_t> symbols, const std::array<Step, 256>& steps) {
  constexpr size_t kStates = 4 * BT_RANS_LANES;
  std::array<uint32_t, BT_RANS_LANES> state;
  state.fill(kLow);
  std::vector<uint8_t> room(kStates + 2 * (symbols.size() + 1));  // filled from its end on
  uint8_t* at = room.data() + room.size();
  for (size_t i = symbols.size(); i-- > 0;) {
    const uint32_t x = state[i % BT_RANS_LANES];
    const Step& s = steps[symbols[i]];
    const uint32_t leaves = x >= s.limit;
    at[-2] = static_cast<uint8_t>(x);
    at[-1] = static_cast<uint8_t>(x >> 8);
    at -= 2 * leaves;
    const uint32_t rest = x >> (16 * leaves);
    const auto quotient = static_cast<uint32_t>(static_cast<unsigned __int128>(s.reciprocal) * rest >> 64);
    state[i % BT_RANS_LANES] = rest + s.start + quotient * s.others;
  }
  at -= kStates;
  for (size_t k = 0; k < kStates; ++k) at[k] = static_cast<uint8_t>(state[k / 4] >> (8 * (k % 4)));
  return {at, room.data() + room.size()};
}

}  // namespace

std::vector<uint8_t> encode_rans(std::span<const uint8_t> symbols) {
  std::array<uint64_t, 256> counts{};
  for (const uint8_t s : symbols) ++counts[s];
  const Frequencies f = normalise(counts);
  const auto steps = steps_of(f);
  std::vector<uint8_t> out;
  put_table(out, f);
  for (size_t at = 0; at < symbols.size(); at += BT_RANS_BLOCK) {
    const auto block = encode_block(symbols.subspan(at, std::min<size_t>(BT_RANS_BLOCK, symbols.size() - at)), steps);
    put_varint(out, block.size());
    out.insert(out.end(), block.begin(), block.end());
  }
  return out;
}

}  // namespace bantam
