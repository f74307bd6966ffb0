// SPDX-License-Identifier: Apache-2.0
// A constant of the graph, its numbers, and the shortest form that the format has for them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/coreml/type.h"
#include "ir/graph.h"

namespace bantam::coreml {

class Program;

struct Constant {
  Shape shape;
  std::vector<float> reals;
  // Where the numbers are integers times a scale: those integers, and what makes reals of them.
  std::vector<int32_t> codes;
  std::vector<float> scale;   // one, or one per entry of `axis`
  std::vector<int32_t> zero;  // as many as scales
  int axis = 0;
  // Along this axis groups of entries may have palettes of their own: the output channels of a weight.
  int channel_axis = 0;

  static Constant of(const Tensor& tensor, const Quant* quant, int channel_axis);
  int64_t count() const { return element_count(shape); }
};

// Constants of fewer elements are never worth a form of their own.
constexpr int64_t kSmall = 256;

// What may be used.
struct Storage {
  Element real = Element::f32;
  int ios = 15;
  bool compact = true;  // false: numbers as they are
};

struct Form {
  enum Kind {
    plain,           // iOS 15: the numbers themselves
    scaled,          // iOS 16: integers and scales; 4-bit ones since iOS 18
    palette,         // iOS 16: indices into one list of numbers; since iOS 18 a list per group of channels
    sparse,          // iOS 16: a mask, and the numbers that are not zero
    scaled_palette,  // iOS 18: indices into a list of integers, and scales
    sparse_scaled,   // iOS 18: a mask, integers and scales
    sparse_palette   // iOS 18: a mask, and indices into a list of numbers
  };
  Kind kind = plain;
  int bits = 0;        // per integer or index
  bool is_signed = true;  // integers
  int64_t groups = 1;  // of a palette
  uint64_t bytes = 0;
};

// "8 bits, scales", ...
std::string description(const Form& form, Element real);
// The form of fewest bytes.
Form best_form(const Constant& c, const Storage& storage);
// Writes the constant; returns the name of the value.
std::string write_constant(Program& program, const std::string& wish, const Constant& c, const Form& form, const Storage& storage);

}  // namespace bantam::coreml
