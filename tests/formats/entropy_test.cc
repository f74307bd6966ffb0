// SPDX-License-Identifier: Apache-2.0
// The entropy coders of .btm files: they return what they were given, stay close to the ideal length, and
// end on any other bytes.
#include <cmath>

#include "base/random.h"
#include "catch.h"
#include "formats/native/adaptive_cost.h"
#include "formats/native/entropy.h"
#include "runtime/adaptive.h"
#include "runtime/mixture.h"
#include "runtime/rans.h"

namespace bantam {
namespace {

using Bytes8 = std::vector<uint8_t>;
using Symbols = std::vector<uint32_t>;

bool decodes(const Bytes8& code, Symbols& out) {
  bt_numbers numbers;
  const bool ok = bt_numbers_start(&numbers, code.data(), code.size(), out.size()) && bt_numbers_take(&numbers, out.data(), out.size());
  return (bt_numbers_end(&numbers) != 0) && ok;
}

bool decodes(const Bytes8& code, Bytes8& out) { return bt_mixture_decode(code.data(), code.size(), out.data(), out.size()) != 0; }

// Peaked distributions as well as flat ones.
uint32_t draw(Random& random, uint64_t alphabet, int peak) {
  uint64_t s = random.below(alphabet);
  for (int k = 0; k < peak; ++k) s = std::min(s, random.below(alphabet));
  return static_cast<uint32_t>(s);
}

// Rows of weights: normal, with a size that differs by column.
Symbols weights(size_t rows, size_t columns, double size, uint64_t seed) {
  Random random(seed);
  Symbols list;
  for (size_t i = 0; i < rows * columns; ++i) {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += static_cast<double>(random.uniform(0, 1));
    const double scale = size * std::exp2(static_cast<double>(i % columns % 5) - 2);
    list.push_back(static_cast<uint32_t>(std::clamp(std::lround(sum * scale), -127l, 127l) + 128));
  }
  return list;
}

// A damaged stream is refused, or decodes to something: it never reads behind its end.
template <typename Out>
void damage(const Bytes8& code, Out out, Random& random) {
  for (int i = 0; i < 20; ++i) {
    Bytes8 bad = code;
    if (i % 2) bad.resize(random.below(bad.size() + 1));
    for (uint64_t k = 0; k < 3 && !bad.empty(); ++k) bad[random.below(bad.size())] = static_cast<uint8_t>(random.below(256));
    Bytes8 exact(bad.begin(), bad.end());  // of its size, for the sanitizer
    (void)decodes(exact, out);
  }
}

}  // namespace

TEST_CASE("entropy coders return what they were given", "[entropy]") {
  Random random(5);
  for (int round = 0; round < 60; ++round) {
    const size_t n = round < 4 ? static_cast<size_t>(round + 1) : 1 + random.below(round % 10 == 0 ? 200000 : 5000);
    const uint64_t alphabet = 1 + random.below(256);
    Bytes8 narrow(n);
    Symbols wide(n);
    for (size_t i = 0; i < n; ++i) {
      const uint32_t s = draw(random, alphabet, round % 5);
      narrow[i] = static_cast<uint8_t>(s);
      wide[i] = round % 7 == 0 ? s * 16843009u : s;  // up to 2^32 - 1
    }
    const auto rans = encode_rans(narrow);
    Bytes8 narrow_back(n);
    REQUIRE(bt_rans_decode(rans.data(), rans.size(), narrow_back.data(), n));
    CHECK((narrow_back == narrow));
    CHECK(!bt_rans_decode(rans.data(), rans.size() - 1, narrow_back.data(), n));
    const auto adaptive = encode_adaptive(wide, wide[n / 2], round % 3 == 0 ? std::min<size_t>(n, 9) : 0);
    Symbols wide_back(n);
    REQUIRE(decodes(adaptive, wide_back));
    CHECK((wide_back == wide));
    damage(adaptive, wide_back, random);
    if (n > 20000) continue;
    const auto mixture = encode_mixture(narrow);
    REQUIRE(decodes(mixture, narrow_back));
    CHECK((narrow_back == narrow));
    damage(mixture, narrow_back, random);
  }
}

TEST_CASE("streams of random bytes end", "[entropy]") {
  Random random(77);
  for (int round = 0; round < 2000; ++round) {
    Bytes8 stream(random.below(200));
    for (uint8_t& b : stream) b = static_cast<uint8_t>(random.below(256));
    Symbols symbols(1 + random.below(3000));
    (void)decodes(stream, symbols);
    Bytes8 bytes(1 + random.below(3000));
    (void)decodes(stream, bytes);
    (void)bt_rans_decode(stream.data(), stream.size(), bytes.data(), bytes.size());
  }
}

TEST_CASE("rANS stays close to the entropy", "[entropy]") {
  const Symbols wide = weights(1024, 256, 20, 9);
  const Bytes8 symbols(wide.begin(), wide.end());
  CHECK(static_cast<double>(encode_rans(symbols).size()) < entropy_bytes(wide) * 1.01);
}

TEST_CASE("the adaptive coder learns what sizes its columns have", "[entropy]") {
  const Symbols flat = weights(1024, 1, 6, 1), rows = weights(512, 64, 6, 2), small = weights(32, 64, 30, 3);
  CHECK(static_cast<double>(encode_adaptive(flat, 128, 0).size()) < entropy_bytes(flat) * 1.05);
  // sizes differ by a factor of 16 between columns: less than the entropy of all together
  CHECK(static_cast<double>(encode_adaptive(rows, 128, 64).size()) < entropy_bytes(rows) * 0.97);
  // 2,048 numbers of about 230 kinds: rANS needs a table as well
  const Bytes8 bytes(small.begin(), small.end());
  CHECK(encode_adaptive(small, 128, 64).size() < encode_rans(bytes).size());
}

TEST_CASE("a code that is not shorter than asked for is not made", "[entropy]") {
  const Symbols few = weights(64, 64, 30, 3), many = weights(2048, 128, 30, 4);
  for (const Symbols& symbols : {few, many}) {
    const auto code = encode_adaptive(symbols, 128, 64);
    CHECK(encode_adaptive_within(code.size() + 1, symbols, 128, 64) == code);
    CHECK(!encode_adaptive_within(code.size(), symbols, 128, 64));
    CHECK(!encode_adaptive_within(code.size() / 2, symbols, 128, 64));
  }
}

TEST_CASE("the length of an adaptive code is known before it is made", "[entropy]") {
  const Symbols flat = weights(1024, 8, 6, 5), rows = weights(600, 64, 30, 6), few = weights(8, 32, 20, 7);
  const Symbols none(3000, 128), wide = {0, 4000000000u, 128, 5, 70000, 128, 128, 3};
  for (const Symbols& symbols : {flat, rows, few, none, wide})
    for (const size_t row : {size_t{0}, size_t{8}}) {
      const auto bytes = adaptive_bytes(symbols, 128, row);
      const auto size = static_cast<double>(encode_adaptive(symbols, 128, row).size());
      CHECK(std::abs(*std::min_element(bytes.begin(), bytes.end()) - size) < 8 + size / 200);
    }
}

TEST_CASE("rANS codes what is alone, and what is rare", "[entropy]") {
  Bytes8 symbols(70000, 9);  // more than one block
  const auto check = [&] {
    const auto code = encode_rans(symbols);
    Bytes8 back(symbols.size());
    REQUIRE(bt_rans_decode(code.data(), code.size(), back.data(), back.size()));
    CHECK((back == symbols));
  };
  check();
  symbols[66000] = 200;  // of frequency 1 of 4096
  check();
  for (size_t i = 0; i < 255; ++i) symbols[i * 3] = static_cast<uint8_t>(i);
  check();
}

TEST_CASE("zeros are nearly free", "[entropy]") {
  CHECK(encode_adaptive(Symbols(100000, 7), 7, 0).size() < 40);
  CHECK(encode_mixture(Bytes8(10000, 7)).size() < 120);
}

TEST_CASE("the mixture finds what repeats", "[entropy]") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "/blocks." + std::to_string(i) + "/attention/query/MatMul_output_0";
  const Bytes8 bytes(text.begin(), text.end());
  CHECK(encode_mixture(bytes).size() < 250);
}

}  // namespace bantam
