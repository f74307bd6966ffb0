// SPDX-License-Identifier: Apache-2.0
// Images: resampling and local normalisation.
#include <cmath>

#include "base/format.h"
#include "formats/tflite/read_operators.h"
#include "ir/match.h"

namespace bantam {
namespace {

using Code8 = tfl::BuiltinOperator;

Error bad(std::string message) { return {Code::bad_input, std::move(message)}; }

// Factors that give just these lengths, for images whose number is open; empty where floats cannot
// say them.
std::vector<float> factors(const Shape& in, const std::vector<int64_t>& size) {
  std::vector<float> list = {1, 1, 1, 1};
  for (size_t d = 0; d < 2; ++d) {
    if (in[d + 1] < 1) return {};
    list[d + 1] = static_cast<float>(size[d]) / static_cast<float>(in[d + 1]);
    if (std::floor(static_cast<double>(in[d + 1]) * static_cast<double>(list[d + 1])) !=
        static_cast<double>(size[d]))
      return {};
  }
  return list;
}

// The inputs of Resize: the lengths of all axes, or factors.
Result<std::vector<Value*>> resize_inputs(OperatorReader& r, Value* x) {
  TRY(const Value* stated, r.input(1));
  const Shape& in = *x->shape;
  const auto size = integers_of(stated);
  if (size && size->size() != 2) return bad(formatted("it resizes to {} lengths", size->size()));
  if (size && in[0] >= 0 && in[3] >= 0)
    return std::vector<Value*>{x, nullptr, nullptr, r.list({in[0], (*size)[0], (*size)[1], in[3]})};
  if (size) {
    const auto by = factors(in, *size);
    if (!by.empty())
      return std::vector<Value*>{
          x, nullptr, r.file().constant(r.name() + ".factors", Tensor::of_floats({4}, by))};
  }
  TRY(Value* lengths, r.long_ints(1));
  Value* shape = r.part("Shape", {x});
  Value* batch = r.part("Slice", {shape, r.list({0}), r.list({1})});
  Value* channels = r.part("Slice", {shape, r.list({3}), r.list({4})});
  Value* all = r.part("Concat", {batch, lengths, channels}, {{"axis", int64_t{0}}});
  return std::vector<Value*>{x, nullptr, nullptr, all};
}

template <typename T>
Result<void> resize(OperatorReader& r, bool nearest) {
  TRY(r.need(2, 2));
  TRY(const T* o, r.options<T>());
  TRY(Value* x, r.input(0));
  if (x->rank() != 4) return bad("its input is no image");
  TRY(const auto in, resize_inputs(r, x));
  AttrList attrs = {{"layout", std::string("last")},
                    {"mode", std::string(nearest ? "nearest" : "linear")}};
  attrs.emplace_back("coordinate_transformation_mode",
                     std::string(o->align_corners()        ? "align_corners"
                                 : o->half_pixel_centers() ? "half_pixel"
                                                           : "asymmetric"));
  const bool rounds = o->align_corners() || o->half_pixel_centers();
  if (nearest)
    attrs.emplace_back("nearest_mode", std::string(rounds ? "round_prefer_ceil" : "floor"));
  return r.become("Resize", in, attrs);
}
Result<void> read_bilinear(OperatorReader& r) {
  return resize<tfl::ResizeBilinearOptions>(r, false);
}
Result<void> read_nearest(OperatorReader& r) {
  return resize<tfl::ResizeNearestNeighborOptions>(r, true);
}

constexpr int kWidest = 1 << 20;

Result<void> read_lrn(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(const auto* o, r.options<tfl::LocalResponseNormalizationOptions>());
  TRY(Value* x, r.input(0));
  if (o->radius() < 0 || o->radius() > kWidest)
    return bad(formatted("its radius is {}", o->radius()));
  const int64_t size = 2 * int64_t{o->radius()} + 1;
  return r.become("LRN", {x},
                  {{"size", size},
                   {"layout", std::string("last")},
                   {"bias", o->bias()},
                   {"beta", o->beta()},
                   {"alpha", o->alpha() * static_cast<float>(size)}});
}

constexpr ReadRow kRows[] = {
    {Code8::RESIZE_BILINEAR, read_bilinear},
    {Code8::RESIZE_NEAREST_NEIGHBOR, read_nearest},
    {Code8::LOCAL_RESPONSE_NORMALIZATION, read_lrn},
};

}  // namespace

std::span<const ReadRow> read_image_rows() { return kRows; }

}  // namespace bantam
