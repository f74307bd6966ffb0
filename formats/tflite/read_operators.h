// SPDX-License-Identifier: Apache-2.0
// How each operator of a .tflite file is read. The functions lie in read_*.cc by kind, their codes
// in one table (read_operators.cc).
#pragma once

#include <span>

#include "formats/tflite/read.h"

namespace bantam {

// One operator that is being read: what the file says of it, and the nodes that it becomes.
class OperatorReader {
 public:
  OperatorReader(TfliteImporter& file, const tfl::Operator& op);
  std::string name() const;
  tfl::BuiltinOperator code() const { return file_.code_of(op_); }
  const tfl::Operator& raw() const { return op_; }
  TfliteImporter& file() { return file_; }

  // ---- what the file says ----
  size_t input_count() const { return op_.inputs() ? op_.inputs()->size() : 0; }
  size_t output_count() const { return op_.outputs() ? op_.outputs()->size() : 0; }
  Result<void> need(size_t least, size_t most, size_t outputs = 1) const;
  int input_index(size_t i) const;  // -1 where it is not given
  Result<Value*> input(size_t i);
  Result<Value*> optional(size_t i);  // null where it is not given
  Result<std::vector<Value*>> inputs();
  // Integers that must be known now, and integers as i64.
  Result<std::vector<int64_t>> ints(size_t i);
  Result<int64_t> int_at(size_t i);
  Result<Value*> long_ints(size_t i);
  Result<const tfl::Tensor*> output_tensor(size_t i = 0) const;
  // The stated lengths of an output; -1 where they are open.
  Result<Shape> output_shape(size_t i = 0) const;
  Result<TensorForm> output_form(size_t i = 0) const;
  template <typename T>
  Result<const T*> options() const {
    const auto* o = op_.builtin_options_type() == tfl::BuiltinOptionsTraits<T>::enum_value
                        ? static_cast<const T*>(op_.builtin_options())
                        : nullptr;
    if (!o) return Error{Code::bad_input, "its options are missing"};
    return o;
  }

  // ---- what it becomes ----
  Value* list(const std::vector<int64_t>& values);
  Value* number(float value);
  // A node before the last. What moves values keeps their form, what computes is in floats unless
  // `form` says otherwise. After a failure all calls do nothing, and finish() returns the error.
  Value* part(const char* op, std::vector<Value*> inputs, AttrList attrs = {});
  Value* part_as(const TensorForm& form, const char* op, std::vector<Value*> inputs,
                 AttrList attrs = {});
  std::vector<Value*> parts(const char* op, std::vector<Value*> inputs, AttrList attrs,
                            size_t outputs);
  // The node that makes output i, or a value that is the output.
  Result<void> become(const char* op, std::vector<Value*> inputs, AttrList attrs = {},
                      size_t output = 0);
  Result<void> become_value(Value* v, size_t output = 0);
  // The same with a fused clamp: in the node where it has one, else in a Clip behind it.
  Result<void> become(const char* op, std::vector<Value*> inputs, AttrList attrs,
                      tfl::ActivationFunctionType clamp);
  Result<void> finish();

 private:
  Value* keep(const Result<std::vector<Value*>>& made, Value* otherwise);

  TfliteImporter& file_;
  const tfl::Operator& op_;
  std::vector<Value*> parts_;  // made and not yet an output
  std::optional<Error> error_;
};

Error not_read(std::string reason);

using ReadOperator = Result<void> (*)(OperatorReader& r);
struct ReadRow {
  tfl::BuiltinOperator code;
  ReadOperator read;
};
std::span<const ReadRow> read_product_rows();
std::span<const ReadRow> read_arithmetic_rows();
std::span<const ReadRow> read_function_rows();
std::span<const ReadRow> read_move_rows();
std::span<const ReadRow> read_slice_rows();
std::span<const ReadRow> read_index_rows();
std::span<const ReadRow> read_image_rows();

// Null where the operator is not read.
ReadOperator reader_of(tfl::BuiltinOperator code);

}  // namespace bantam
