// SPDX-License-Identifier: Apache-2.0
#include "formats/native/encode_tensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <unordered_map>

#include "base/format.h"
#include "formats/native/entropy.h"
#include "ir/scale_runs.h"

namespace bantam {
namespace {

constexpr uint64_t kSymbolsMax = uint64_t{1} << 32;
constexpr size_t kLarge = 65536;  // symbols: where the time to decode begins to count

// A constant as symbols with their mapping.
struct Symbols {
  bt_mapping mapping;
  int64_t low = 0;
  std::vector<uint8_t> book;
  int64_t span = 0;  // elements that share a palette; 0: all
  std::vector<uint32_t> list;
  uint64_t alphabet = 0;
  uint32_t zero = 0;  // the symbol of the number 0, or one in the middle
};

size_t book_cost(const Symbols& s) { return s.book.size(); }

void choose_zero(Symbols& s) {
  std::vector<uint32_t> sorted = s.list;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  s.zero = *middle;
}

// Whole numbers in [low, low + 2^32).
template <typename T>
bool from_integers(std::span<const T> values, bt_mapping mapping, Symbols& out) {
  T low = values[0], high = low;
  for (const T v : values) low = std::min(low, v), high = std::max(high, v);
  const uint64_t span = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  if (span >= kSymbolsMax) return false;
  out.mapping = mapping;
  out.low = low;
  out.alphabet = span + 1;
  out.list.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) out.list[i] = static_cast<uint32_t>(values[i]) - static_cast<uint32_t>(low);
  if (low <= 0 && high >= 0) out.zero = uint32_t{0} - static_cast<uint32_t>(low);
  else choose_zero(out);
  return true;
}

bool from_integers(const Tensor& t, Symbols& out) {
  if (t.dtype() == BT_I8) return from_integers(t.as<int8_t>(), BT_MAP_INT, out);
  const std::vector<int64_t> values = t.integers();
  return from_integers(std::span<const int64_t>(values), BT_MAP_INT, out);
}

// Floats on the grid of a Quant, at most 32767 steps from its zero: exact, or refused.
bool from_grid(const Tensor& t, const Quant& quant, Symbols& out) {
  if (t.dtype() != BT_F32 || quant.axis >= t.rank()) return false;
  Quant steps = quant;
  steps.storage = BT_I16, steps.bits = 16, steps.narrow = true;
  steps.zero.clear();
  const Tensor q = encode(t, steps);
  if (decode(q, steps) != t) return false;  // also where a zero is negative: it has no code
  if (std::all_of(quant.zero.begin(), quant.zero.end(), [](int32_t z) { return z == 0; })) return from_integers(q.as<int16_t>(), BT_MAP_REAL, out);
  std::vector<int64_t> shifted(q.as<int16_t>().begin(), q.as<int16_t>().end());
  each_scale_run(t, quant, [&](size_t begin, size_t end, size_t c) {
    for (size_t i = begin; i < end; ++i) shifted[i] += quant.zero_at(c);
  });
  return from_integers(std::span<const int64_t>(shifted), BT_MAP_REAL, out);
}

// Elements as bit patterns, with their numbers for sorting.
class Patterns {
 public:
  explicit Patterns(const Tensor& t) : tensor_(t), size_(bt_dtype_size(t.dtype())) {}
  size_t size() const { return size_; }
  uint64_t at(int64_t i) const {
    uint64_t bits = 0;
    std::memcpy(&bits, tensor_.bytes().data() + static_cast<size_t>(i) * size_, size_);
    return bits;
  }
  // The distinct elements of [from, to) in the order of the numbers; none where there are more than `most`.
  std::vector<uint64_t> distinct(int64_t from, int64_t to, size_t most) const {
    std::unordered_map<uint64_t, double> seen;
    for (int64_t i = from; i < to; ++i)
      if (seen.emplace(at(i), tensor_.number(i)).second && seen.size() > most) return {};
    std::vector<uint64_t> list;
    for (const auto& [bits, number] : seen) list.push_back(bits);
    std::sort(list.begin(), list.end(), [&](uint64_t a, uint64_t b) {
      const double x = seen[a], y = seen[b];
      return x != y && !(std::isnan(x) || std::isnan(y)) ? x < y : a < b;
    });
    return list;
  }

