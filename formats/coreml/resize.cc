// SPDX-License-Identifier: Apache-2.0
// Resize. Of the many rules that ONNX has for places and rounding, the format has one for the nearest element and
// three for two neighbours; a rule is taken where it gives the same places, whatever it is called.
#include <algorithm>
#include <cmath>

#include "formats/coreml/emitter.h"

namespace bantam::coreml {
namespace {

// From an output place to one of the input, along one axis.
double place(const std::string& rule, int64_t i, int64_t in, int64_t out) {
  const double ratio = static_cast<double>(in) / static_cast<double>(out), x = static_cast<double>(i);
  if (rule == "asymmetric") return x * ratio;
  if (rule == "align_corners") return out == 1 ? 0 : x * static_cast<double>(in - 1) / static_cast<double>(out - 1);
  if (rule == "pytorch_half_pixel" && out == 1) return 0;
  if (rule == "tf_half_pixel_for_nn") return (x + 0.5) * ratio;
  return (x + 0.5) * ratio - 0.5;
}

double rounded(const std::string& rule, double x) {
  if (rule == "floor") return std::floor(x);
  if (rule == "ceil") return std::ceil(x);
  return rule == "round_prefer_floor" ? std::ceil(x - 0.5) : std::floor(x + 0.5);
}

// The nearest element is the one at floor(i * in / out).
bool is_plain_nearest(const Node& n, int64_t in, int64_t out) {
  for (int64_t i = 0; i < out; ++i) {
    const double at = rounded(n.attr_word("nearest_mode"), place(n.attr_word("coordinate_transformation_mode"), i, in, out));
    if (std::clamp<double>(at, 0, static_cast<double>(in - 1)) != static_cast<double>(i * in / out)) return false;
  }
  return true;
}

const char* sampling_mode(const std::string& rule, int64_t out) {
  if (rule == "asymmetric") return "DEFAULT";
  if (rule == "align_corners") return "STRICT_ALIGN_CORNERS";
  if (rule == "half_pixel" || (rule == "pytorch_half_pixel" && out > 1)) return "UNALIGN_CORNERS";
  return nullptr;
}

// A scale that is not out / in moves the places.
bool is_exact_scale(const Emitter& e, size_t axis) {
  const Node& n = e.node();
  if (!n.input(2) || !n.input(2)->constant || n.input(2)->constant->count() == 0) return true;
  const auto axes = n.attr_ints("axes");
  size_t at = axis;
  for (size_t k = 0; k < axes.size(); ++k)
    if ((axes[k] < 0 ? axes[k] + 4 : axes[k]) == static_cast<int64_t>(axis)) at = k;
  if (at >= static_cast<size_t>(n.input(2)->constant->count())) return true;
  const double exact = static_cast<double>(e.result_shape()[axis]) / static_cast<double>(e.shape(0)[axis]);
  return std::fabs(n.input(2)->constant->number(static_cast<int64_t>(at)) - exact) <= 1e-6 * exact;
}

Result<void> nearest(Emitter& e, const Shape& in, const Shape& out) {
  for (size_t a = 2; a < 4; ++a)
    if (!is_plain_nearest(e.node(), in[a], out[a])) return refuse("its nearest element is floor(i * in / out); export it with the mode asymmetric and floor");
  if (out[2] % in[2] == 0 && out[3] % in[3] == 0)
    e.result("upsample_nearest_neighbor", {{"x", {e.in(0)}}, {"scale_factor_height", {e.integer(out[2] / in[2])}}, {"scale_factor_width", {e.integer(out[3] / in[3])}}});
  else
    e.result("resize_nearest_neighbor", {{"x", {e.in(0)}}, {"target_size_height", {e.integer(out[2])}}, {"target_size_width", {e.integer(out[3])}}});
  return {};
}

Result<void> resize(Emitter& e, const char*) {
  const Node& n = e.node();
  if (n.attr_word("layout") == "last") return refuse("its picture has the channels last");
  const Shape &in = e.shape(0), &out = e.result_shape();
  if (in.size() != 4 || in[0] != out[0] || in[1] != out[1]) return refuse("it resizes the last two of four axes only");
  if (!is_real(e.real())) return refuse("it resizes floats only");
  const std::string mode = n.attr_word("mode"), rule = n.attr_word("coordinate_transformation_mode");
  if (mode == "cubic" || n.attr_int("antialias")) return refuse("it has no cubic or antialiased resizing");
  if (!is_exact_scale(e, 2) || !is_exact_scale(e, 3)) return refuse("its scale is not a ratio of the lengths; give sizes instead");
  if (mode == "nearest") return nearest(e, in, out);
  const char *height = sampling_mode(rule, out[2]), *width = sampling_mode(rule, out[3]);
  if (!height || !width) return refuse("it has no places as in " + rule);
  e.result("resize_bilinear", {{"x", {e.in(0)}}, {"target_size_height", {e.integer(out[2])}}, {"target_size_width", {e.integer(out[3])}}, {"sampling_mode", {e.text(height)}}});
  return {};
}

}  // namespace

const std::vector<OperatorRow> resize_rows = {{"Resize", resize, ""}};

}  // namespace bantam::coreml
