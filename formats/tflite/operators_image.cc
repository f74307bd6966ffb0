// SPDX-License-Identifier: Apache-2.0
// Images: resampling and local normalisation. The format has three ways to find the source of a
// pixel; which of them is meant is found by trying them on every line and column.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "formats/tflite/operators.h"
#include "formats/tflite/runtime_shape.h"
#include "ir/match.h"

namespace bantam {
namespace {

struct Sampling {
  bool align_corners = false, half_pixel_centers = false;
};
constexpr Sampling kSamplings[] = {
    {false, false}, {false, true}, {true, false}};  // old versions first

struct Axis {
  int64_t in, out;
  double scale;  // of the node: lengths may have been rounded down
};

// Where ONNX looks for pixel i.
double onnx_source(const Node& n, const Axis& a, int64_t i) {
  const std::string how = n.attr_word("coordinate_transformation_mode");
  const auto x = static_cast<double>(i), in = static_cast<double>(a.in),
             out = static_cast<double>(a.out);
  if (how == "align_corners") return a.out == 1 ? 0 : x * (in - 1) / (out - 1);
  if (how == "asymmetric") return x / a.scale;
  if (how == "pytorch_half_pixel" && a.out == 1) return 0;
  if (how == "half_pixel_symmetric")
    return in / 2 * (1 - out / (a.scale * in)) + (x + 0.5) / a.scale - 0.5;
  return (x + 0.5) / a.scale - 0.5;
}

int64_t onnx_nearest(const Node& n, const Axis& a, int64_t i) {
  const double x = onnx_source(n, a, i);
  const std::string how = n.attr_word("nearest_mode");
  const double r = how == "floor"               ? std::floor(x)
                   : how == "ceil"              ? std::ceil(x)
                   : how == "round_prefer_ceil" ? std::floor(x + 0.5)
                                                : std::ceil(x - 0.5);
  return std::clamp<int64_t>(static_cast<int64_t>(r), 0, a.in - 1);
}

float step_of(const Sampling& s, const Axis& a) {
  const bool corners = s.align_corners && a.out > 1;
  return corners ? static_cast<float>(a.in - 1) / static_cast<float>(a.out - 1)
                 : static_cast<float>(a.in) / static_cast<float>(a.out);
}

int64_t format_nearest(const Sampling& s, const Axis& a, int64_t i) {
  const float x = (static_cast<float>(i) + (s.half_pixel_centers ? 0.5f : 0.0f)) * step_of(s, a);
  return std::clamp<int64_t>(static_cast<int64_t>(s.align_corners ? std::round(x) : std::floor(x)),
                             0, a.in - 1);
}

double format_source(const Sampling& s, const Axis& a, int64_t i) {
  const auto x = static_cast<double>(i), step = static_cast<double>(step_of(s, a));
  return s.half_pixel_centers ? (x + 0.5) * step - 0.5 : x * step;
}

constexpr double kSameSource = 1e-4;  // of a pixel

bool agrees(const Node& n, const Sampling& s, const Axis& a, bool nearest) {
  for (int64_t i = 0; i < a.out; ++i) {
    if (nearest ? onnx_nearest(n, a, i) != format_nearest(s, a, i)
                : std::fabs(std::clamp(onnx_source(n, a, i), 0.0, static_cast<double>(a.in - 1)) -
                            std::clamp(format_source(s, a, i), 0.0,
                                       static_cast<double>(a.in - 1))) > kSameSource)
      return false;
  }
  return true;
}

constexpr int64_t kLongest = 1 << 20;

Result<std::vector<Axis>> axes_of(const Node& n) {
  const Value *x = n.inputs[0], *y = n.output(), *scales = n.input(2);
  if (n.attr_word("layout") != "last" || x->rank() != 4)
    return cannot("the image is not channels-last; run to-channels-last first");
  if (!n.attr_ints("axes").empty()) return cannot("a resize along chosen axes");
  const Shape &in = *x->shape, &out = *y->shape;
  if (in[0] != out[0] || in[3] != out[3]) return cannot("a resize of batch or channels");
  const bool by_scale = scales && scales->is_constant() && scales->constant->count() == 4;
  std::vector<Axis> axes;
  for (size_t d = 1; d < 3; ++d) {
    Axis a = {in[d], out[d], by_scale ? scales->constant->number(static_cast<int64_t>(d)) : 0};
    if (a.in < 0 && by_scale && a.scale == std::floor(a.scale))
      a.in = 5, a.out = 5 * static_cast<int64_t>(a.scale);  // any length tells
    if (a.in < 1 || a.out < 1 || a.out > kLongest)
      return cannot("a resize to lengths that are not known; fix them with --shape");
    if (!by_scale) a.scale = static_cast<double>(a.out) / static_cast<double>(a.in);
    axes.push_back(a);
  }
  return axes;
}

// [height, width] of the result; where the lengths are open, a multiple of the input's.
Result<int> target_size(Emitter& e, const Node& n, const std::vector<Axis>& axes) {
  const Value *x = n.inputs[0], *y = n.output();
  if ((*y->shape)[1] >= 0 && (*y->shape)[2] >= 0) return e.ints({(*y->shape)[1], (*y->shape)[2]});
  const int shape = e.between(x->name + ".shape", tfl::TensorType::INT32, {4}),
            size = e.between(x->name + ".size", tfl::TensorType::INT32, {2});
  e.op(BuiltinOperator::SHAPE, 1, {e.tensor(x)}, {shape},
       tfl::CreateShapeOptions(e.flat(), tfl::TensorType::INT32));
  e.op(BuiltinOperator::STRIDED_SLICE, 1, {shape, e.ints({1}), e.ints({3}), e.ints({1})}, {size},
       tfl::CreateStridedSliceOptions(e.flat()));
  const int target = e.between(y->name + ".size", tfl::TensorType::INT32, {2});
  const int factors = e.ints({std::llround(axes[0].scale), std::llround(axes[1].scale)});
  e.op(BuiltinOperator::MUL, 1, {size, factors}, {target}, tfl::CreateMulOptions(e.flat()));
  return target;
}

Result<void> emit_resize(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  const std::string mode = n.attr_word("mode");
  if (mode == "cubic" || n.attr_int("antialias")) return cannot("a cubic or anti-aliased resize");
  if (n.attr_word("coordinate_transformation_mode") == "tf_crop_and_resize")
    return cannot("a resize of a part of the image");
  TRY(const auto axes, axes_of(n));
  const bool nearest = mode == "nearest";
  for (const Sampling& s : kSamplings) {
    if (!agrees(n, s, axes[0], nearest) || !agrees(n, s, axes[1], nearest)) continue;
    TRY(const int size, target_size(e, n, axes));
    const std::vector<int> in = {e.tensor(x), size}, out = {e.tensor(y)};
    const bool late = s.half_pixel_centers || (nearest && s.align_corners);
    const int version = late && !is_q16(x) ? 3 : e.version(x, 2, 4);
    if (nearest)
      e.op(
          BuiltinOperator::RESIZE_NEAREST_NEIGHBOR, version, in, out,
          tfl::CreateResizeNearestNeighborOptions(e.flat(), s.align_corners, s.half_pixel_centers));
    else
      e.op(BuiltinOperator::RESIZE_BILINEAR, version, in, out,
           tfl::CreateResizeBilinearOptions(e.flat(), s.align_corners, s.half_pixel_centers));
    return {};
  }
  return cannot("a resize that takes its pixels from other places than the format's three ways do");
}

Result<void> emit_lrn(Emitter& e, const Node& n) {
  const int64_t size = n.attr_int("size");
  if (n.attr_word("layout") != "last" || n.inputs[0]->rank() != 4 || n.inputs[0]->dtype != BT_F32)
    return cannot("the image is not channels-last; run to-channels-last first");
  if (size % 2 == 0) return cannot("a window of even length");
  const auto options = tfl::CreateLocalResponseNormalizationOptions(
      e.flat(), static_cast<int>(size / 2), n.attr_float("bias"),
      n.attr_float("alpha") / static_cast<float>(size), n.attr_float("beta"));
  e.op(BuiltinOperator::LOCAL_RESPONSE_NORMALIZATION, 1, e.tensors(n.inputs),
       {e.tensor(n.output())}, options);
  return {};
}

constexpr OperatorRow kRows[] = {{"Resize", emit_resize}, {"LRN", emit_lrn}};

}  // namespace

std::span<const OperatorRow> image_rows() { return kRows; }

}  // namespace bantam
