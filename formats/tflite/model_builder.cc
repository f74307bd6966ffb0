// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/model_builder.h"

#include <algorithm>

#include "base/format.h"
#include "base/hash.h"
#include "formats/tflite/since.h"

namespace bantam {
namespace {

constexpr uint32_t kVersion = 3;  // of the file format
constexpr size_t kBufferAlignment = 16;
constexpr size_t kVersionBytes = 16;  // of the text of min_runtime_version, padded with zeros

std::vector<int32_t> lengths(const Shape& shape, int32_t unknown) {
  std::vector<int32_t> list;
  for (const int64_t d : shape) list.push_back(d < 0 ? unknown : static_cast<int32_t>(d));
  return list;
}

}  // namespace

ModelBuilder::ModelBuilder() : flat_(size_t{1} << 16) {
  buffers_.push_back(tfl::CreateBuffer(flat_));  // tensors without data point to buffer 0
}

std::string ModelBuilder::unique_name(const std::string& name) {
  std::string made = name;
  for (int& n = names_[name]; n > 0 && names_.count(made);) made = formatted("{}.{}", name, n++);
  ++names_[made];
  return made;
}

uint32_t ModelBuilder::add_buffer(const Bytes& data) {
  if (data.empty()) return 0;
  auto& index = buffer_of_[hex(hash_of(data.data(), data.size()), 16)];
  if (index) return index;
  flat_.ForceVectorAlignment(data.size(), 1, kBufferAlignment);
  const auto bytes = flat_.CreateVector(data.data(), data.size());
  buffers_.push_back(tfl::CreateBuffer(flat_, bytes));
  constant_bytes_ += data.size();
  return index = static_cast<uint32_t>(buffers_.size() - 1);
}

int ModelBuilder::add_tensor(const TensorInfo& info) { return add_tensor(info, 0); }

int ModelBuilder::add_constant(const TensorInfo& info, const Bytes& data, const std::string& kind) {
  const size_t before = buffers_.size();
  const uint32_t buffer = add_buffer(data);
  if (buffers_.size() > before) rows_.push_back({info.name, kind, data.size()});
  return add_tensor(info, buffer);
}

std::pair<tfl::SparseIndexVector, flatbuffers::Offset<void>> ModelBuilder::index_list(
    const std::vector<int64_t>& values) {
  const int64_t most = *std::max_element(values.begin(), values.end());
  if (most < 256) {
    const auto list = flat_.CreateVector(std::vector<uint8_t>(values.begin(), values.end()));
    return {tfl::SparseIndexVector::Uint8Vector, tfl::CreateUint8Vector(flat_, list).Union()};
  }
  if (most < 65536) {
    const auto list = flat_.CreateVector(std::vector<uint16_t>(values.begin(), values.end()));
    return {tfl::SparseIndexVector::Uint16Vector, tfl::CreateUint16Vector(flat_, list).Union()};
  }
  const auto list = flat_.CreateVector(std::vector<int32_t>(values.begin(), values.end()));
  return {tfl::SparseIndexVector::Int32Vector, tfl::CreateInt32Vector(flat_, list).Union()};
}

// All axes in their order, dense but for the last one.
int ModelBuilder::add_sparse_constant(const TensorInfo& info, const SparseForm& form,
                                      const std::string& kind) {
  std::vector<int32_t> order;
  std::vector<flatbuffers::Offset<tfl::DimensionMetadata>> axes;
  for (const int64_t length : info.shape) {
    order.push_back(static_cast<int32_t>(order.size()));
    if (order.size() == info.shape.size()) break;
    axes.push_back(tfl::CreateDimensionMetadata(flat_, tfl::DimensionType::DENSE,
                                                static_cast<int32_t>(length)));
  }
  const auto [segment_type, segments] = index_list(form.segments);
  const auto [index_type, indices] = index_list(form.indices);
  axes.push_back(tfl::CreateDimensionMetadata(flat_, tfl::DimensionType::SPARSE_CSR, 0,
                                              segment_type, segments, index_type, indices));
  const auto order_list = flat_.CreateVector(order);
  const auto sparsity =
      tfl::CreateSparsityParameters(flat_, order_list, 0, flat_.CreateVector(axes));
  const size_t before = buffers_.size();
  const uint32_t buffer = add_buffer(form.values);
  if (buffers_.size() > before) {
    rows_.push_back({info.name, kind, form.bytes});
    constant_bytes_ += form.bytes - form.values.size();
  }
  return add_tensor(info, buffer, sparsity);
}

int ModelBuilder::add_tensor(const TensorInfo& info, uint32_t buffer,
                             flatbuffers::Offset<tfl::SparsityParameters> sparsity) {
  flatbuffers::Offset<tfl::QuantizationParameters> quantization;
  if (const Quant* q = info.quant) {
    const auto scale = flat_.CreateVector(q->scale);
    std::vector<int64_t> zeros(q->scale.size());
    for (size_t c = 0; c < zeros.size(); ++c) zeros[c] = q->zero_at(c);
    auto& zero = zeros_[zeros];  // of a weight, its bias and many others: written once
    if (zero.IsNull()) zero = flat_.CreateVector(zeros);
    quantization =
        tfl::CreateQuantizationParameters(flat_, 0, 0, scale, zero, 0, std::max(q->axis, 0));
  }
  const auto shape = flat_.CreateVector(lengths(info.shape, 1));
  flatbuffers::Offset<flatbuffers::Vector<int32_t>> signature;
  if (!is_known(info.shape)) signature = flat_.CreateVector(lengths(info.shape, -1));
  const auto name = flat_.CreateString(unique_name(info.name));
  tensors_.push_back(tfl::CreateTensor(flat_, shape, info.type, buffer, name, quantization, false,
                                       sparsity, signature, true));
  return static_cast<int>(tensors_.size() - 1);
}

void ModelBuilder::add_operator(tfl::BuiltinOperator code, int version,
                                const std::vector<int>& inputs, const std::vector<int>& outputs) {
  add(code, version, inputs, outputs, tfl::BuiltinOptions::NONE, 0);
}

void ModelBuilder::add(tfl::BuiltinOperator code, int version, const std::vector<int>& inputs,
                       const std::vector<int>& outputs, tfl::BuiltinOptions kind,
                       flatbuffers::Offset<void> options) {
  auto at = std::find(codes_.begin(), codes_.end(), std::pair(code, version));
  if (at == codes_.end()) at = codes_.insert(at, {code, version});
  const auto in = flat_.CreateVector(std::vector<int32_t>(inputs.begin(), inputs.end()));
  const auto out = flat_.CreateVector(std::vector<int32_t>(outputs.begin(), outputs.end()));
  operators_.push_back(tfl::CreateOperator(flat_, static_cast<uint32_t>(at - codes_.begin()), in,
                                           out, kind, options));
}

void ModelBuilder::add_metadata(const std::string& name, const std::vector<uint8_t>& bytes) {
  const uint32_t buffer = add_buffer(Bytes::copy_of(bytes.data(), bytes.size()));
  rows_.push_back({name, "", bytes.size()});
  metadata_.push_back(tfl::CreateMetadata(flat_, flat_.CreateString(name), buffer));
}

flatbuffers::Offset<tfl::SignatureDef> ModelBuilder::signature(const Named& inputs,
                                                               const Named& outputs) {
  const auto maps = [&](const Named& named) {
    std::vector<flatbuffers::Offset<tfl::TensorMap>> list;
    for (const auto& [name, tensor] : named) {
      const auto text = flat_.CreateString(name);
      list.push_back(tfl::CreateTensorMap(flat_, text, static_cast<uint32_t>(tensor)));
    }
    return flat_.CreateVector(list);
  };
  const auto in = maps(inputs), out = maps(outputs);
  return tfl::CreateSignatureDef(flat_, in, out, flat_.CreateString("serving_default"), 0);
}

std::vector<uint8_t> ModelBuilder::finish(const std::string& graph_name,
                                          const std::string& description, const Named& inputs,
                                          const Named& outputs) {
  const auto indices = [](const Named& named) {
    std::vector<int32_t> list;
    for (const auto& entry : named) list.push_back(entry.second);
    return list;
  };
  std::vector<flatbuffers::Offset<tfl::OperatorCode>> codes;
  for (const auto& [code, version] : codes_) {
    const auto old =
        std::min(static_cast<int>(code),
                 static_cast<int>(tfl::BuiltinOperator::PLACEHOLDER_FOR_GREATER_OP_CODES));
    codes.push_back(tfl::CreateOperatorCode(flat_, static_cast<int8_t>(old), 0, version, code));
  }
  const auto tensor_list = flat_.CreateVector(tensors_);
  const auto input_list = flat_.CreateVector(indices(inputs)),
             output_list = flat_.CreateVector(indices(outputs));
  const auto operator_list = flat_.CreateVector(operators_);
  const auto graph = tfl::CreateSubGraph(flat_, tensor_list, input_list, output_list, operator_list,
                                         flat_.CreateString(graph_name));
  const auto graphs = flat_.CreateVector(std::vector{graph});
  const auto signatures = flat_.CreateVector(std::vector{signature(inputs, outputs)});
  const auto code_list = flat_.CreateVector(codes);
  const auto text = flat_.CreateString(description);
  std::string oldest = oldest_runtime(codes_);
  oldest.resize(kVersionBytes);
  add_metadata("min_runtime_version", {oldest.begin(), oldest.end()});
  const auto metadata = flat_.CreateVector(metadata_);
  const auto buffer_list = flat_.CreateVector(buffers_);
  tfl::FinishModelBuffer(flat_, tfl::CreateModel(flat_, kVersion, code_list, graphs, text,
                                                 buffer_list, 0, metadata, signatures));
  file_bytes_ = flat_.GetSize();
  return {flat_.GetBufferPointer(), flat_.GetBufferPointer() + flat_.GetSize()};
}

std::vector<SizeRow> ModelBuilder::size_map() const {
  std::vector<SizeRow> rows = {{"(graph, names and scales)", "", file_bytes_ - constant_bytes_}};
  rows.insert(rows.end(), rows_.begin(), rows_.end());
  return rows;
}

}  // namespace bantam