 private:
  const Tensor& tensor_;
  size_t size_;
};

// Few distinct elements in every `span` of them: palettes, each in the order of the numbers.
bool from_book(const Tensor& t, int64_t span, size_t most, Symbols& out) {
  const Patterns patterns(t);
  std::vector<std::vector<uint64_t>> palettes;
  for (int64_t from = 0; from < t.count(); from += span) {
    palettes.push_back(patterns.distinct(from, std::min(from + span, t.count()), most));
    if (palettes.back().empty()) return false;
    out.alphabet = std::max<uint64_t>(out.alphabet, palettes.back().size());
  }
  out.mapping = BT_MAP_BOOK;
  out.span = palettes.size() > 1 ? span : 0;
  for (size_t p = 0; p < palettes.size(); ++p) {
    std::unordered_map<uint64_t, uint16_t> index;
    for (size_t i = 0; i < palettes[p].size(); ++i) index[palettes[p][i]] = static_cast<uint16_t>(i);
    const int64_t from = static_cast<int64_t>(p) * span;
    for (int64_t i = from; i < std::min(from + span, t.count()); ++i) out.list.push_back(index[patterns.at(i)]);
    palettes[p].resize(out.alphabet, palettes[p].back());
    for (const uint64_t entry : palettes[p]) {
      const auto* bytes = reinterpret_cast<const uint8_t*>(&entry);
      out.book.insert(out.book.end(), bytes, bytes + patterns.size());
    }
  }
  const auto zero = std::find(palettes[0].begin(), palettes[0].end(), 0u);  // 0 of every type
  if (palettes.size() == 1 && zero != palettes[0].end()) out.zero = static_cast<uint32_t>(zero - palettes[0].begin());
  else choose_zero(out);
  return true;
}

// One palette for the tensor, or one for each group of its outer rows, whichever is shorter. Groups have fewer
// entries, but their symbols mean different numbers, which costs an entropy coder more than it saves.
bool choose_book(const Tensor& t, Codec codec, Symbols& best) {
  constexpr size_t kEntriesMax = 4096, kGroupEntriesMax = 256;
  const auto n = static_cast<size_t>(t.count());
  if (bt_dtype_size(t.dtype()) > 8) return false;
  const auto bytes_of = [&](const Symbols& s) {
    const auto bits = n * static_cast<size_t>(std::bit_width(s.alphabet - 1u));
    return static_cast<double>(s.book.size()) + (codec == Codec::best ? entropy_bytes(s.list) : static_cast<double>(bits) / 8.0);
  };
  bool found = from_book(t, t.count(), std::min(kEntriesMax, (n + 1) / 2), best);
  if (t.rank() < 2 || !bt_is_float(t.dtype())) return found;
  double best_bytes = found ? bytes_of(best) : 0;
  const int64_t rows = t.shape()[0], row = t.count() / rows;
  for (int64_t group = 1; group < rows; group *= 2) {
    Symbols s;
    const size_t most = std::min(kGroupEntriesMax, static_cast<size_t>(group * row / 2));
    if (!from_book(t, group * row, most, s)) continue;
    const double bytes = bytes_of(s);
    if (found && bytes >= best_bytes) continue;
    best = std::move(s);
    best_bytes = bytes;
    found = true;
  }
  return found;
}

// Numbers of up to 32 bits, packed from the lowest bit of each byte on.
class BitWriter {
 public:
  void put(uint64_t v, int bits) {
    held_ |= v << count_;
    for (count_ += bits; count_ >= 8; count_ -= 8, held_ >>= 8) bytes_.push_back(static_cast<uint8_t>(held_));
  }
  std::vector<uint8_t> finish() {
    if (count_ > 0) bytes_.push_back(static_cast<uint8_t>(held_));
    return std::move(bytes_);
  }

