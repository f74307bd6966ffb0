// SPDX-License-Identifier: Apache-2.0
// Errors and special cases of math_f32.h (through the kernel tables that use it) and math_f64.h.
//
// The bounds are those that the headers state. Floats are sampled here; the hidden test case
// "every float", run by its name, goes through all 2^32 of them in some ten minutes.
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/math_f64.h"

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double pi = std::numbers::pi;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

// ---- floats ----

struct FloatCase {
  const char* name;
  bt_unary function;
  double (*exact)(double);
  double max_ulp;
  double max_absolute;  // below this an error in ulp does not count
};

double sigmoid(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
// At -inf the formulas of these multiply inf by 0.
double gelu(double x) { return x == -inf ? nan : 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double gelu_tanh(double x) {
  return x == -inf ? nan : x * sigmoid(2 * std::sqrt(2 / pi) * (x + 0.044715 * x * x * x));
}
double silu(double x) { return x == -inf ? nan : x * sigmoid(x); }

const FloatCase float_cases[] = {
    {"exp", BT_EXP, [](double x) { return std::exp(x); }, 1.06, 0},
    {"log", BT_LOG, [](double x) { return std::log(x); }, 0.85, 0},
    {"tanh", BT_TANH, [](double x) { return std::tanh(x); }, 2.6, 0},
    {"tanh", BT_TANH, [](double x) { return std::tanh(x); }, 2, 9e-8},
    {"sigmoid", BT_SIGMOID, sigmoid, 2.5, 0},
    {"sigmoid", BT_SIGMOID, sigmoid, 2, 9e-8},
    {"erf", BT_ERF, [](double x) { return std::erf(x); }, 1.9, 0},
    {"gelu", BT_GELU, gelu, 1.3, 1.2e-7},
    {"gelu_tanh", BT_GELU_TANH, gelu_tanh, 2, 6e-8},
    {"silu", BT_SILU, silu, 3.4, 1e-42},  // far left e^x is a subnormal number
};

double ulp_of_float(double exact) {
  int exponent = 0;
  std::frexp(exact, &exponent);
  return std::ldexp(1.0, exponent < -125 ? -149 : exponent - 24);
}

// The largest error in ulp over every `stride`-th float; inf where a special value is wrong.
double worst_error(const FloatCase& c, uint64_t stride) {
  const bt_kernels* kernels = bt_kernels_best();
  std::vector<float> x(4096), y(4096);
  double worst = 0;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32);) {
    size_t count = 0;
    for (; count < x.size() && bits < (uint64_t{1} << 32); ++count, bits += stride) {
      const uint32_t word = static_cast<uint32_t>(bits);
      std::memcpy(&x[count], &word, sizeof word);
    }
    kernels->unary[c.function](x.data(), y.data(), count);
    for (size_t i = 0; i < count; ++i) {
      const double exact = c.exact(x[i]), got = y[i];
      if (std::isnan(exact) && std::isnan(got)) continue;
      if (got == static_cast<double>(static_cast<float>(exact))) continue;
      const double error = std::fabs(got - exact);
      if (error <= c.max_absolute) continue;
      const double ulps = error / ulp_of_float(exact);
      if (!(ulps <= worst)) worst = std::isnan(ulps) ? inf : ulps;
    }
  }
  return worst;
}

float call(bt_unary function, float x) {
  float y = 0;
  bt_kernels_named("scalar")->unary[function](&x, &y, 1);
  return y;
}

TEST_CASE("float functions keep their error bounds", "[accuracy]") {
  for (const FloatCase& c : float_cases) {
    INFO(c.name);
    CHECK(worst_error(c, 4999) <= c.max_ulp);
  }
}

TEST_CASE("every float", "[.]") {
  for (const FloatCase& c : float_cases) {
    const double worst = worst_error(c, 1);
    WARN(c.name << ": " << worst << " ulp where the error is above " << c.max_absolute);
    CHECK(worst <= c.max_ulp);
  }
}

