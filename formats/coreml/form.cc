// SPDX-License-Identifier: Apache-2.0
// Which form of a constant takes the fewest bytes. Every form gives back the very same numbers (in fp16 their
// nearest ones).
#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "base/format.h"
#include "formats/coreml/constant.h"

namespace bantam::coreml {
namespace {

uint64_t bytes_for(int64_t count, int bits) { return (static_cast<uint64_t>(count) * static_cast<uint64_t>(bits) + 7) / 8; }

// Widths of indices: those of all systems, and those that came with iOS 18.
int width_for(size_t entries, int ios) {
  for (const int bits : {1, 2, 3, 4, 6, 8})
    if (entries <= size_t{1} << bits && (bits != 3 || ios >= 18)) return bits;
  return 0;
}

// Distinct numbers of a group of channels, counted to 257.
size_t distinct_in(const Constant& c, int64_t first, int64_t channels) {
  const auto axis = static_cast<size_t>(c.channel_axis);
  int64_t inner = 1, length = c.shape.empty() ? 1 : c.shape[axis];
  for (size_t d = axis + 1; d < c.shape.size(); ++d) inner *= c.shape[d];
  std::set<uint32_t> seen;
  for (int64_t outer = 0; outer < c.count(); outer += length * inner)
    for (int64_t i = first * inner; i < (first + channels) * inner; ++i) {
      seen.insert(std::bit_cast<uint32_t>(c.reals[static_cast<size_t>(outer + i)]));
      if (seen.size() > 256) return 257;
    }
  return seen.size();
}

class Chooser {
 public:
  Chooser(const Constant& c, const Storage& storage) : c_(c), storage_(storage), n_(c.count()) {
    best_ = {.kind = Form::plain, .bytes = bytes_for(n_, bits_of(storage.real))};
  }

  Form run() {
    if (!storage_.compact || storage_.ios < 16 || n_ < kSmall) return best_;
    if (std::any_of(c_.reals.begin(), c_.reals.end(), [](float v) { return std::isnan(v); })) return best_;  // in no order
    scales();
    palettes();
    zeros();
    return best_;
  }

 private:
  void offer(Form f) {
    if (f.bytes < best_.bytes) best_ = f;
  }
  uint64_t reals(uint64_t count) const { return count * static_cast<uint64_t>(bits_of(storage_.real)) / 8; }

  // fp16 holds small scales with few digits. Where a scale is lost among the others that does not matter; elsewhere it
  // would move all weights of a channel.
  bool scales_fit() const {
    if (storage_.real == Element::f32) return true;
    const float largest = *std::max_element(c_.scale.begin(), c_.scale.end());
    return std::all_of(c_.scale.begin(), c_.scale.end(), [largest](float s) {
      return std::fabs(bt_from_f16(bt_to_f16(s)) - s) <= std::max(s * 0x1p-10f, largest * 0x1p-12f);
    });
  }

  bool fits(int64_t lo, int64_t hi) const {
    const auto inside = [&](int32_t q) { return q >= lo && q <= hi; };
    return std::all_of(c_.codes.begin(), c_.codes.end(), inside) && std::all_of(c_.zero.begin(), c_.zero.end(), inside);
  }

  void scales() {
    if (c_.codes.empty() || !scales_fit()) return;
    const uint64_t scale_bytes = reals(c_.scale.size());
    const bool s8 = fits(-128, 127), u8 = fits(0, 255);
    if (!s8 && !u8) return;
    offer({.kind = Form::scaled, .bits = 8, .is_signed = s8, .bytes = bytes_for(n_, 8) + scale_bytes});
    if (storage_.ios < 18) return;
    const bool s4 = fits(-8, 7), u4 = fits(0, 15);
    const int bits = s4 || u4 ? 4 : 8;
    const bool sign = bits == 4 ? s4 : s8;
    offer({.kind = Form::scaled, .bits = bits, .is_signed = sign, .bytes = bytes_for(n_, bits) + scale_bytes});
    const std::set<int32_t> distinct(c_.codes.begin(), c_.codes.end());
    if (const int width = width_for(distinct.size(), 18); width > 0 && s8)
      offer({.kind = Form::scaled_palette, .bits = width, .bytes = bytes_for(n_, width) + (uint64_t{1} << width) + scale_bytes});
    const auto zeros = std::count(c_.reals.begin(), c_.reals.end(), 0.0f);
    if (zeros < n_)
      offer({.kind = Form::sparse_scaled, .bits = bits, .is_signed = sign, .bytes = bytes_for(n_, 1) + bytes_for(n_ - zeros, bits) + scale_bytes});
  }

  void palettes() {
    const int64_t channels = c_.shape.empty() ? 1 : c_.shape[static_cast<size_t>(c_.channel_axis)];
    for (int64_t group = channels; group > 0; group = next_group(group, channels)) {
      size_t most = 0;
      for (int64_t first = 0; first < channels && most <= 256; first += group) most = std::max(most, distinct_in(c_, first, group));
      const int width = width_for(most, storage_.ios);
      const auto groups = static_cast<uint64_t>(channels / group);
      if (width > 0) offer({.kind = Form::palette, .bits = width, .groups = channels / group, .bytes = bytes_for(n_, width) + reals(groups << width)});
      if (storage_.ios < 18) return;
    }
  }
  // Groups become smaller by powers of two, as long as all are equally long.
  static int64_t next_group(int64_t group, int64_t channels) {
    auto next = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(group - 1)));
    while (next > 0 && channels % next != 0) next /= 2;
    return next;
  }

  void zeros() {
    std::set<float> distinct;
    int64_t rest = 0;
    for (const float v : c_.reals) {
      if (v == 0.0f) continue;
      ++rest;
      if (distinct.size() <= 256) distinct.insert(v);
    }
    if (rest == 0 || rest == n_) return;
    const uint64_t mask = bytes_for(n_, 1);
    offer({.kind = Form::sparse, .bytes = mask + reals(static_cast<uint64_t>(rest))});
    if (const int width = width_for(distinct.size(), 18); width > 0 && storage_.ios >= 18)
      offer({.kind = Form::sparse_palette, .bits = width, .bytes = mask + bytes_for(rest, width) + reals(uint64_t{1} << width)});
  }

  const Constant& c_;
  const Storage& storage_;
  const int64_t n_;
  Form best_;
};

}  // namespace

Form best_form(const Constant& c, const Storage& storage) { return Chooser(c, storage).run(); }

std::string description(const Form& form, Element real) {
  const char* sparse = form.kind == Form::sparse_scaled || form.kind == Form::sparse_palette ? ", sparse" : "";
  switch (form.kind) {
    case Form::plain: return name_of(real);
    case Form::sparse: return formatted("{}, sparse", name_of(real));
    case Form::scaled:
    case Form::sparse_scaled: return formatted("{}int{}{}", form.is_signed ? "" : "u", form.bits, sparse);
    case Form::scaled_palette: return formatted("palette of {} bits, scaled", form.bits);
    default: return formatted("palette{} of {} bits{}", form.groups > 1 ? "s" : "", form.bits, sparse);
  }
}

}  // namespace bantam::coreml
