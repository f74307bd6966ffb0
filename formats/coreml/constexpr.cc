// SPDX-License-Identifier: Apache-2.0
// The operations that make a weight from its parts when a model is loaded: those of iOS 16 and 17, and those of
// iOS 18, which replaced them.
#include <algorithm>
#include <bit>
#include <map>

#include "formats/coreml/constant.h"
#include "formats/coreml/program.h"

namespace bantam::coreml {
namespace {

class ConstantWriter {
 public:
  ConstantWriter(Program& program, const std::string& wish, const Constant& c, const Form& form, const Storage& storage)
      : program_(program), wish_(wish), c_(c), form_(form), storage_(storage), type_{storage.real, c.shape} {}

  std::string run() {
    switch (form_.kind) {
      case Form::plain: return program_.constant(wish_, Data::of_reals(storage_.real, c_.shape, c_.reals));
      case Form::scaled: return storage_.ios >= 18 ? scaled() : scaled_old();
      case Form::palette: return storage_.ios >= 18 ? palette() : palette_old();
      case Form::sparse: return storage_.ios >= 18 ? sparse() : sparse_old();
      case Form::scaled_palette: return scaled_palette();
      case Form::sparse_scaled: return sparse_scaled();
      case Form::sparse_palette: return sparse_palette();
    }
    return "";
  }

 private:
  using Bytes8 = std::vector<uint8_t>;

  // ---- parts ----

  Element integer_type() const {
    if (form_.bits == 4) return form_.is_signed ? Element::i4 : Element::u4;
    return form_.is_signed ? Element::i8 : Element::u8;
  }
  static Bytes8 low_bytes(const std::vector<int32_t>& values) {
    Bytes8 out;
    for (const int32_t v : values) out.push_back(static_cast<uint8_t>(v));
    return out;
  }
  bool has_zero() const {
    return std::any_of(c_.zero.begin(), c_.zero.end(), [](int32_t z) { return z != 0; });
  }
  // [1, .., n, .., 1]: along the axis of the scales.
  Shape along_axis() const {
    Shape dims(c_.shape.size(), 1);
    if (c_.scale.size() > 1) dims[static_cast<size_t>(c_.axis)] = static_cast<int64_t>(c_.scale.size());
    return dims;
  }
  void add_scales(Attributes& parts) const {
    parts.push_back({"scale", Data::of_reals(storage_.real, along_axis(), c_.scale)});
    if (has_zero()) parts.push_back({"offset", Data::of_numbers(integer_type(), along_axis(), low_bytes(c_.zero))});
  }
  Bytes8 mask() const {
    Bytes8 bits;
    for (const float v : c_.reals) bits.push_back(v != 0.0f);
    return bits;
  }
  Data mask_data() const { return Data::of_numbers(Element::u1, c_.shape, mask()); }
  template <typename T>
  std::vector<T> where_not_zero(const std::vector<T>& values) const {
    std::vector<T> out;
    for (size_t i = 0; i < values.size(); ++i)
      if (c_.reals[i] != 0.0f) out.push_back(values[i]);
    return out;
  }
  static int64_t size(const auto& list) { return static_cast<int64_t>(list.size()); }
  Data shape_data() const {
    Data d{{Element::u32, {size(c_.shape)}}, {}};
    for (const int64_t n : c_.shape) store_le(d.bytes, static_cast<uint64_t>(n), 4);
    return d;
  }

  // Distinct values in rising order, filled up to 2^bits with the last, and each value's place.
  template <typename T>
  struct Palette {
    std::vector<T> entries;
    Bytes8 indices;
  };
  template <typename T>
  Palette<T> palette_of(const std::vector<T>& values) const {
    Palette<T> p;
    p.entries = values;
    std::sort(p.entries.begin(), p.entries.end());
    p.entries.erase(std::unique(p.entries.begin(), p.entries.end()), p.entries.end());
    for (const T& v : values)
      p.indices.push_back(static_cast<uint8_t>(std::lower_bound(p.entries.begin(), p.entries.end(), v) - p.entries.begin()));
    p.entries.resize(size_t{1} << form_.bits, p.entries.back());
    return p;
  }
  Shape palette_dims(int64_t groups) const {
    Shape dims(c_.shape.size(), 1);
    dims[static_cast<size_t>(c_.channel_axis)] = groups;
    dims.push_back(int64_t{1} << form_.bits);
    dims.push_back(1);
    return dims;
  }

  // ---- iOS 16 and 17 ----

  std::string scaled_old() {
    const Shape dims = c_.scale.size() > 1 ? Shape{size(c_.scale)} : Shape{};
    const bool one_zero = !has_zero();
    const std::vector<int32_t> zero = one_zero ? std::vector<int32_t>{0} : c_.zero;
    return program_.weight("constexpr_affine_dequantize", wish_,
                           {{"quantized_data", Data::of_numbers(integer_type(), c_.shape, low_bytes(c_.codes))},
                            {"zero_point", Data::of_numbers(integer_type(), one_zero ? Shape{} : dims, low_bytes(zero))},
                            {"scale", Data::of_reals(storage_.real, dims, c_.scale)},
                            {"axis", Data::of_ints({}, {c_.axis})}},
                           type_, false);
  }
  std::string palette_old() {
    const auto p = palette_of(c_.reals);
    const Bytes8 packed = pack_bits(p.indices, form_.bits);
    return program_.weight("constexpr_lut_to_dense", wish_,
                           {{"indices", Data::of_numbers(Element::u8, {size(packed)}, packed)},
                            {"lut", Data::of_reals(storage_.real, {size(p.entries)}, p.entries)},
                            {"shape", shape_data()}},
                           type_, false);
  }
  std::string sparse_old() {
    const auto numbers = where_not_zero(c_.reals);
    const Bytes8 packed = pack_bits(mask(), 1);
    return program_.weight("constexpr_sparse_to_dense", wish_,
                           {{"nonzero_data", Data::of_reals(storage_.real, {size(numbers)}, numbers)},
                            {"mask", Data::of_numbers(Element::u8, {size(packed)}, packed)},
                            {"shape", shape_data()}},
                           type_, false);
  }