TEST_CASE("float functions at special values") {
  const float big = std::numeric_limits<float>::infinity();
  const float none = std::numeric_limits<float>::quiet_NaN();
  const struct {
    bt_unary function;
    float x, y;
  } cases[] = {
      {BT_EXP, 0.0f, 1.0f},
      {BT_EXP, -0.0f, 1.0f},
      {BT_EXP, big, big},
      {BT_EXP, -big, 0.0f},
      {BT_EXP, 88.8f, big},
      {BT_EXP, -104.0f, 0.0f},
      {BT_EXP, 3e38f, big},
      {BT_EXP, -3e38f, 0.0f},
      {BT_EXP, -103.5f, 0x1p-149f},
      {BT_LOG, 0.0f, -big},
      {BT_LOG, -0.0f, -big},
      {BT_LOG, -1.0f, none},
      {BT_LOG, -big, none},
      {BT_LOG, big, big},
      {BT_LOG, 1.0f, 0.0f},
      {BT_TANH, -0.0f, -0.0f},
      {BT_TANH, big, 1.0f},
      {BT_TANH, -big, -1.0f},
      {BT_TANH, 1e-40f, 1e-40f},
      {BT_TANH, 20.0f, 1.0f},
      {BT_SIGMOID, 0.0f, 0.5f},
      {BT_SIGMOID, big, 1.0f},
      {BT_SIGMOID, -big, 0.0f},
      {BT_ERF, -0.0f, -0.0f},
      {BT_ERF, big, 1.0f},
      {BT_ERF, -big, -1.0f},
      {BT_GELU, big, big},
      {BT_GELU, -30.0f, 0.0f},
      {BT_GELU_TANH, big, big},
      {BT_SILU, big, big},
      {BT_SILU, -0.0f, -0.0f},
      {BT_SQRT, -1.0f, none},
      {BT_SQRT, -0.0f, -0.0f},
      {BT_SQRT, 2.25f, 1.5f},
      {BT_RELU, -0.0f, -0.0f},
      {BT_RELU, -big, 0.0f},
      {BT_ABS, -0.0f, 0.0f},
      {BT_NEG, 0.0f, -0.0f},
      {BT_RECIPROCAL, 0.0f, big},
      {BT_RECIPROCAL, -big, -0.0f},
      {BT_SQUARE, -3.0f, 9.0f},
      {BT_HARD_SWISH, 3.0f, 3.0f},
      {BT_HARD_SWISH, -3.0f, -0.0f},
      {BT_HARD_SWISH, 100.0f, 100.0f},
  };
  for (const auto& c : cases) {
    INFO("function " << c.function << " of " << c.x << " is " << call(c.function, c.x));
    CHECK(same(call(c.function, c.x), c.y));
  }
  for (int f = 0; f < BT_UNARY_COUNT; ++f) {
    INFO("function " << f);
    CHECK(std::isnan(call(static_cast<bt_unary>(f), none)));
    CHECK(std::isnan(call(static_cast<bt_unary>(f), -none)));
  }
}

// ---- doubles ----

struct DoubleCase {
  const char* name;
  double (*function)(double);
  long double (*exact)(long double);
  double smallest, largest;  // magnitudes that are sampled
  bool is_signed;
};

#define CASE(name, smallest, largest, is_signed)                                               \
  {                                                                                            \
#name, bt_##name, [](long double x) { return std::name(x); }, smallest, largest, is_signed \
  }
const DoubleCase double_cases[] = {
    CASE(exp, 1e-20, 745, true),      CASE(exp, 0.1, 2, true),
    CASE(expm1, 1e-300, 709, true),   CASE(expm1, 0.01, 3, true),
    CASE(log, 1e-320, 1e308, false),  CASE(log, 0.5, 2, false),
    CASE(log1p, 1e-300, 0.99, true),  CASE(log1p, 0.01, 1e300, false),
    CASE(sinh, 1e-300, 710, true),    CASE(sinh, 0.01, 3, true),
    CASE(cosh, 1e-300, 710, true),    CASE(cosh, 0.01, 3, true),
    CASE(tanh, 1e-300, 25, true),     CASE(tanh, 0.01, 3, true),
    CASE(asinh, 1e-300, 1e300, true), CASE(asinh, 0.01, 3, true),
    CASE(acosh, 1, 1e300, false),     CASE(acosh, 1, 1.5, false),
    CASE(atanh, 1e-300, 1, true),     CASE(atanh, 0.01, 1, true),
    CASE(sin, 1e-300, 1e6, true),     CASE(sin, 0.1, 10, true),
    CASE(sin, 1e6, 1e300, true),      CASE(cos, 1e-300, 1e6, true),
    CASE(cos, 0.1, 10, true),         CASE(cos, 1e6, 1e300, true),
    CASE(tan, 1e-300, 1e6, true),     CASE(tan, 0.1, 10, true),
    CASE(tan, 1e6, 1e300, true),      CASE(asin, 1e-300, 1, true),
    CASE(asin, 0.1, 1, true),         CASE(acos, 1e-300, 1, true),
    CASE(acos, 0.1, 1, true),         CASE(atan, 1e-300, 1e20, true),
    CASE(atan, 0.01, 5, true),        CASE(erf, 1e-300, 7, true),
    CASE(erf, 0.01, 7, true),
};
#undef CASE

