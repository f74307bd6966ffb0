// SPDX-License-Identifier: Apache-2.0
// .btm files: what is written runs and reads back; damaged files are refused or run as before.
#include <cmath>

#include "base/random.h"
#include "catch.h"
#include "eval/session.h"
#include "format/format.h"
#include "formats/native/encode_tensor.h"
#include "formats/native/entropy.h"
#include "formats/native/write.h"
#include "ir/text.h"
#include "runtime/crc.h"
#include "runtime/layout.h"
#include "runtime/bantam.h"

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
  auto file = write_native(Program(g), g.symbols(), {.codec = codec});
  if (!file.ok()) FAIL(file.error().message);
  return file->bytes;
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

TEST_CASE("weights come back by the scales of their axis", "[native]") {
  // lengths that no power of two divides: runs of one scale end anywhere
  Graph g = parse("graph { const %w : f32[7,11,13] q(i8, axis=0, bits=8, scale=0.5) = random(seed=4) %y = Identity(%w) out %y }");
  Value* w = g.find("w");
  const Tensor random = *w->constant;
  for (const int axis : {-1, 0, 1, 2})
    for (const int32_t zero : {0, 3}) {
      Quant q = *w->quant;
      q.axis = axis;
      const auto n = axis < 0 ? size_t{1} : static_cast<size_t>(random.shape()[static_cast<size_t>(axis)]);
      q.scale.resize(n);
      for (size_t c = 0; c < n; ++c) q.scale[c] = 0.01f * static_cast<float>(c + 1);
      q.zero.assign(n, zero);
      w->quant = std::make_shared<const Quant>(q);
      w->constant = std::make_shared<const Tensor>(decode(encode(random, q), q));
      for (const Codec codec : {Codec::pack, Codec::best}) {
        CHECK(encode_tensor(*w->constant, &q, codec).mapping == BT_MAP_REAL);
        auto stored = Session::of_file(write(g, codec));
        if (!stored.ok()) FAIL(stored.error().message);
        CHECK(((*stored->run({}))[0] == *w->constant));
      }
    }
  Quant q = *w->quant;
  for (const float off : {0.005f, -0.0f, 1e6f, NAN}) {  // no step, or one that has no code
    std::vector<float> values(w->constant->floats().begin(), w->constant->floats().end());
    values[500] = off;
    CHECK(encode_tensor(Tensor::of_floats({7, 11, 13}, values), &q, Codec::best).mapping != BT_MAP_REAL);
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

TEST_CASE("weights that are shared and pruned elsewhere are stored near their entropy, unchanged", "[native]") {
  // a third of the weights is left, of 255 values; their sizes are normal, and so are the counts of the palette
  Random random(6);
  std::vector<float> w(256 * 512);
  std::vector<uint32_t> symbols;
  for (float& v : w) {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += static_cast<double>(random.uniform(0, 1));
    const auto entry = static_cast<int>(std::clamp(sum * 40, -127.0, 127.0));
    v = random.below(3) == 0 ? std::tanh(static_cast<float>(entry) / 200) : 0.0f;
    symbols.push_back(v == 0.0f ? 127 : static_cast<uint32_t>(entry + 127));
  }
  const Tensor tensor = Tensor::of_floats({256, 512}, w);
  const EncodedTensor e = encode_tensor(tensor, nullptr, Codec::best);
  CHECK(e.mapping == BT_MAP_BOOK);
  CHECK(static_cast<double>(e.bytes.size()) < 1.01 * entropy_bytes(symbols));
  Graph g = parse("graph { in %x : f32[1,512] const %w : f32[256,512] = splat(0) %y = Gemm(%x, %w) {transB=1} out %y }");
  g.find("w")->constant = std::make_shared<const Tensor>(tensor);
  for (const Format* f : all_formats()) {
    if (std::string(f->name) != "native") continue;
    auto back = f->read(write(g, Codec::best), "x.btm", {});
    if (!back.ok()) FAIL(back.error().message);
    for (const Node* n : back->graph.nodes()) CHECK((*n->input(1)->constant == tensor));
  }
}

TEST_CASE("the size map adds up to the file", "[native]") {
  const Graph g = model();
  for (const Codec codec : {Codec::none, Codec::best}) {
    const auto file = write_native(Program(g), g.symbols(), {.codec = codec, .meta = "{}"});
    REQUIRE(file.ok());
    uint64_t sum = 0;
    for (const SizeRow& row : file->size_map) sum += row.bytes;
    CHECK(sum == file->bytes.size());
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

TEST_CASE("every single byte of a file matters: changed, it is refused, or nothing changes", "[native]") {
  const Graph g = model();
  const Tensor x = image();
  for (const Codec codec : {Codec::pack, Codec::best}) {
    const Bytes good = write(g, codec);
    auto reference = Session::of_file(good);
    REQUIRE(reference.ok());
    const auto want = reference->run({&x, 1});
    REQUIRE(want.ok());
    for (size_t at = 0; at < good.size(); ++at)
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::vector<uint8_t> bytes(good.data(), good.data() + good.size());
        bytes[at] = static_cast<uint8_t>(bytes[at] ^ flip);
        auto session = Session::of_file(Bytes(bytes), {.max_bytes = 1 << 24});
        if (!session.ok()) continue;
        const auto got = session->run({&x, 1});
        if (!got.ok() || !((*got)[0] == (*want)[0])) FAIL("byte " << at << " of " << good.size());
      }
  }
}

TEST_CASE("structure that is too large to be packed is written as it is", "[native]") {
  const std::string name = "%" + std::string(40, 'n');
  std::string text = "graph {\n  in " + name + "0 : f32[4]\n";
  for (int i = 0; i < 6000; ++i) text += "  " + name + std::to_string(i + 1) + " = Neg(" + name + std::to_string(i) + ")\n";
  const Graph small = model(), large = parse((text + "  out " + name + "6000\n}\n").c_str());
  const auto has_pack = [](const Bytes& file) { return std::search(file.data(), file.data() + 200, "PACK", "PACK" + 4) != file.data() + 200; };
  CHECK(has_pack(write(small, Codec::best)));
  CHECK_FALSE(has_pack(write(small, Codec::pack)));
  const Bytes file = write(large, Codec::best);
  CHECK_FALSE(has_pack(file));
  CHECK(Session::of_file(file).ok());
}

TEST_CASE("floats that half precision holds take two bytes", "[native]") {
  std::vector<float> halves, others;
  Random random(21);
  for (int i = 0; i < 5000; ++i) {
    halves.push_back(bt_from_f16(static_cast<uint16_t>(random.below(0x7C00) | (random.below(2) << 15))));
    others.push_back(random.uniform(-1, 1));
  }
  const EncodedTensor e = encode_tensor(Tensor::of_floats({5000}, halves), nullptr, Codec::pack);
  CHECK(e.mapping == BT_MAP_HALF);
  CHECK(e.bytes.size() == 10000);
  CHECK(encode_tensor(Tensor::of_floats({5000}, others), nullptr, Codec::pack).mapping == BT_MAP_RAW);
  Graph g = parse("graph { in %x : f32[5000] const %w : f32[5000] = splat(0) const %v : f32[5000] = splat(0) %y = Add(%x, %w) %z = Add(%y, %v) out %z }");
  for (const char* name : {"w", "v"}) g.find(name)->constant = std::make_shared<const Tensor>(Tensor::of_floats({5000}, halves));
  const Bytes file = write(g, Codec::pack);
  CHECK(file.size() < 11000);  // equal tensors are stored once
  const Tensor zero = Tensor::of_floats({5000}, std::vector<float>(5000, 0.0f));
  auto direct = Session::of_graph(g), stored = Session::of_file(file);
  if (!stored.ok()) FAIL(stored.error().message);
  CHECK(((*direct->run({&zero, 1}))[0] == (*stored->run({&zero, 1}))[0]));
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

}  // namespace bantam
