// SPDX-License-Identifier: Apache-2.0
// .btm files: what is written runs and reads back; damaged files are refused or run as before.
#include "base/random.h"
#include "catch.h"
#include "eval/session.h"
#include "format/format.h"
#include "formats/native/encode_tensor.h"
#include "formats/native/entropy.h"
#include "formats/native/write.h"
#include "ir/text.h"
#include "runtime/adaptive.h"
#include "runtime/crc.h"
#include "runtime/layout.h"
#include "runtime/bantam.h"
#include "runtime/rans.h"

namespace bantam {
namespace {

Graph parse(const char* text) {
  auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  return std::move(*graph);
}

constexpr const char* kModel = R"(graph model {
  in %x : f32[N,6,6,4]
  const %w : f32[8,3,3,4] q(i8, axis=-1, bits=8, scale=0.0078125) = random(seed=1)
  const %b : f32[8] = random(seed=2)
  const %shape : i64[2] = [0, -1]
  const %mask : f32[8] = [0, 1, 0, 0, 1, 0, 0, 0]
  %c : f32[N,6,6,8] = Conv(%x, %w, %b) {layout="last", lo=0, pads=[1, 1, 1, 1]}
  %m : f32[N,6,6,8] = Add(%c, %mask)
  %y : f32[N,288] = Reshape(%m, %shape)
  out %y
}
)";

// The weight on its grid, as `quantize` leaves it.
Graph model() {
  Graph g = parse(kModel);
  Value* w = g.find("w");
  w->constant = std::make_shared<const Tensor>(decode(encode(*w->constant, *w->quant), *w->quant));
  return g;
}

Bytes write(const Graph& g, Codec codec) {
  return Bytes(write_native(Program(g), g.symbols(), {.codec = codec}).bytes);
}

Tensor image() {
  std::vector<float> v(2 * 6 * 6 * 4);
  Random random(3);
  for (float& f : v) f = random.uniform(-1, 1);
  return Tensor::of_floats({2, 6, 6, 4}, v);
}

}  // namespace

TEST_CASE("a written model computes the same bits, however it is coded", "[native]") {
  const Graph g = model();
  auto direct = Session::of_graph(g);
  REQUIRE(direct.ok());
  const Tensor x = image();
  const auto want = direct->run({&x, 1});
  REQUIRE(want.ok());
  size_t last = SIZE_MAX;
  for (const Codec codec : {Codec::none, Codec::pack, Codec::best}) {
    const Bytes file = write(g, codec);
    CHECK(file.size() <= last);
    last = file.size();
    auto session = Session::of_file(file);
    if (!session.ok()) FAIL(session.error().message);
    CHECK(session->inputs()[0].name == "x");
    const auto got = session->run({&x, 1});
    REQUIRE(got.ok());
    CHECK(((*got)[0] == (*want)[0]));
  }
}

TEST_CASE("palettes of groups are stored by group", "[native]") {
  // every row has four numbers of its own: one palette of 32 entries would need 5 bits per weight
  std::vector<float> w(8 * 256);
  Random random(5);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i / 256 + 1) * (static_cast<float>(random.below(4)) + 0.5f);
  const EncodedTensor e = encode_tensor(Tensor::of_floats({8, 256}, w), nullptr, Codec::pack);
  CHECK(e.mapping == BT_MAP_BOOK);
  CHECK(e.book_span == 256);
  CHECK(e.book_entries == 4);
  CHECK(e.bytes.size() == w.size() * 2 / 8);
  Graph g = parse("graph { in %x : f32[1,256] const %w : f32[8,256] = splat(0) %y = Gemm(%x, %w) {transB=1} out %y }");
  g.find("w")->constant = std::make_shared<const Tensor>(Tensor::of_floats({8, 256}, w));
  auto direct = Session::of_graph(g), stored = Session::of_file(write(g, Codec::best));
  REQUIRE(direct.ok());
  if (!stored.ok()) FAIL(stored.error().message);
  const Tensor x = Tensor::of_floats({1, 256}, std::vector<float>(256, 0.25f));
  CHECK(((*direct->run({&x, 1}))[0] == (*stored->run({&x, 1}))[0]));
}

TEST_CASE("the size map adds up to the file", "[native]") {
  const Graph g = model();
  for (const Codec codec : {Codec::none, Codec::best}) {
    const NativeFile file = write_native(Program(g), g.symbols(), {.codec = codec, .meta = "{}"});
    uint64_t sum = 0;
    for (const SizeRow& row : file.size_map) sum += row.bytes;
    CHECK(sum == file.bytes.size());
  }
}

TEST_CASE("a written model reads back as the same graph", "[native]") {
  const Graph g = model();
  auto back = read_model("", {});
  CHECK(!back.ok());
  const Bytes file = write(g, Codec::best);
  for (const Format* f : all_formats()) {
    if (std::string(f->name) != "native") continue;
    auto read = f->read(file, "x.btm", {});
    if (!read.ok()) FAIL(read.error().message);
    PrintOptions full{.full = true, .names = true};
    std::string want = print(g, full);
    const std::string head = "graph model {";
    CHECK(print(read->graph, full) == "graph {" + want.substr(head.size()));
  }
}

