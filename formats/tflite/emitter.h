// SPDX-License-Identifier: Apache-2.0
// From the graph to the file: one function per operator of the IR writes the operators of
// TensorFlow Lite that do the same (operators.h has their list). This class is what they share:
// tensors of values, constants in the order of axes that the format wants, and fused clamps.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/tflite/model_builder.h"
#include "ir/graph.h"
#include "ir/permute.h"

namespace bantam {

using tfl::BuiltinOperator;
using Activation = tfl::ActivationFunctionType;

// Stored as quantized integers of 8 bits, of 16 bits, or of either.
inline bool is_q8(const Value* v) { return v && v->dtype == BT_I8 && v->quant; }
inline bool is_q16(const Value* v) { return v && v->dtype == BT_I16 && v->quant; }
inline bool is_quantized(const Value* v) { return is_q8(v) || is_q16(v); }
Error cannot(std::string reason);

class Emitter {
 public:
  struct Forms {
    bool halves = false;  // constants of floats are stored in f16
    bool integers = false;  // computed values are: what floats lose in front of them is not small
    bool dynamic_range =
        false;  // products read weights of 8 bits themselves, and round their inputs in each run
  };
  Emitter(const Graph& graph, ModelBuilder& file, const Forms& forms)
      : graph_(graph), file_(file), forms_(forms) {}
  // Writes everything; an error of code unsupported lists all nodes that the format cannot hold.
  Result<void> run();
  ModelBuilder::Named inputs(), outputs();

  // ---- tensors ----
  // The tensor of a value. Constants that are float and stored in integers come with a DEQUANTIZE.
  int tensor(const Value* v);
  std::vector<int> tensors(const std::vector<Value*>& values);
  // A constant with its axes permuted (perm[i]: which old axis becomes axis i), then in another
  // shape, whose axis `axis` the scales run along.
  int weight(const Value* v, const Perm& perm, const Shape& shape, int axis,
             bool as_integers = false);
  // Whether a product of x by w is one of floats by integers: the weight then comes without a
  // DEQUANTIZE.
  bool is_dynamic(const Value* x, const Value* w) const;
  // Whether a constant of floats is stored in integers of 4 bits.
  bool is_int4(const Value* w) const;
  // int32 numbers, such as a list of axes.
  int ints(const std::vector<int64_t>& values);
  int int_scalar(int64_t value);
  int int_rows(const std::vector<int64_t>& values, int64_t columns);
  // A value that holds lengths or indices, as int32.
  int int32_of(const Value* v);
  int real(float value);
  // A constant that is added to the model, with the quantization of `like` where that has one.
  int constant(const std::string& name, const Tensor& data, const Quant* quant = nullptr);
  // Something between two operators, stored as `like` is.
  int between(const Value* like, const Shape& shape);
  int between(const std::string& name, tfl::TensorType type, const Shape& shape);

  // ---- operators ----
  // Version 2 of most operators is the first that takes int8, version 3 the first for int16.
  static int version(const Value* v, int if_int8 = 2, int if_int16 = 3) {
    return v->dtype == BT_I8 ? if_int8 : v->dtype == BT_I16 ? if_int16 : 1;
  }
  void op(BuiltinOperator code, int version, const std::vector<int>& in,
          const std::vector<int>& out) {
    file_.add_operator(code, version, in, out);
  }
  template <typename T>
  void op(BuiltinOperator code, int version, const std::vector<int>& in,
          const std::vector<int>& out, flatbuffers::Offset<T> options) {
    file_.add_operator(code, version, in, out, options);
  }
  flatbuffers::FlatBufferBuilder& flat() { return file_.flat(); }
  // x in another shape with the same elements.
  void reshape(int x, int y, const Shape& shape);

  // The clamp of a node: fused where the format has a word for it, else behind the operator, which
  // writes to `tensor` in any case.
  struct Target {
    Activation activation = Activation::NONE;
    int tensor = -1;
    bool clamp_behind = false;
  };
  Target target(const Node& n);
  // The same for an operator that fuses no clamp.
  Target plain_target(const Node& n);
  void finish(const Node& n, const Target& target);
  // y = min(max(x, lo), hi), stored as `v` is.
  void clamp(int x, int y, const Value* v, float lo, float hi);

 private:
  TensorInfo info(const Value* v) const;
  int stored(const std::string& name, const Tensor& data, const Quant* quant,
             bool as_integers = false);
  std::optional<int> densified(const TensorInfo& info, const Bytes& data);
  std::string refusals() const;

  const Graph& graph_;
  ModelBuilder& file_;
  const Forms forms_;
  std::map<const Value*, int> tensor_of_;
  std::map<std::pair<std::vector<int64_t>, int64_t>, int> ints_;
  std::vector<std::pair<std::string, std::string>> refused_;  // nodes and reasons
};

tfl::TensorType tensor_type(DType dtype);
// Types that a tensor of the format can have here.
bool has_tensor_type(DType dtype);

}  // namespace bantam