 private:
  std::vector<uint8_t> bytes_;
  uint64_t held_ = 0;
  int count_ = 0;
};

std::string kind_of(const Symbols& s) {
  if (s.mapping == BT_MAP_BOOK) return formatted("palette{} of {}", s.span ? "s" : "", s.alphabet);
  return formatted("{} bit", std::max(1, static_cast<int>(std::bit_width(s.alphabet - 1u))));
}

std::vector<uint8_t> fixed_bits(const Symbols& s, int bits) {
  BitWriter out;
  for (const uint32_t v : s.list) out.put(v, bits);
  return out.finish();
}

// A bitmap of what is not zero, then the rest.
std::vector<uint8_t> sparse_bits(const Symbols& s, int bits) {
  BitWriter map, rest;
  for (const uint32_t v : s.list) {
    map.put(v != s.zero, 1);
    if (v != s.zero) rest.put(v, bits);
  }
  std::vector<uint8_t> bytes = map.finish();
  const std::vector<uint8_t> others = rest.finish();
  bytes.insert(bytes.end(), others.begin(), others.end());
  return bytes;
}

// All codings of one list of symbols; the shortest replaces `best`. What takes fixed numbers of bits is only made
// where it is.
void try_codings(const Symbols& s, Codec codec, const Shape& shape, EncodedTensor& best, size_t& best_size) {
  const int bits = std::max(1, static_cast<int>(std::bit_width(s.alphabet - 1u)));
  const auto bytes_for = [](size_t n, int width) { return (n * static_cast<size_t>(width) + 7) / 8; };
  bool is_fixed = false;
  const auto consider = [&](bt_coding coding, size_t bytes, const char* how, size_t gain = 0) {
    const size_t size = bytes + book_cost(s) + (coding == BT_CODE_SPARSE ? 2 : 1);
    if (size + gain >= best_size) return false;
    best_size = size;
    best = {.mapping = s.mapping, .coding = coding, .low = s.low, .bits = bits, .sparse_zero = s.zero, .book = s.book,
            .book_entries = static_cast<uint32_t>(s.alphabet), .book_span = s.span, .description = kind_of(s) + how};
    is_fixed = coding == BT_CODE_BITS || coding == BT_CODE_SPARSE;
    return true;
  };
  const size_t n = s.list.size();
  consider(BT_CODE_BITS, bytes_for(n, bits), "");
  const auto zeros = static_cast<size_t>(std::count(s.list.begin(), s.list.end(), s.zero));
  if (zeros * 8 > n) consider(BT_CODE_SPARSE, bytes_for(n, 1) + bytes_for(n - zeros, bits), ", sparse");
  if (codec == Codec::best) {
    if (s.alphabet <= 256 && entropy_bytes(s.list) + static_cast<double>(book_cost(s)) < static_cast<double>(best_size)) {
      std::vector<uint8_t> bytes = encode_rans(std::vector<uint8_t>(s.list.begin(), s.list.end()));
      if (consider(BT_CODE_RANS, bytes.size(), ", rANS")) best.bytes = std::move(bytes);
    }
    // rANS decodes about eight times as fast: a large tensor stays with it for the last half percent
    const size_t gain = n > kLarge ? best_size / 200 : 0, besides = gain + book_cost(s) + 1;
    const size_t row = shape.size() > 1 && shape.back() > 2 ? static_cast<size_t>(shape.back()) : 0;
    if (besides < best_size)
      if (auto bytes = encode_adaptive_within(best_size - besides, s.list, s.zero, row); bytes && consider(BT_CODE_ADAPTIVE, bytes->size(), ", adaptive", gain))
        best.bytes = std::move(*bytes);
  }
  if (is_fixed) best.bytes = best.coding == BT_CODE_BITS ? fixed_bits(s, bits) : sparse_bits(s, bits);
}

// Floats that share nothing but their exponents: each byte of the elements is coded for itself.
void try_planes(const Tensor& t, EncodedTensor& best, size_t& best_size) {
  const size_t size = bt_dtype_size(t.dtype()), n = static_cast<size_t>(t.count());
  if (n < 64) return;
  std::vector<uint8_t> out, plane(n);
  for (size_t b = 0; b < size; ++b) {
    for (size_t i = 0; i < n; ++i) plane[i] = t.bytes().data()[i * size + b];
    const std::vector<uint8_t> code = encode_rans(plane);
    for (size_t v = code.size(); ; v >>= 7) {
      out.push_back(static_cast<uint8_t>(v >= 0x80 ? v | 0x80 : v));
      if (v < 0x80) break;
    }
    out.insert(out.end(), code.begin(), code.end());
  }
  if (out.size() >= best_size) return;
  best_size = out.size();
  best = {.mapping = BT_MAP_PLANES, .coding = BT_CODE_RANS, .bytes = std::move(out),
          .description = formatted("{}, rANS", bt_dtype_name(t.dtype()))};
}

// Floats that half precision holds: two bytes each.
void try_halves(const Tensor& t, EncodedTensor& best, size_t& best_size) {
  BitWriter bits;
  for (const float v : t.floats()) {
    const uint16_t half = bt_to_f16(v);
    if (std::bit_cast<uint32_t>(bt_from_f16(half)) != std::bit_cast<uint32_t>(v)) return;
    bits.put(half, 16);
  }
  std::vector<uint8_t> bytes = bits.finish();
  if (bytes.size() + 1 >= best_size) return;
  best_size = bytes.size() + 1;
  best = {.mapping = BT_MAP_HALF, .coding = BT_CODE_BITS, .bits = 16, .bytes = std::move(bytes), .description = "f32 as f16"};
}

}  // namespace

EncodedTensor encode_tensor(const Tensor& tensor, const Quant* quant, Codec codec) {
  EncodedTensor best;
  best.description = bt_dtype_name(tensor.dtype());
  size_t best_size = tensor.bytes().size();
  const bool is_integer = bt_is_int(tensor.dtype()) || tensor.dtype() == BT_BOOL;
  if (codec != Codec::none && tensor.count() > 0) {
    Symbols integers, grid, book;
    if (is_integer && tensor.dtype() != BT_U64 && from_integers(tensor, integers))
      try_codings(integers, codec, tensor.shape(), best, best_size);
    if (!is_integer && quant && from_grid(tensor, *quant, grid)) try_codings(grid, codec, tensor.shape(), best, best_size);
    if (!(is_integer && tensor.dtype() == BT_I8) && grid.list.empty() && choose_book(tensor, codec, book))
      try_codings(book, codec, tensor.shape(), best, best_size);
    if (tensor.dtype() == BT_F32 && grid.list.empty()) try_halves(tensor, best, best_size);
    if (codec == Codec::best && bt_dtype_size(tensor.dtype()) > 1 && grid.list.empty()) try_planes(tensor, best, best_size);
  }
  if (best.mapping == BT_MAP_RAW) best.bytes.assign(tensor.bytes().data(), tensor.bytes().data() + tensor.bytes().size());
  return best;
}

}  // namespace bantam
