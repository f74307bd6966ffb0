// SPDX-License-Identifier: Apache-2.0
// Products with 16-bit activations against the rule of docs/numerics.md, written down here in 64-bit
// integers and doubles: every kernel set, 1 and 3 threads, to the bit.
#include <cmath>
#include <random>

#include "base/format.h"
#include "catch.h"
#include "eval/session.h"
#include "ir/text.h"
#include "kernels/kernels.h"

namespace bantam {
namespace {

struct Case {
  const char* name;
  int64_t height, width, channels, outputs, group, kernel, stride, pad;
};

constexpr Case kCases[] = {
    {"pointwise", 5, 7, 40, 37, 1, 1, 1, 0}, {"taps", 6, 5, 72, 33, 1, 3, 1, 1},
    {"patches", 9, 8, 3, 16, 1, 3, 2, 1},    {"even patches", 8, 9, 4, 17, 1, 3, 1, 1},
    {"groups", 5, 5, 12, 24, 3, 3, 1, 1},
    {"depthwise", 7, 6, 70, 70, 70, 3, 1, 1}, {"deep", 2, 2, 700, 5, 1, 3, 1, 1},
};

struct Stored {
  DType type;
  float scale;
  int32_t zero;
};

template <typename T>
Tensor random_integers(std::mt19937& random, DType type, Shape shape, int64_t lo, int64_t hi) {
  std::vector<T> values(static_cast<size_t>(element_count(shape)));
  std::uniform_int_distribution<int64_t> pick(lo, hi);
  for (T& v : values) v = static_cast<T>(pick(random));
  return {type, shape, Bytes::copy_of(values.data(), values.size() * sizeof(T))};
}

Tensor random_of(std::mt19937& random, DType type, const Shape& shape) {
  if (type == BT_I8) return random_integers<int8_t>(random, type, shape, -128, 127);
  return random_integers<int16_t>(random, type, shape, -32768, 32767);
}

std::shared_ptr<const Quant> quant_of(const Stored& s) {
  Quant q;
  q.storage = s.type;
  q.bits = s.type == BT_I8 ? 8 : 16;
  q.scale = {s.scale};
  q.zero = {s.zero};
  return std::make_shared<const Quant>(q);
}

// Y[0, oy, ox, o] as the rule says, channels last.
std::vector<double> expected(const Case& c, const Tensor& x, const Stored& in, const Tensor& w,
                             const std::vector<float>& w_scale, const Tensor& bias,
                             const Stored& out) {
  const int64_t oh = (c.height + 2 * c.pad - c.kernel) / c.stride + 1;
  const int64_t ow = (c.width + 2 * c.pad - c.kernel) / c.stride + 1;
  const int64_t depth = c.channels / c.group, per_group = c.outputs / c.group;
  std::vector<double> y;
  for (int64_t p = 0; p < oh * ow; ++p)
    for (int64_t o = 0; o < c.outputs; ++o) {
      int64_t sum = bias.integer(o);
      for (int64_t t = 0; t < c.kernel * c.kernel; ++t) {
        const int64_t iy = p / ow * c.stride - c.pad + t / c.kernel;
        const int64_t ix = p % ow * c.stride - c.pad + t % c.kernel;
        if (iy < 0 || iy >= c.height || ix < 0 || ix >= c.width) continue;
        for (int64_t k = 0; k < depth; ++k) {
          const int64_t at = (iy * c.width + ix) * c.channels + o / per_group * depth + k;
          sum += (x.integer(at) - in.zero) * w.integer((o * c.kernel * c.kernel + t) * depth + k);
        }
      }
      const float product = in.scale * w_scale[static_cast<size_t>(o)];
      const float factor = out.type == BT_F32 ? product : product / out.scale;
      const double f = static_cast<double>(sum) * static_cast<double>(factor);
      const double lo = out.type == BT_I16 ? -32768 : -128, hi = out.type == BT_I16 ? 32767 : 127;
      y.push_back(out.type == BT_F32 ? static_cast<double>(static_cast<float>(f))
                                     : std::nearbyint(std::clamp(f, lo - out.zero, hi - out.zero)) + out.zero);
    }
  return y;
}

void check(const Case& c, const Stored& in, const Stored& out) {
  std::mt19937 random(static_cast<unsigned>(c.channels + in.type * 7 + out.type));
  const Shape x_shape{1, c.height, c.width, c.channels};
  const Tensor x = random_of(random, in.type, x_shape);
  const Tensor w = random_integers<int8_t>(random, BT_I8, {c.outputs, c.kernel, c.kernel, c.channels / c.group}, -127, 127);
  const Tensor bias = in.type == BT_I16 ? random_integers<int64_t>(random, BT_I64, {c.outputs}, -5'000'000'000, 5'000'000'000)
                                        : random_integers<int32_t>(random, BT_I32, {c.outputs}, -100'000, 100'000);
  Quant by_channel;
  by_channel.axis = 0;
  by_channel.narrow = true;
  for (int64_t o = 0; o < c.outputs; ++o) by_channel.scale.push_back(0.01f + 0.001f * static_cast<float>(o % 7));
  Graph graph("products", nullptr);
  Value* input = graph.add_input("x", in.type, x_shape);
  input->quant = quant_of(in);
  Value* weight = graph.add_constant("w", w, std::make_shared<const Quant>(by_channel));
  const AttrList attrs = {{"group", c.group},
                          {"layout", std::string("last")},
                          {"pads", std::vector<int64_t>(4, c.pad)},
                          {"strides", std::vector<int64_t>{c.stride, c.stride}}};
  auto conv = graph.append("Conv", "", {input, weight, graph.add_constant("b", bias)}, attrs, {"y"});
  if (!conv.ok()) FAIL(conv.error().message);
  Node* node = *conv;
  node->output()->dtype = out.type;
  if (out.type != BT_F32) node->output()->quant = quant_of(out);
  graph.add_output(node->output());
  const auto want = expected(c, x, in, w, by_channel.scale, bias, out);
  for (int k = 0; bt_kernels_at(k); ++k)
    for (const int threads : {1, 3}) {
      INFO(c.name << ", kernels " << bt_kernels_at(k)->name << ", threads " << threads);
      auto session = Session::of_graph(graph, {.threads = threads, .kernels = bt_kernels_at(k)->name});
      if (!session.ok()) FAIL(session.error().message);
      auto got = session->run(std::vector<Tensor>{x});
      if (!got.ok()) FAIL(got.error().message);
      REQUIRE(static_cast<size_t>(got->at(0).count()) == want.size());
      CHECK(got->at(0).dtype() == out.type);
      size_t wrong = 0;
      for (size_t i = 0; i < want.size(); ++i) wrong += got->at(0).number(static_cast<int64_t>(i)) != want[i];
      CHECK(wrong == 0);
    }
}

}  // namespace

TEST_CASE("products with 16-bit activations follow the rule", "[ops]") {
  const Stored words{BT_I16, 0.0003f, 0}, bytes{BT_I8, 0.05f, -9}, reals{BT_F32, 0, 0};
  for (const Case& c : kCases) {
    check(c, words, {BT_I16, 0.2f, 0});
    check(c, words, {BT_I16, 0.02f, 0});  // most results leave the range
    check(c, words, {BT_I8, 20.0f, 5});
    check(c, words, reals);
    check(c, bytes, {BT_I16, 0.01f, 0});
  }
}

}  // namespace bantam