double ulps(double got, long double exact) {
  if (got == static_cast<double>(exact)) return 0;
  int exponent = 0;
  std::frexp(exact, &exponent);
  const int unit = exponent < -1021 ? -1074 : exponent - 53;
  return static_cast<double>(std::fabs(got - exact) / std::ldexp(1.0L, unit));
}

class Sampler {
 public:
  double between(double low, double high) {  // uniform in the logarithm
    const double t = static_cast<double>(bits_() >> 11) * 0x1p-53;
    const double x = std::exp(std::log(low) + (std::log(high) - std::log(low)) * t);
    return x < low ? low : x > high ? high : x;
  }
  double sign() { return bits_() & 1 ? 1.0 : -1.0; }

 private:
  std::mt19937_64 bits_{1};
};

TEST_CASE("double functions stay below 1 ulp", "[accuracy]") {
  Sampler sample;
  for (const DoubleCase& c : double_cases) {
    double worst = 0, at = 0;
    for (int i = 0; i < 20000; ++i) {
      const double size = sample.between(c.smallest, c.largest);
      const double x = c.is_signed ? size * sample.sign() : size;
      const double error = ulps(c.function(x), c.exact(x));
      if (!(error <= worst)) worst = error, at = x;
    }
    INFO(c.name << " at " << at);
    CHECK(worst < 1);
  }
}

TEST_CASE("double functions of two arguments stay below 1 ulp", "[accuracy]") {
  Sampler sample;
  double worst_pow = 0, worst_atan2 = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = i % 2 ? sample.between(0.5, 2) : sample.between(1e-300, 1e300);
    const double y = sample.sign() * (i % 2 ? sample.between(1, 900) : sample.between(1e-5, 2));
    worst_pow = std::max(worst_pow, ulps(bt_pow(x, y), std::pow((long double)x, (long double)y)));
    const double a = sample.sign() * sample.between(1e-320, 1e308);
    const double b =
        i % 2 ? a * sample.between(1e-3, 1e3) : sample.sign() * sample.between(1e-9, 9);
    if (std::isinf(b)) continue;
    worst_atan2 =
        std::max(worst_atan2, ulps(bt_atan2(a, b), std::atan2((long double)a, (long double)b)));
  }
  CHECK(worst_pow < 1);
  CHECK(worst_atan2 < 1);
}

TEST_CASE("arguments close to multiples of pi/2 are reduced exactly") {
  // 6381956970095103 * 2^797 comes closer to a multiple of pi/2 than any other double.
  for (const double x : {6381956970095103.0 * 0x1p797, 0x1.921fb54442d18p+0, 0x1.921fb54442d18p+1,
                         0x1.6c6cbc45dc8dep5, 0x1p1023, 0x1.fffffffffffffp+1023}) {
    CHECK(ulps(bt_sin(x), std::sin((long double)x)) < 1);
    CHECK(ulps(bt_cos(x), std::cos((long double)x)) < 1);
    CHECK(ulps(bt_tan(x), std::tan((long double)x)) < 1);
  }
}

