// SPDX-License-Identifier: Apache-2.0
// A .tflite file under construction: tensors, buffers, operators and the signature, in the order in
// which they are added. It knows the file format and nothing of the IR. The same calls give the
// same bytes.
#pragma once

#include <flatbuffers/flatbuffers.h>
#include <tflite_generated.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "format/size_map.h"
#include "formats/tflite/sparse.h"
#include "ir/quant.h"

namespace bantam {

struct TensorInfo {
  std::string name;
  tfl::TensorType type = tfl::TensorType::FLOAT32;
  Shape shape;                   // negative: not fixed
  const Quant* quant = nullptr;  // its axis is one of `shape`
};

class ModelBuilder {
 public:
  ModelBuilder();

  // Both return the index of the tensor. Names that are taken get a number appended.
  int add_tensor(const TensorInfo& info);
  // `kind` is for the size map. Constants of the same bytes share one buffer.
  int add_constant(const TensorInfo& info, const Bytes& data, const std::string& kind);

  int add_sparse_constant(const TensorInfo& info, const SparseForm& form, const std::string& kind);

  // An operator of a version, with its options; where it has none that count, without.
  void add_operator(tfl::BuiltinOperator code, int version, const std::vector<int>& inputs,
                    const std::vector<int>& outputs);
  template <typename T>
  void add_operator(tfl::BuiltinOperator code, int version, const std::vector<int>& inputs,
                    const std::vector<int>& outputs, flatbuffers::Offset<T> options) {
    add(code, version, inputs, outputs, tfl::BuiltinOptionsTraits<T>::enum_value, options.Union());
  }
  flatbuffers::FlatBufferBuilder& flat() { return flat_; }

  // An entry of the model's metadata.
  void add_metadata(const std::string& name, const std::vector<uint8_t>& bytes);

  using Named = std::vector<std::pair<std::string, int>>;  // names in the signature, and tensors
  std::vector<uint8_t> finish(const std::string& graph_name, const std::string& description,
                              const Named& inputs, const Named& outputs);

  uint64_t constant_bytes() const { return constant_bytes_; }
  int operator_count() const { return static_cast<int>(operators_.size()); }
  // After finish(): the rows add up to the file's size.
  std::vector<SizeRow> size_map() const;

 private:
  int add_tensor(const TensorInfo& info, uint32_t buffer,
                 flatbuffers::Offset<tfl::SparsityParameters> sparsity = 0);
  std::pair<tfl::SparseIndexVector, flatbuffers::Offset<void>> index_list(
      const std::vector<int64_t>& values);
  void add(tfl::BuiltinOperator code, int version, const std::vector<int>& inputs,
           const std::vector<int>& outputs, tfl::BuiltinOptions kind,
           flatbuffers::Offset<void> options);
  uint32_t add_buffer(const Bytes& data);
  std::string unique_name(const std::string& name);
  flatbuffers::Offset<tfl::SignatureDef> signature(const Named& inputs, const Named& outputs);

  flatbuffers::FlatBufferBuilder flat_;
  std::vector<flatbuffers::Offset<tfl::Buffer>> buffers_;
  std::vector<flatbuffers::Offset<tfl::Tensor>> tensors_;
  std::vector<flatbuffers::Offset<tfl::Operator>> operators_;
  std::vector<std::pair<tfl::BuiltinOperator, int>> codes_;
  std::vector<flatbuffers::Offset<tfl::Metadata>> metadata_;
  std::map<std::string, uint32_t> buffer_of_;  // by a hash of the bytes
  std::map<std::vector<int64_t>, flatbuffers::Offset<flatbuffers::Vector<int64_t>>> zeros_;
  std::map<std::string, int> names_;
  std::vector<SizeRow> rows_;
  uint64_t constant_bytes_ = 0, file_bytes_ = 0;
};

}  // namespace bantam
