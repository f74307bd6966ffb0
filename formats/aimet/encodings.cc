// SPDX-License-Identifier: Apache-2.0
// The first two versions count from 0: real = scale * (q + offset). The third has the words of ONNX's QuantizeLinear.
#include "formats/aimet/encodings.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"

namespace bantam::aimet {
namespace {

using Json = nlohmann::ordered_json;

bool is_symmetric(const Quant& q) {
  return std::all_of(q.zero.begin(), q.zero.end(), [](int32_t z) { return z == 0; });
}

// What lies below 0 on the grid of whole numbers from 0.
int64_t offset_of(const Quant& q, size_t c) { return -(q.zero_at(c) + (int64_t{1} << (q.bits - 1))); }

Json first_version(const Quant& q) {
  Json list = Json::array();
  const auto last = static_cast<double>((int64_t{1} << q.bits) - 1);
  for (size_t c = 0; c < q.scale.size(); ++c) {
    const double scale = static_cast<double>(q.scale[c]), offset = static_cast<double>(offset_of(q, c));
    list.push_back({{"bitwidth", q.bits}, {"dtype", "int"}, {"is_symmetric", is_symmetric(q) ? "True" : "False"},
                    {"max", scale * (last + offset)}, {"min", scale * offset}, {"offset", offset_of(q, c)}, {"scale", scale}});
  }
  return list;
}

Json second_version(const Encoding& e) {
  const Quant& q = *e.quant;
  Json scales = Json::array(), offsets = Json::array();
  for (size_t c = 0; c < q.scale.size(); ++c) {
    scales.push_back(static_cast<double>(q.scale[c]));
    offsets.push_back(offset_of(q, c));
  }
  return {{"name", e.name}, {"dtype", "INT"}, {"bw", q.bits}, {"is_sym", is_symmetric(q)},
          {"enc_type", q.scale.size() > 1 ? "PER_CHANNEL" : "PER_TENSOR"}, {"scale", scales}, {"offset", offsets}};
}

// Activations are unsigned there, parameters signed.
Json third_version(const Encoding& e) {
  const Quant& q = *e.quant;
  Json j = {{"name", e.name}, {"output_dtype", formatted("{}int{}", e.parameter ? "" : "u", q.bits)}};
  const int64_t moved = e.parameter ? 0 : int64_t{1} << (q.bits - 1);
  if (q.scale.size() == 1) {
    j["y_scale"] = static_cast<double>(q.scale[0]);
    if (q.zero_at(0) + moved) j["y_zero_point"] = q.zero_at(0) + moved;
    return j;
  }
  j["y_scale"] = Json::array();
  for (const float s : q.scale) j["y_scale"].push_back(static_cast<double>(s));
  j["axis"] = q.axis;
  return j;
}

}  // namespace

std::string encodings_text(const std::vector<Encoding>& encodings, const std::string& version) {
  Json j = {{"version", version}};
  if (version == "2.0.0") {
    j["producer"] = {{"package", "bantam"}, {"version", BANTAM_VERSION}};
    j["encodings"] = Json::array();
    for (const Encoding& e : encodings) j["encodings"].push_back(third_version(e));
  } else {
    const bool first = version == "0.6.1";
    for (const bool parameters : {false, true}) {
      Json list = first ? Json::object() : Json::array();
      for (const Encoding& e : encodings) {
        if (e.parameter != parameters) continue;
        if (first) list[e.name] = first_version(*e.quant);
        else list.push_back(second_version(e));
      }
      j[parameters ? "param_encodings" : "activation_encodings"] = list;
    }
    j["quantizer_args"] = {{"activation_bitwidth", 8}, {"dtype", "int"}, {"is_symmetric", "True"}, {"param_bitwidth", 8},
                           {"per_channel_quantization", "True"}, {"quant_scheme", "post_training_tf"}};
  }
  return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bantam::aimet
