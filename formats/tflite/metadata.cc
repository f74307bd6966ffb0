// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/metadata.h"

#include <flatbuffers/flatbuffers.h>
#include <metadata_generated.h>

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "runtime/crc.h"

namespace bantam {
namespace {

namespace meta = tfl_meta;
template <typename T>
using Ref = flatbuffers::Offset<T>;

constexpr const char* kParserVersion = "1.0.0";  // of the metadata's schema: nothing newer is used

class Describer {
 public:
  explicit Describer(const WriteOptions& options) : options_(options) {}

  Result<std::vector<uint8_t>> run(const Graph& graph) {
    std::vector<Ref<meta::TensorMetadata>> inputs, outputs;
    for (const Value* v : graph.inputs()) inputs.push_back(input(*v));
    for (const Value* v : graph.outputs()) outputs.push_back(output(*v));
    if (!options_.class_names.empty() && !classes_found_) return no_classes(graph);
    const auto in = flat_.CreateVector(inputs), out = flat_.CreateVector(outputs);
    const auto part = meta::CreateSubGraphMetadata(flat_, 0, 0, in, out);
    const auto parts = flat_.CreateVector(std::vector{part});
    const auto name = flat_.CreateString(options_.model_name),
               version = flat_.CreateString(kParserVersion);
    flat_.Finish(meta::CreateModelMetadata(flat_, name, 0, 0, parts, 0, 0, 0, version),
                 meta::ModelMetadataIdentifier());
    return std::vector<uint8_t>(flat_.GetBufferPointer(),
                                flat_.GetBufferPointer() + flat_.GetSize());
  }

 private:
  bool is_picture(const Value& v) const {
    return options_.pictures && v.rank() == 4 &&
           v.shape->back() == (options_.pictures->grey ? 1 : 3);
  }

  Ref<meta::TensorMetadata> input(const Value& v) {
    const auto name = flat_.CreateString(v.name);
    if (!is_picture(v)) return meta::CreateTensorMetadata(flat_, name, 0, 0, features());
    const auto& p = *options_.pictures;
    const auto image = meta::CreateImageProperties(
        flat_, p.grey ? meta::ColorSpaceType::GRAYSCALE : meta::ColorSpaceType::RGB);
    const auto content =
        meta::CreateContent(flat_, meta::ContentProperties::ImageProperties, image.Union());
    const auto mean = flat_.CreateVector(p.mean), deviation = flat_.CreateVector(p.deviation);
    const auto how = meta::CreateNormalizationOptions(flat_, mean, deviation);
    const auto unit =
        meta::CreateProcessUnit(flat_, meta::ProcessUnitOptions::NormalizationOptions, how.Union());
    const auto units = flat_.CreateVector(std::vector{unit});
    return meta::CreateTensorMetadata(flat_, name, 0, 0, content, units, picture_range());
  }

  // What the values 0 and 255 become, by channel.
  Ref<meta::Stats> picture_range() {
    std::vector<float> most, least;
    const auto& p = *options_.pictures;
    const size_t count = std::max(p.mean.size(), p.deviation.size());
    for (size_t c = 0; c < count; ++c) {
      const float mean = p.mean[c % p.mean.size()], deviation = p.deviation[c % p.deviation.size()];
      most.push_back((255 - mean) / deviation);
      least.push_back((0 - mean) / deviation);
    }
    const auto max = flat_.CreateVector(most), min = flat_.CreateVector(least);
    return meta::CreateStats(flat_, max, min);
  }

  Ref<meta::TensorMetadata> output(const Value& v) {
    const auto name = flat_.CreateString(v.name);
    if (!has_classes(v)) return meta::CreateTensorMetadata(flat_, name, 0, 0, features());
    classes_found_ = true;
    const auto file = meta::CreateAssociatedFile(flat_, flat_.CreateString(kLabelsFile), 0,
                                                 meta::AssociatedFileType::TENSOR_AXIS_LABELS);
    const auto files = flat_.CreateVector(std::vector{file});
    return meta::CreateTensorMetadata(flat_, name, 0, 0, features(), 0, 0, files);
  }

  bool has_classes(const Value& v) const {
    return !options_.class_names.empty() && v.rank() > 0 &&
           v.shape->back() == static_cast<int64_t>(options_.class_names.size());
  }

  Ref<meta::Content> features() {
    const auto none = meta::CreateFeatureProperties(flat_);
    return meta::CreateContent(flat_, meta::ContentProperties::FeatureProperties, none.Union());
  }

  Error no_classes(const Graph& graph) const {
    std::vector<std::string> have;
    for (const Value* v : graph.outputs())
      have.push_back(formatted("{} has {}", quote(v->name), v->rank() > 0 ? v->shape->back() : 1));
    return {Code::usage, formatted("there are {} names of classes, and no output has so many "
                                   "numbers along its last axis: {}",
                                   options_.class_names.size(), join(have, ", "))};
  }

  const WriteOptions& options_;
  flatbuffers::FlatBufferBuilder flat_;
  bool classes_found_ = false;
};

}  // namespace

Result<std::vector<uint8_t>> metadata_of(const Graph& graph, const WriteOptions& options) {
  return Describer(options).run(graph);
}

std::string labels_text(const std::vector<std::string>& class_names) {
  std::string text;
  for (const std::string& name : class_names) text += name + "\n";
  return text;
}

// By the ZIP format's note APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
size_t append_zip(std::vector<uint8_t>& file, const std::string& name, const std::string& text) {
  constexpr uint64_t kVersion = 10, kUtf8 = 1 << 11, kStored = 0,
                     kFirstDay = 1 << 5 | 1;  // 1 January 1980
  const size_t start = file.size();
  const uint32_t crc = bt_crc32(text.data(), text.size());
  const auto put = [&](std::initializer_list<std::pair<uint64_t, int>> numbers) {
    for (const auto& [value, size] : numbers) store_le(file, value, size);
  };
  const auto describe = [&] {
    put({{kVersion, 2}, {kUtf8, 2}, {kStored, 2}, {0, 2}, {kFirstDay, 2}, {crc, 4}});
    put({{text.size(), 4}, {text.size(), 4}, {name.size(), 2}, {0, 2}});
  };
  put({{0x04034b50, 4}});
  describe();
  file.insert(file.end(), name.begin(), name.end());
  file.insert(file.end(), text.begin(), text.end());
  const size_t directory = file.size();
  put({{0x02014b50, 4}, {kVersion, 2}});
  describe();
  put({{0, 2}, {0, 2}, {0, 2}, {0, 4}, {start, 4}});
  file.insert(file.end(), name.begin(), name.end());
  const size_t end = file.size();
  put({{0x06054b50, 4},
       {0, 2},
       {0, 2},
       {1, 2},
       {1, 2},
       {end - directory, 4},
       {directory, 4},
       {0, 2}});
  return file.size() - start;
}

}  // namespace bantam