TEST_CASE("damaged files are refused, or compute what they did before", "[native]") {
  const Graph g = model();
  const Bytes good = write(g, Codec::best);
  const Tensor x = image();
  auto reference = Session::of_file(good);
  REQUIRE(reference.ok());
  const auto want = reference->run({&x, 1});
  REQUIRE(want.ok());
  Random random(7);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::vector<uint8_t> bytes(good.data(), good.data() + good.size());
    if (i % 3 == 0) bytes.resize(random.below(bytes.size()));
    else for (uint64_t k = 0; k <= random.below(3); ++k) bytes[random.below(bytes.size())] ^= static_cast<uint8_t>(1 + random.below(255));
    auto session = Session::of_file(Bytes(bytes), {.max_bytes = 1 << 24});
    if (!session.ok()) {
      ++refused;
      CHECK(session.error().code != Code::internal);
      continue;
    }
    const auto got = session->run({&x, 1});
    if (got.ok()) CHECK(((*got)[0] == (*want)[0]));
  }
  CHECK(refused > 2900);
}

TEST_CASE("files that only pass their checksums are still checked", "[native]") {
  // Structure is mutated and all checksums are made right again: nothing may crash.
  const Graph g = model();
  const Bytes good = write(g, Codec::best);
  Random random(11);
  int opened = 0;
  for (int i = 0; i < 3000; ++i) {
    std::vector<uint8_t> bytes(good.data(), good.data() + good.size());
    const size_t toc = BT_HEADER_BYTES, sections = bytes[12];
    const size_t first = toc + sections * BT_SECTION_BYTES;
    for (uint64_t k = 0; k <= random.below(2); ++k) bytes[first + random.below(bytes.size() - first)] = static_cast<uint8_t>(random.below(256));
    for (size_t s = 0; s < sections; ++s) {
      uint8_t* entry = bytes.data() + toc + s * BT_SECTION_BYTES;
      const uint32_t crc = bt_crc32(bytes.data() + load_le(entry + 8, 8), load_le(entry + 16, 8));
      for (int b = 0; b < 4; ++b) entry[32 + b] = static_cast<uint8_t>(crc >> (8 * b));
    }
    const auto fix = [&](size_t at, uint32_t crc) {
      for (size_t b = 0; b < 4; ++b) bytes[at + b] = static_cast<uint8_t>(crc >> (8 * b));
    };
    fix(24, bt_crc32(bytes.data() + toc, sections * BT_SECTION_BYTES));
    fix(60, bt_crc32(bytes.data(), 60));
    auto session = Session::of_file(Bytes(bytes), {.max_bytes = 1 << 24});
    if (!session.ok()) {
      CHECK(session.error().code != Code::internal);
      continue;
    }
    ++opened;
    const Tensor x = image();
    (void)session->run({&x, 1});
  }
  CHECK(opened > 0);
}

TEST_CASE("entropy coders return what they were given", "[native]") {
  Random random(5);
  for (int round = 0; round < 60; ++round) {
    const size_t n = round < 4 ? static_cast<size_t>(round + 1) : 1 + random.below(round % 10 == 0 ? 200000 : 5000);
    const uint64_t alphabet = 1 + random.below(256);
    std::vector<uint8_t> symbols(n);
    std::vector<uint16_t> wide(n);
    for (size_t i = 0; i < n; ++i) {
      // peaked distributions as well as flat ones
      uint64_t s = random.below(alphabet);
      for (int k = 0; k < round % 5; ++k) s = std::min(s, random.below(alphabet));
      symbols[i] = static_cast<uint8_t>(s);
      wide[i] = static_cast<uint16_t>(round % 7 == 0 ? s * 251 : s);
    }
    const auto code = encode_rans(symbols);
    std::vector<uint8_t> back(n);
    REQUIRE(bt_rans_decode(code.data(), code.size(), back.data(), n));
    CHECK((back == symbols));
    CHECK(!bt_rans_decode(code.data(), code.size() - 1, back.data(), n));
    const uint32_t zero = static_cast<uint32_t>(random.below(alphabet));
    const auto adaptive = encode_adaptive(wide, zero, round % 3 == 0 ? 9 : 0);
    std::vector<uint16_t> wide_back(n);
    std::vector<int32_t> work(n);
    REQUIRE(bt_adaptive_decode(adaptive.data(), adaptive.size(), 65536, wide_back.data(), work.data(), n));
    CHECK((wide_back == wide));
  }
}

TEST_CASE("rANS stays close to the entropy", "[native]") {
  Random random(9);
  std::vector<uint8_t> symbols(1 << 18);
  std::vector<uint16_t> wide;
  for (uint8_t& s : symbols) {
    int sum = 0;
    for (int k = 0; k < 8; ++k) sum += static_cast<int>(random.below(32));
    s = static_cast<uint8_t>(sum);
    wide.push_back(s);
  }
  const double ideal = entropy_bytes(wide);
  CHECK(static_cast<double>(encode_rans(symbols).size()) < ideal * 1.01);
}

}  // namespace bantam