TEST_CASE("double functions at special values") {
  const struct {
    double (*function)(double);
    double x, y;
  } cases[] = {
      {bt_exp, inf, inf},         {bt_exp, -inf, 0.0},    {bt_exp, -0.0, 1.0},
      {bt_exp, 710.0, inf},       {bt_exp, -746.0, 0.0},  {bt_exp, 1e300, inf},
      {bt_expm1, -0.0, -0.0},     {bt_expm1, inf, inf},   {bt_expm1, -inf, -1.0},
      {bt_expm1, 5e-324, 5e-324}, {bt_log, 0.0, -inf},    {bt_log, -0.0, -inf},
      {bt_log, -1.0, nan},        {bt_log, inf, inf},     {bt_log, 1.0, 0.0},
      {bt_log1p, -0.0, -0.0},     {bt_log1p, -1.0, -inf}, {bt_log1p, -2.0, nan},
      {bt_log1p, inf, inf},       {bt_sinh, -0.0, -0.0},  {bt_sinh, -inf, -inf},
      {bt_sinh, 800.0, inf},      {bt_cosh, 0.0, 1.0},    {bt_cosh, -inf, inf},
      {bt_cosh, -800.0, inf},     {bt_tanh, -0.0, -0.0},  {bt_tanh, -inf, -1.0},
      {bt_asinh, -0.0, -0.0},     {bt_asinh, -inf, -inf}, {bt_acosh, 1.0, 0.0},
      {bt_acosh, 0.5, nan},       {bt_acosh, inf, inf},   {bt_atanh, -0.0, -0.0},
      {bt_atanh, 1.0, inf},       {bt_atanh, -1.0, -inf}, {bt_atanh, 1.5, nan},
      {bt_sin, -0.0, -0.0},       {bt_sin, inf, nan},     {bt_cos, 0.0, 1.0},
      {bt_cos, -inf, nan},        {bt_tan, -0.0, -0.0},   {bt_tan, inf, nan},
      {bt_asin, -0.0, -0.0},      {bt_asin, 1.5, nan},    {bt_acos, 1.0, 0.0},
      {bt_acos, -1.0, pi},        {bt_acos, 1.5, nan},    {bt_atan, -0.0, -0.0},
      {bt_atan, -inf, -pi / 2},   {bt_erf, -0.0, -0.0},   {bt_erf, inf, 1.0},
      {bt_erf, -inf, -1.0},
  };
  for (const auto& c : cases) {
    INFO("f(" << c.x << ") = " << c.function(c.x) << ", expected " << c.y);
    CHECK(same(c.function(c.x), c.y));
  }
  for (const DoubleCase& c : double_cases) {
    INFO(c.name);
    CHECK(std::isnan(c.function(nan)));
  }
}

// FNV-1a of the bits with every NaN made the same.
uint64_t add_to_hash(uint64_t hash, double value) {
  uint64_t word = 0x7ff8000000000000u;
  if (!std::isnan(value)) std::memcpy(&word, &value, sizeof word);
  for (int shift = 0; shift < 64; shift += 8)
    hash = (hash ^ (word >> shift & 0xff)) * 0x100000001b3u;
  return hash;
}

TEST_CASE("double functions have the same bits on every machine") {
  // Any bits, and numbers in -4..4; made without libm, which need not be the same everywhere.
  std::mt19937_64 bits{3};
  const auto sample = [&bits](int i) {
    const uint64_t word = bits();
    if (i % 2) return static_cast<double>(word >> 11) * 0x1p-50 - 4.0;
    double x;
    std::memcpy(&x, &word, sizeof x);
    return x;
  };
  uint64_t hash = 0xcbf29ce484222325u;
  for (int i = 0; i < 5000; ++i) {
    const double x = sample(i), y = sample(i + 1);
    for (const DoubleCase& c : double_cases) hash = add_to_hash(hash, c.function(x));
    hash = add_to_hash(hash, bt_pow(x, y));
    hash = add_to_hash(hash, bt_pow(x < 0 ? -x : x, sample(1)));
    hash = add_to_hash(hash, bt_atan2(x, y));
  }
  CHECK(hash == 0x3dbdeaf1398ac2bbu);
}

TEST_CASE("pow and atan2 follow Annex F") {
  const double values[] = {0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 1e300, 9007199254740993.0, 5e-324, inf};
  for (const double size_x : values)
    for (const double size_y : values)
      for (int signs = 0; signs < 4; ++signs) {
        const double x = signs & 1 ? -size_x : size_x, y = signs & 2 ? -size_y : size_y;
        INFO(x << " and " << y);
        CHECK(same(bt_pow(x, y), std::pow(x, y)));
        CHECK(same(bt_atan2(y, x), std::atan2(y, x)));
      }
  CHECK(bt_pow(nan, 0.0) == 1.0);
  CHECK(bt_pow(1.0, nan) == 1.0);
  CHECK(std::isnan(bt_pow(nan, 1.0)));
  CHECK(std::isnan(bt_pow(2.0, nan)));
  CHECK(std::isnan(bt_atan2(nan, 1.0)));
  CHECK(std::isnan(bt_atan2(1.0, nan)));
}

}  // namespace
