// SPDX-License-Identifier: Apache-2.0
// The models that a device is measured with. Each is a chain of nodes of one kind, as long as makes the
// copies at its borders small; sizes go from what a sensor's network has to what a picture's has.
#include "base/format.h"
#include "device/calibration.h"

namespace bantam {
namespace {

constexpr size_t kNodes = 4;  // in a chain

// Types of values and constants in one arithmetic. Scales are such that values stay in range.
struct Types {
  std::string name;

  std::string value(const std::string& lengths) const {
    if (name == "float") return formatted("f32[{}]", lengths);
    return name == "int8" ? formatted("i8[{}] q(scale=0.05)", lengths)
                          : formatted("i16[{}] q(scale=0.001)", lengths);
  }
  std::string weights(const std::string& constant, const std::string& lengths) const {
    if (name == "float")
      return formatted("  const %{} : f32[{}] = random(seed=1, lo=-0.1, hi=0.1)\n", constant, lengths);
    return formatted("  const %{} : i8[{}] q(scale=0.001) = random(seed=1, lo=-100, hi=100)\n", constant, lengths);
  }
  std::string bias(const std::string& constant, int channels) const {
    const char* type = name == "float" ? "f32" : name == "int8" ? "i32" : "i64";
    return formatted("  const %{} : {}[{}] = splat(1)\n", constant, type, channels);
  }
};

// %x0 -> %x1 -> ...: types and calls take turns; a call has {} in the place of its operands.
std::string chain(const std::vector<std::string>& types, const std::string& constants,
                  const std::vector<std::string>& calls) {
  std::string text = formatted("graph {{\n  in %x0 : {}\n{}", types[0], constants);
  for (size_t i = 0; i < kNodes; ++i) {
    std::string call = calls[i % calls.size()];
    for (size_t at; (at = call.find("{}")) != std::string::npos;) call.replace(at, 2, formatted("%x{}", i));
    text += formatted("  %x{} : {} = {}\n", i + 1, types[(i + 1) % types.size()], call);
  }
  return text + formatted("  out %x{}\n}}\n", kNodes);
}

// A square picture; a convolution goes from `channels` to `others`, and the next one back.
struct Picture {
  int side, channels, others;
};

class Cases {
 public:
  std::vector<CalibrationCase> all() {
    list_.push_back({"run", "graph {\n  in %x : f32[1]\n  %y : f32[1] = Relu(%x)\n  out %y\n}\n"});
    for (const std::string& name : arithmetics()) {
      const Types types{name};
      convolutions(types);
      products(types);
      for (const int side : {8, 24, 72}) pools(types, side);
      for (const int side : {16, 64, 256, 768}) numbers(types, side);
    }
    return std::move(list_);
  }

 private:
  void add(const Types& types, const char* kind, const std::string& size, std::string text) {
    list_.push_back({formatted("{}_{}_{}", types.name, kind, size), std::move(text)});
  }

  void convolution(const Types& types, const char* kind, Picture p, int window) {
    const bool is_depthwise = p.others == 0;
    const int to = is_depthwise ? p.channels : p.others, pad = window / 2;
    const auto lengths = [&](int channels) { return formatted("1,{0},{0},{1}", p.side, channels); };
    const auto shape = [&](int out, int in) { return formatted("{0},{1},{1},{2}", out, window, is_depthwise ? 1 : in); };
    const std::string rest =
        formatted(") {{{0}kernel_shape=[{1}, {1}], layout=\"last\", lo=0, pads=[{2}, {2}, {2}, {2}]}}",
                  is_depthwise ? formatted("group={}, ", to) : "", window, pad);
    add(types, kind, formatted("{0}x{0}x{1}{2}", p.side, p.channels, is_depthwise ? formatted("_{}", window) : formatted("x{}", to)),
        chain({types.value(lengths(p.channels)), types.value(lengths(to))},
              types.weights("w", shape(to, p.channels)) + types.weights("v", shape(p.channels, to)) +
                  types.bias("b", to) + types.bias("a", p.channels),
              {"Conv({}, %w, %b" + rest, "Conv({}, %v, %a" + rest}));
  }

