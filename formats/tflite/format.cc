// SPDX-License-Identifier: Apache-2.0
// The .tflite format of TensorFlow Lite (LiteRT). A file that was written
// passes the format's own verifier before anybody gets it.
#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "format/format.h"
#include "formats/tflite/emitter.h"
#include "formats/tflite/fit.h"
#include "formats/tflite/metadata.h"
#include "formats/tflite/read.h"

namespace bantam {
namespace {

// FlatBuffers count bytes in 31 bits.
constexpr uint64_t kMaxBytes = (uint64_t{1} << 31) - (uint64_t{1} << 24);

bool sniff(const Bytes& file) { return file.size() >= 8 && file.part(4, 4).text() == "TFL3"; }

Result<void> check_size(const Graph& graph) {
  uint64_t bytes = 0;
  for (const Value* v : graph.values())
    if (v->is_constant()) bytes += v->constant->bytes().size();
  if (bytes <= kMaxBytes) return {};
  return Error{
      Code::unsupported,
      formatted("the constants take {}; a .tflite file holds less than 2 GB", human_bytes(bytes))};
}

Result<WrittenModel> write(const Graph& graph, const WriteOptions& options) {
  TRY(check_size(graph));
  Graph own = graph.clone();
  WrittenModel out;
  TRY(fit_graph(own, out.notes));
  ModelBuilder file;
  const auto values = own.values();
  const bool integers = std::any_of(values.begin(), values.end(), is_quantized);
  Emitter emitter(own, file, {.halves = options.float16, .integers = integers, .dynamic_range = options.dynamic_range});
  TRY(emitter.run());
  if (has_metadata(options)) {
    TRY(const auto metadata, metadata_of(own, options));
    file.add_metadata("TFLITE_METADATA", metadata);
  }
  std::vector<uint8_t> bytes =
      file.finish(options.model_name, options.meta, emitter.inputs(), emitter.outputs());
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (!tfl::VerifyModelBuffer(verifier))
    return Error{Code::internal, "the written file is no valid FlatBuffer"};
  out.size_map = file.size_map();
  if (!options.class_names.empty()) {
    const size_t added = append_zip(bytes, kLabelsFile, labels_text(options.class_names));
    out.size_map.push_back({kLabelsFile, "", added});
  }
  out.files.push_back({"", Bytes(std::move(bytes))});
  return out;
}

constexpr TargetSpec kTarget = {
    .name = "tflite",
    .runtime = "LiteRT (TensorFlow Lite), with XNNPACK, the optimized or the reference kernels",
    .types = "float32, int8, int16 (16x8), int32, int64, bool; weights in float16, int8 and int4",
    .most_axes = 6,
    .most_bytes = kMaxBytes,
    .wide = true,
    .wide_is_fast = false,  // XNNPACK has no kernels for them
    .in_float = {},
};

}  // namespace

extern const Format format_tflite = {
    .name = "tflite",
    .suffix = ".tflite",
    .summary = "TensorFlow Lite (LiteRT) for Android, microcontrollers and others",
    .sniff = sniff,
    .read = read_tflite,
    .target_recipe = "unroll-recurrent; include layout; set-borders(layout=last)",
    .carries_tests = false,
    .write = write,
    .target = &kTarget,
};

}  // namespace bantam