  // ---- iOS 18 ----

  std::string scaled() {
    Attributes parts = {{"data", Data::of_numbers(integer_type(), c_.shape, low_bytes(c_.codes))}};
    add_scales(parts);
    return program_.weight("constexpr_blockwise_shift_scale", wish_, parts, type_, true);
  }
  std::string scaled_palette() {
    const auto p = palette_of(c_.codes);
    const std::string integers = program_.weight(
        "constexpr_lut_to_dense", wish_ + ".integers",
        {{"indices", Data::of_numbers(unsigned_of(form_.bits), c_.shape, p.indices)},
         {"lut", Data::of_numbers(Element::i8, palette_dims(1), low_bytes(p.entries))}},
        {Element::i8, c_.shape}, true);
    Attributes scales;
    scales.push_back({"scale", Data::of_reals(storage_.real, along_axis(), c_.scale)});
    if (has_zero()) scales.push_back({"offset", Data::of_numbers(Element::i8, along_axis(), low_bytes(c_.zero))});
    return program_.weight("constexpr_blockwise_shift_scale", wish_, scales, type_, true, {{"data", {integers}}});
  }
  std::string palette() {
    const int64_t groups = form_.groups, channels = c_.shape[static_cast<size_t>(c_.channel_axis)];
    int64_t inner = 1;
    for (size_t d = static_cast<size_t>(c_.channel_axis) + 1; d < c_.shape.size(); ++d) inner *= c_.shape[d];
    std::vector<std::vector<float>> members(static_cast<size_t>(groups));
    const auto group_of = [&](size_t i) { return static_cast<size_t>(static_cast<int64_t>(i) / inner % channels / (channels / groups)); };
    for (size_t i = 0; i < c_.reals.size(); ++i) members[group_of(i)].push_back(c_.reals[i]);
    std::vector<float> lists;
    std::vector<Bytes8> places;
    for (const auto& m : members) {
      auto p = palette_of(m);
      lists.insert(lists.end(), p.entries.begin(), p.entries.end());
      places.push_back(std::move(p.indices));
    }
    Bytes8 indices;
    std::vector<size_t> next(members.size());
    for (size_t i = 0; i < c_.reals.size(); ++i) indices.push_back(places[group_of(i)][next[group_of(i)]++]);
    return program_.weight("constexpr_lut_to_dense", wish_,
                           {{"indices", Data::of_numbers(unsigned_of(form_.bits), c_.shape, indices)},
                            {"lut", Data::of_reals(storage_.real, palette_dims(groups), lists)}},
                           type_, true);
  }
  std::string sparse() {
    const auto numbers = where_not_zero(c_.reals);
    return program_.weight("constexpr_sparse_to_dense", wish_,
                           {{"mask", mask_data()}, {"nonzero_data", Data::of_reals(storage_.real, {size(numbers)}, numbers)}}, type_, true);
  }
  std::string from_sparse(const std::pair<std::string, std::string>& parts) {
    return program_.weight("constexpr_sparse_to_dense", wish_, {}, type_, true, {{"mask", {parts.first}}, {"nonzero_data", {parts.second}}});
  }
  std::string sparse_scaled() {
    const auto numbers = where_not_zero(c_.codes);
    Attributes parts = {{"data_mask", mask_data()}, {"nonzero_data", Data::of_numbers(integer_type(), {size(numbers)}, low_bytes(numbers))}};
    add_scales(parts);
    return from_sparse(program_.sparse_weight("constexpr_sparse_blockwise_shift_scale", wish_, parts,
                                              {{Element::u1, c_.shape}, {storage_.real, {size(numbers)}}}));
  }
  std::string sparse_palette() {
    const auto p = palette_of(where_not_zero(c_.reals));
    return from_sparse(program_.sparse_weight("constexpr_lut_to_sparse", wish_,
                                              {{"indices_mask", mask_data()},
                                               {"indices_nonzero_data", Data::of_numbers(unsigned_of(form_.bits), {size(p.indices)}, p.indices)},
                                               {"lut", Data::of_reals(storage_.real, palette_dims(1), p.entries)}},
                                              {{Element::u1, c_.shape}, {storage_.real, {size(p.indices)}}}));
  }

  Program& program_;
  const std::string& wish_;
  const Constant& c_;
  const Form& form_;
  const Storage& storage_;
  const Type type_;
};

}  // namespace

std::string write_constant(Program& program, const std::string& wish, const Constant& c, const Form& form, const Storage& storage) {
  return ConstantWriter(program, wish, c, form, storage).run();
}

}  // namespace bantam::coreml
