// SPDX-License-Identifier: Apache-2.0
// A MIL program under construction: one function of operations that name each other's results. Parameters of
// operations are constants; small ones lie in the program, large ones in the weight file.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/coreml/type.h"
#include "formats/coreml/weights.h"

namespace bantam::coreml {

namespace proto {
class Model;
class Block;
class Operation;
class Value;
}  // namespace proto

// A constant: its type and its elements as they lie in memory (in a weight file, where there are many; packed then).
struct Data {
  Type type;
  std::vector<uint8_t> bytes;

  static Data of_ints(const Shape& dims, const std::vector<int64_t>& values);
  // Finite numbers beyond the range of fp16 become its largest ones.
  static Data of_reals(Element element, const Shape& dims, std::span<const float> values);
  static Data of_numbers(Element element, const Shape& dims, const std::vector<uint8_t>& values);  // packed to its bits
};

// What an operation reads: a parameter's name, and the names of values.
using Inputs = std::vector<std::pair<const char*, std::vector<std::string>>>;
using Attributes = std::vector<std::pair<const char*, Data>>;

class Program {
 public:
  explicit Program(bool keep_names);
  ~Program();

  // A name that Core ML takes, like `wish`, and that no other value has.
  std::string name(std::string_view wish);
  // A name for a value inside: like `wish` only where names are kept.
  std::string inner_name(std::string_view wish);

  // The operation's result (or results) have the names given.
  void add(const char* operation, const Inputs& inputs, const std::vector<std::pair<std::string, Type>>& results);
  // Constants. Equal ones share a name.
  std::string text(const std::string& value);
  std::string boolean(bool value);
  std::string integer(int64_t value);
  std::string integers(const std::vector<int64_t>& values);
  std::string booleans(const std::vector<bool>& values);
  std::string real(Element element, float value);
  std::string constant(const std::string& wish, const Data& data);
  // An operation that makes a weight from parts: with attributes until iOS 17, with inputs since iOS 18.
  std::string weight(const char* operation, const std::string& wish, const Attributes& parts, Type type, bool as_inputs,
                     const Inputs& inputs = {});
  // The same with two results: a mask, and the numbers where it is set.
  std::pair<std::string, std::string> sparse_weight(const char* operation, const std::string& wish, const Attributes& parts,
                                                    const std::pair<Type, Type>& types);

  void add_input(const std::string& name, const Type& type);
  void add_output(const std::string& name, const Type& type);
  void describe(const std::string& key, const std::string& text);  // metadata
  // The model file for iOS `ios`, and the weight file ("": there is none).
  std::vector<uint8_t> model_file(int ios);
  std::vector<uint8_t> weight_file() { return weights_.finish(); }
  bool has_weights() const { return has_weights_; }
  uint64_t weight_bytes() const { return weights_.bytes(); }

 private:
  void set_value(proto::Value& value, const Data& data);
  proto::Operation& begin(const char* operation, const std::vector<std::pair<std::string, Type>>& results);
  void set_inputs(proto::Operation& op, const Inputs& inputs);

  bool keep_names_;
  std::unique_ptr<proto::Model> model_;
  std::unique_ptr<proto::Block> block_;
  WeightFile weights_;
  bool has_weights_ = false;
  std::set<std::string> names_;
  std::map<std::string, int> next_number_;
  std::map<std::tuple<Element, Shape, Hash>, std::string> constants_;  // by type and content
};

}  // namespace bantam::coreml