  void convolutions(const Types& types) {
    for (const Picture p : {Picture{48, 16, 16}, {24, 24, 72}, {12, 64, 64}, {6, 128, 128}, {12, 192, 48}, {96, 16, 32}})
      convolution(types, "pointwise", p, 1);
    for (const Picture p : {Picture{48, 8, 8}, {24, 16, 16}, {12, 32, 32}, {6, 64, 64}, {24, 48, 48}, {96, 16, 24}, {40, 64, 64}})
      convolution(types, "window", p, 3);
    for (const Picture p : {Picture{24, 1, 16}, {48, 3, 16}, {96, 3, 24}}) convolution(types, "thin", p, 3);
    for (const Picture p : {Picture{48, 16, 0}, {24, 32, 0}, {12, 64, 0}, {6, 128, 0}, {96, 32, 0}})
      convolution(types, "depthwise", p, 3);
    convolution(types, "depthwise", {24, 32, 0}, 5);
    if (types.name == "int16") return;  // there the runtime transposes in float
    for (const Picture p : {Picture{8, 16, 16}, {24, 16, 16}, {48, 24, 24}}) transposed(types, p);
  }

  // A single one: each would double the sides.
  void transposed(const Types& types, Picture p) {
    const std::string size = formatted("{0}x{0}x{1}", p.side, p.channels);
    add(types, "transposed", size,
        formatted("graph {{\n  in %x : {}\n{}{}  %y : {} = ConvTranspose(%x, %w, %b) {{layout=\"last\", strides=[2, 2]}}\n  out %y\n}}\n",
                  types.value(formatted("1,{0},{0},{1}", p.side, p.channels)), types.weights("w", formatted("{0},2,2,{0}", p.channels)),
                  types.bias("b", p.channels), types.value(formatted("1,{0},{0},{1}", 2 * p.side, p.channels))));
  }

  void products(const Types& types) {
    struct Size {
      int rows, columns;
    };
    for (const Size s : {Size{1, 32}, {1, 128}, {1, 512}, {16, 32}, {16, 128}, {64, 256}})
      add(types, "dense", formatted("{}x{}", s.rows, s.columns),
          chain({types.value(formatted("{},{}", s.rows, s.columns))},
                types.weights("w", formatted("{0},{0}", s.columns)) + types.bias("b", s.columns), {"MatMul({}, %w, %b)"}));
  }

  void pools(const Types& types, int side) {
    const std::string size = formatted("{0}x{0}x48", side), value = types.value(formatted("1,{0},{0},48", side));
    for (const int window : {2, 3}) {
      const std::string rest = formatted("({{}}) {{kernel_shape=[{0}, {0}], layout=\"last\", pads=[{1}, {1}, 1, 1]}}", window, window - 2);
      add(types, "max_pool", formatted("{}_{}", size, window), chain({value}, "", {"MaxPool" + rest}));
      add(types, "average_pool", formatted("{}_{}", size, window), chain({value}, "", {"AveragePool" + rest}));
    }
    add(types, "reduce", size, formatted("graph {{\n  in %x : {}\n  %y : {} = GlobalAveragePool(%x) {{layout=\"last\"}}\n  out %y\n}}\n",
                                         value, types.value("1,1,1,48")));
  }

  // side x side numbers: added, through a function, moved, made to integers and back.
  void numbers(const Types& types, int side) {
    const int rows = side * side / 64;
    const std::string size = formatted("{0}x{0}", side), square = types.value(formatted("{0},{0}", side));
    const std::string whole = types.value(formatted("{},64", rows)), half = types.value(formatted("{},32", rows));
    add(types, "elementwise", size, chain({square}, "", {"Add({}, %x0)", "Mul({}, %x0)"}));
    add(types, "function", size, chain({square}, "", {"Sigmoid({})", types.name == "float" ? "Softmax({})" : "Tanh({})"}));
    add(types, "move", size,
        chain({whole, half}, "  const %a : i64[1] = [0]\n  const %e : i64[1] = [32]\n  const %d : i64[1] = [1]\n",
              {"Slice({}, %a, %e, %d)", "Concat({}, {}) {axis=1}"}));
    add(types, "transpose", size, chain({whole, types.value(formatted("64,{}", rows))}, "", {"Transpose({}) {perm=[1, 0]}"}));
    if (types.name == "float") return;
    add(types, "convert", size, chain({square, formatted("f32[{0},{0}]", side)}, "", {"Dequantize({})", "Quantize({})"}));
  }

  std::vector<CalibrationCase> list_;
};

}  // namespace

std::vector<CalibrationCase> calibration_cases() { return Cases().all(); }

}  // namespace bantam
