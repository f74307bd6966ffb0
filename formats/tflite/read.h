// SPDX-License-Identifier: Apache-2.0
// From a .tflite file to a graph. Values are what the tensors are: floats, or 8-bit integers with a
// scale and a zero point, as lower-to-integer leaves them. A node is computed in integers where the
// IR computes it as LiteRT (XNNPACK) does; everything else stands in floats between Dequantize and
// Quantize. Images stay channels-last.
//
// The file is not trusted. The FlatBuffers verifier has passed it before anything is read; indices,
// lengths and sizes are checked here.
#pragma once

#include <flatbuffers/flatbuffers.h>
#include <tflite_generated.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/format.h"
#include "ir/graph.h"

namespace bantam {

Result<Model> read_tflite(const Bytes& file, const std::string& path, const ReadOptions& options);

// The name of an operator: "CONV_2D"; of one that nobody here knows, its number.
std::string operator_name(tfl::BuiltinOperator code);
// Of an element; BT_NONE where the IR has no such type.
DType element_type(tfl::TensorType type);

// How a tensor is stored. Of the unsigned ones the zero point is moved by 128, and their integers
// with it; those of 16 bits are held as the floats that they stand for.
struct TensorForm {
  DType dtype = BT_F32;
  std::shared_ptr<const Quant> quant;
  bool is_q8() const { return quant && (dtype == BT_I8 || dtype == BT_U8); }
  bool is_q16() const { return quant && dtype == BT_I16; }
};

class TfliteImporter {
 public:
  TfliteImporter(const tfl::Model& model, const Bytes& file, const ReadOptions& options);
  Result<Model> run();

  // ---- for the operators (read_operators.h) ----
  const tfl::SubGraph& sub() const { return *sub_; }
  Result<const tfl::Tensor*> tensor(int index) const;
  Result<TensorForm> form(const tfl::Tensor& t) const;
  // The value of a tensor that was made, is an input, or holds numbers.
  Result<Value*> value(int index);
  // The same as floats.
  Result<Value*> real(Value* v);
  // Appends a node whose results have the forms wanted; between floats where the IR has no such
  // integer form.
  Result<std::vector<Value*>> append(const std::string& op, std::vector<Value*> inputs,
                                     AttrList attrs, const std::vector<TensorForm>& wanted,
                                     const std::vector<std::string>& names);
  Result<void> define(int index, Value* v);
  std::string name_of(int index) const;
  Value* constant(const std::string& name, Tensor data,
                  std::shared_ptr<const Quant> quant = nullptr);
  Graph& graph() { return graph_; }
  void note(const std::string& text);
  const tfl::Operator* producer(int index) const;
  tfl::BuiltinOperator code_of(const tfl::Operator& op) const;
  // Counts bytes that are made out of the file's: a few of its bytes must not ask for any amount.
  Result<void> spend(uint64_t bytes);

 private:
  Result<void> check_operators();
  Result<void> name_borders();
  Result<void> add_inputs();
  Result<void> add_operators();
  Result<void> add_outputs();
  Result<Value*> stored(int index);
  Result<Value*> output_value(int index, const std::string& name);
  Result<Tensor> data_of(const tfl::Tensor& t);
  Result<Bytes> bytes_of(const tfl::Tensor& t) const;
  std::vector<Value*> with_grid(Value* v, const TensorForm& form, const std::string& name);
  Result<Value*> from_border(Value* v, const TensorForm& form, const std::string& name);
  Result<Value*> quantized(Value* v, const TensorForm& form, const std::string& name);

  const tfl::Model& model_;
  const Bytes file_;
  const ReadOptions& options_;
  const tfl::SubGraph* sub_ = nullptr;
  Graph graph_;
  std::vector<std::string> notes_;
  std::vector<Value*> values_;                   // by tensor; null: not made yet
  std::vector<const tfl::Operator*> producers_;  // by tensor; null: none
  std::map<int, std::string> border_names_;      // of inputs and outputs
  std::set<std::string> reserved_;               // those names
  std::map<const Value*, Value*> reals_;
  uint64_t budget_ = 0;
};

}  // namespace bantam
