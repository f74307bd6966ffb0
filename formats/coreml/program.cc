// SPDX-License-Identifier: Apache-2.0
#include "formats/coreml/program.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/format.h"
#include "formats/coreml/open_lengths.h"
#include "formats/coreml/proto.h"

namespace bantam::coreml {
namespace {

constexpr size_t kInProgram = 64;  // constants up to so many bytes lie in the program itself

void set_type(proto::ValueType& out, const Type& type) {
  proto::TensorType& t = *out.mutable_tensortype();
  t.set_datatype(static_cast<proto::DataType>(proto_number(type.element)));
  t.set_rank(static_cast<int64_t>(type.dims.size()));
  for (const int64_t d : type.dims) {
    proto::Dimension& dimension = *t.add_dimensions();
    if (d < 0) dimension.mutable_unknown();
    else dimension.mutable_constant()->set_size(static_cast<uint64_t>(d));
  }
}

template <typename T>
std::vector<T> elements(const std::vector<uint8_t>& bytes) {
  std::vector<T> list(bytes.size() / sizeof(T));
  std::memcpy(list.data(), bytes.data(), list.size() * sizeof(T));
  return list;
}

template <typename T>
void append(std::vector<uint8_t>& bytes, T value) {
  const auto* p = reinterpret_cast<const uint8_t*>(&value);
  bytes.insert(bytes.end(), p, p + sizeof value);
}

// Whole numbers and truth values cannot lie in the weight file of old systems; sub-byte types lie nowhere else.
bool goes_to_file(const Data& d) {
  if (d.type.element == Element::text || d.type.element == Element::boolean || d.type.element == Element::i32) return false;
  return bits_of(d.type.element) < 8 || d.bytes.size() > kInProgram;
}

uint16_t half(float v) {
  constexpr float kLargest = 65504;
  return bt_to_f16(std::isfinite(v) ? std::clamp(v, -kLargest, kLargest) : v);
}

}  // namespace

Data Data::of_ints(const Shape& dims, const std::vector<int64_t>& values) {
  Data d{{Element::i32, dims}, {}};
  for (const int64_t v : values) append(d.bytes, static_cast<int32_t>(std::clamp<int64_t>(v, INT32_MIN, INT32_MAX)));
  return d;
}

Data Data::of_reals(Element element, const Shape& dims, std::span<const float> values) {
  Data d{{element, dims}, {}};
  for (const float v : values) {
    if (element == Element::f16) append(d.bytes, half(v));
    else append(d.bytes, v);
  }
  return d;
}

Data Data::of_numbers(Element element, const Shape& dims, const std::vector<uint8_t>& values) {
  const int bits = bits_of(element);
  return {{element, dims}, bits < 8 ? pack_bits(values, bits) : values};
}

Program::Program(bool keep_names)
    : keep_names_(keep_names), model_(std::make_unique<proto::Model>()), block_(std::make_unique<proto::Block>()) {}
Program::~Program() = default;

std::string Program::name(std::string_view wish) {
  std::string base;
  for (const char c : wish) base += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  if (base.empty() || std::isdigit(static_cast<unsigned char>(base[0]))) base = "_" + base;
  std::string found = base;
  for (int& n = next_number_[base]; !names_.insert(found).second;) found = formatted("{}_{}", base, ++n);
  return found;
}

std::string Program::inner_name(std::string_view wish) { return name(keep_names_ ? wish : "v"); }

proto::Operation& Program::begin(const char* operation, const std::vector<std::pair<std::string, Type>>& results) {
  proto::Operation& op = *block_->add_operations();
  op.set_type(operation);
  for (const auto& [result, type] : results) {
    proto::NamedValueType& out = *op.add_outputs();
    out.set_name(result);
    set_type(*out.mutable_type(), type);
  }
  const std::string& first = results[0].first;
  set_value((*op.mutable_attributes())["name"], {{Element::text, {}}, {first.begin(), first.end()}});
  return op;
}

void Program::set_inputs(proto::Operation& op, const Inputs& inputs) {
  for (const auto& [key, values] : inputs)
    for (const std::string& v : values) (*op.mutable_inputs())[key].add_arguments()->set_name(v);
}

void Program::add(const char* operation, const Inputs& inputs, const std::vector<std::pair<std::string, Type>>& results) {
  set_inputs(begin(operation, results), inputs);
}

void Program::set_value(proto::Value& value, const Data& data) {
  set_type(*value.mutable_type(), data.type);
  if (goes_to_file(data)) {
    has_weights_ = true;
    value.mutable_blobfilevalue()->set_filename("@model_path/weights/weight.bin");
    value.mutable_blobfilevalue()->set_offset(weights_.add(data.type.element, element_count(data.type.dims), data.bytes));
    return;
  }
  proto::TensorValue& t = *value.mutable_immediatevalue()->mutable_tensor();
  switch (data.type.element) {
    case Element::text: t.mutable_strings()->add_values(std::string(data.bytes.begin(), data.bytes.end())); break;
    case Element::boolean:
      for (const uint8_t b : data.bytes) t.mutable_bools()->add_values(b != 0);
      break;
    case Element::i32:
      t.mutable_ints();
      for (const int32_t v : elements<int32_t>(data.bytes)) t.mutable_ints()->add_values(v);
      break;
    case Element::f32:
      t.mutable_floats();
      for (const float v : elements<float>(data.bytes)) t.mutable_floats()->add_values(v);
      break;
    default: t.mutable_bytes()->set_values(data.bytes.data(), data.bytes.size());
  }
}

std::string Program::constant(const std::string& wish, const Data& data) {
  std::string& known = constants_[{data.type.element, data.type.dims, hash_of(data.bytes.data(), data.bytes.size())}];
  if (!known.empty()) return known;
  known = inner_name(wish);
  set_value((*begin("const", {{known, data.type}}).mutable_attributes())["val"], data);
  return known;
}

std::string Program::text(const std::string& value) {
  return constant("text", {{Element::text, {}}, {value.begin(), value.end()}});
}
std::string Program::boolean(bool value) { return constant("flag", {{Element::boolean, {}}, {value}}); }
std::string Program::integer(int64_t value) { return constant("number", Data::of_ints({}, {value})); }
std::string Program::integers(const std::vector<int64_t>& values) {
  return constant("numbers", Data::of_ints({static_cast<int64_t>(values.size())}, values));
}
std::string Program::booleans(const std::vector<bool>& values) {
  return constant("flags", {{Element::boolean, {static_cast<int64_t>(values.size())}}, {values.begin(), values.end()}});
}
std::string Program::real(Element element, float value) { return constant("real", Data::of_reals(element, {}, {&value, 1})); }

std::string Program::weight(const char* operation, const std::string& wish, const Attributes& parts, Type type, bool as_inputs,
                            const Inputs& inputs) {
  const std::string result = inner_name(wish);
  proto::Operation& op = begin(operation, {{result, std::move(type)}});
  set_inputs(op, inputs);
  for (const auto& [key, data] : parts)
    set_value(as_inputs ? *(*op.mutable_inputs())[key].add_arguments()->mutable_value() : (*op.mutable_attributes())[key], data);
  return result;
}

std::pair<std::string, std::string> Program::sparse_weight(const char* operation, const std::string& wish, const Attributes& parts,
                                                           const std::pair<Type, Type>& types) {
  const std::string mask = inner_name(wish + ".mask"), numbers = inner_name(wish + ".numbers");
  proto::Operation& op = begin(operation, {{mask, types.first}, {numbers, types.second}});
  for (const auto& [key, data] : parts) set_value(*(*op.mutable_inputs())[key].add_arguments()->mutable_value(), data);
  return {mask, numbers};
}

namespace {

proto::ArrayFeatureType& array_of(proto::FeatureDescription& feature) {
  return *feature.mutable_type()->mutable_multiarraytype();
}

void set_feature(proto::FeatureDescription& out, const std::string& name, const Type& type) {
  out.set_name(name);
  proto::ArrayFeatureType& array = array_of(out);
  if (is_known(type.dims))  // of others nothing is promised
    for (const int64_t d : type.dims) array.add_shape(d);
  array.set_datatype(type.element == Element::i32 ? proto::ArrayFeatureType::INT32 : proto::ArrayFeatureType::FLOAT32);
}

void set_range(proto::ArrayFeatureType& array, const Shape& dims) {
  for (const int64_t d : dims) {
    array.add_shape(d < 0 ? kUsual : d);
    proto::ArrayFeatureType::SizeRange& range = *array.mutable_shaperange()->add_sizeranges();
    range.set_lowerbound(d < 0 ? 1 : static_cast<uint64_t>(d));
    range.set_upperbound(d < 0 ? kLongest : d);
  }
}

}  // namespace

void Program::add_input(const std::string& name, const Type& type) {
  proto::FeatureDescription& feature = *model_->mutable_description()->add_input();
  set_feature(feature, name, type);
  if (!is_known(type.dims)) set_range(array_of(feature), type.dims);
  proto::NamedValueType& in = *(*model_->mutable_mlprogram()->mutable_functions())["main"].add_inputs();
  in.set_name(name);
  set_type(*in.mutable_type(), type);
}

void Program::add_output(const std::string& name, const Type& type) {
  set_feature(*model_->mutable_description()->add_output(), name, type);
  block_->add_outputs(name);
}

void Program::describe(const std::string& key, const std::string& text) {
  (*model_->mutable_description()->mutable_metadata()->mutable_userdefined())[key] = text;
}

std::vector<uint8_t> Program::model_file(int ios) {
  model_->set_specificationversion(ios - 9);  // iOS 15 reads version 6
  proto::Program& program = *model_->mutable_mlprogram();
  program.set_version(1);
  proto::Function& main = (*program.mutable_functions())["main"];
  main.set_opset(formatted("CoreML{}", ios - 10));
  *(*main.mutable_block_specializations())[main.opset()].mutable_operations() = block_->operations();
  *(*main.mutable_block_specializations())[main.opset()].mutable_outputs() = block_->outputs();
  std::vector<uint8_t> file(model_->ByteSizeLong());
  google::protobuf::io::ArrayOutputStream array(file.data(), static_cast<int>(file.size()));
  google::protobuf::io::CodedOutputStream out(&array);
  out.SetSerializationDeterministic(true);  // maps in the order of their keys
  model_->SerializeWithCachedSizes(&out);
  return file;
}

}  // namespace bantam::coreml
