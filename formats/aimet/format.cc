// SPDX-License-Identifier: Apache-2.0
// Encodings for Qualcomm's converters and AIMET: a float ONNX model with rounded weights, and JSON files of the steps.
//
//   -o net.encodings   =>   net.encodings (version 1.0.0), net.0.6.1.encodings, net.2.0.0.encodings, net.float.onnx
#include "base/format.h"

#include "format/format.h"
#include "formats/aimet/encodings.h"
#include "formats/onnx/write.h"

namespace bantam {
namespace {

Result<WrittenModel> write(const Graph& graph, const WriteOptions& options) {
  Graph floats = graph.clone();
  TRY(const auto encodings, aimet::raise(floats));
  if (encodings.empty())
    return Error{Code::unsupported, "nothing in the model is quantized: encodings need --data, or --preset weights8"};
  TRY(WrittenModel model, write_onnx(floats, options));
  for (WrittenModel::File& f : model.files) {
    if (f.path.empty()) f.path = options.model_name + ".float.onnx";
    f.beside = true;
  }
  uint64_t bytes = 0;
  for (const char* version : {"2.0.0", "0.6.1", "1.0.0"}) {
    const std::string text = aimet::encodings_text(encodings, version), name = version;
    const std::string path = name == "1.0.0" ? "" : formatted("{}.{}.encodings", options.model_name, name);
    bytes += text.size();
    model.files.insert(model.files.begin(), {path, Bytes::copy_of(text.data(), text.size()), !path.empty()});
  }
  model.size_map.push_back({"(encodings)", "JSON", bytes});
  return model;
}

constexpr TargetSpec kTarget = {
    .name = "aimet",
    .runtime = "Qualcomm's converters (QNN, SNPE) and AIMET",
    .types = "float32 with steps of 8 or 16 bits for activations, 4 to 16 bits for weights",
    .most_axes = 5,
    .most_bytes = 0,
    .wide = true,
    .wide_is_fast = true,
    .in_float = {},
};

}  // namespace

extern const Format format_aimet = {
    .name = "aimet",
    .suffix = ".encodings",
    .summary = "AIMET encodings beside a float ONNX model, for Qualcomm's converters, written only",
    .sniff = [](const Bytes&) { return false; },
    .read = nullptr,
    .target_recipe = "to-channels-first; repeat { drop-identity; merge-duplicates; drop-dead }",
    .carries_tests = false,
    .write = write,
    .target = &kTarget,
};

}  // namespace bantam
