// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx/write.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/write_graph.h"

namespace bantam {
namespace {

// Protobuf cannot hold a message of 2 GB: beyond WriteOptions::most_inside, weights go into a file beside the model.
constexpr size_t kLeastOutside = 1024;  // bytes of one tensor
constexpr size_t kPage = 4096;          // tensors that start a page can be mapped

// The version of the container that came with an opset.
int ir_version_of(int opset) {
  constexpr int kVersions[] = {7, 7, 8, 8, 8, 8, 9, 9, 10, 10, 11, 12, 13};
  return kVersions[opset - kOldestOpset];
}

struct Attempt {
  OnnxAttempt found;
  onnx::ModelProto model;
};

Attempt write_for(const Graph& graph, const WriteOptions& options, int opset, bool fixed) {
  Attempt attempt;
  attempt.found.opset = attempt.found.needed = opset;
  attempt.found.fixed = fixed;
  attempt.found.names = options.names;
  attempt.found.activations = options.integers[0] == 'u' ? BT_U8 : BT_I8;
  attempt.found.weights = options.integers[2] == 'u' ? BT_U8 : BT_I8;
  if (options.profile == "qnn") attempt.found.activations = BT_U8, attempt.found.weights = BT_I8, attempt.found.wide = BT_U16, attempt.found.pairs = true;
  auto& proto = *attempt.model.mutable_graph();
  proto.set_name(graph.name.empty() ? options.model_name : graph.name);
  OnnxGraphWriter(graph, attempt.found, proto).run();
  return attempt;
}

Result<Attempt> write_lowest(const Graph& graph, const WriteOptions& options) {
  if (options.opset && (options.opset < kOldestOpset || options.opset > kLatestOpset))
    return Error{Code::usage, formatted("opset {}: opsets from {} to {} can be written", options.opset, kOldestOpset, kLatestOpset)};
  Attempt attempt = write_for(graph, options, options.opset ? options.opset : kOldestOpset, options.opset > 0);
  while (!options.opset && attempt.found.needed > attempt.found.opset) attempt = write_for(graph, options, attempt.found.needed, false);
  std::vector<std::string>& refused = attempt.found.refused;
  if (refused.empty()) return attempt;
  std::sort(refused.begin(), refused.end());
  refused.erase(std::unique(refused.begin(), refused.end()), refused.end());
  return Error{Code::unsupported, formatted("ONNX of opset {} cannot hold: {}", attempt.found.opset, join(refused, "; "))};
}

void add_entry(onnx::TensorProto& tensor, const char* key, const std::string& value) {
  auto& entry = *tensor.add_external_data();
  entry.set_key(key);
  entry.set_value(value);
}

// Moves the bytes of long tensors of the main graph into one file.
std::vector<uint8_t> move_outside(onnx::GraphProto& graph, const std::string& file_name) {
  std::vector<uint8_t> bytes;
  for (auto& tensor : *graph.mutable_initializer()) {
    const std::string& raw = tensor.raw_data();
    if (raw.size() < kLeastOutside) continue;
    bytes.resize((bytes.size() + kPage - 1) / kPage * kPage);
    add_entry(tensor, "location", file_name);
    add_entry(tensor, "offset", std::to_string(bytes.size()));
    add_entry(tensor, "length", std::to_string(raw.size()));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
    tensor.clear_raw_data();
    tensor.set_data_location(onnx::TensorProto_DataLocation_EXTERNAL);
  }
  return bytes;
}

std::vector<SizeRow> size_map(const OnnxAttempt& found, uint64_t file_bytes) {
  std::vector<SizeRow> rows;
  uint64_t rest = file_bytes;
  for (const auto& [name, bytes] : found.constants) {
    rows.push_back({name, "", bytes});
    rest -= bytes;
  }
  rows.push_back({"(graph)", "", rest});
  return rows;
}

}  // namespace

Result<WrittenModel> write_onnx(const Graph& graph, const WriteOptions& options) {
  TRY(Attempt attempt, write_lowest(graph, options));
  onnx::ModelProto& model = attempt.model;
  model.set_ir_version(ir_version_of(attempt.found.opset));
  model.set_producer_name("bantam");
  model.add_opset_import()->set_version(attempt.found.opset);
  if (!options.meta.empty()) {
    auto& entry = *model.add_metadata_props();
    entry.set_key("bantam");
    entry.set_value(options.meta);
  }
  WrittenModel out;
  uint64_t inside = 0;
  for (const auto& tensor : model.graph().initializer()) inside += tensor.raw_data().size();
  if (inside > options.most_inside) {
    const std::string name = options.model_name + ".onnx.data";
    out.files.push_back({name, Bytes(move_outside(*model.mutable_graph(), name)), true});
  }
  const std::string bytes = model.SerializeAsString();
  if (bytes.empty()) return Error{Code::unsupported, "the model has more than 2 GB without its long weights; protobuf cannot hold it"};
  out.files.insert(out.files.begin(), {"", Bytes::copy_of(bytes.data(), bytes.size())});
  out.size_map = size_map(attempt.found, out.bytes());
  out.notes.push_back(formatted("opset {}", attempt.found.opset));
  return out;
}

}  // namespace bantam
