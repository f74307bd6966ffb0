// SPDX-License-Identifier: Apache-2.0
// Encodings: they name values of the float model beside them, their steps are those of the integers, and the float
// model computes what the integers approximate.
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "format/format.h"
#include "formats/aimet/encodings.h"
#include "formats/onnx/read.h"
#include "trained_models.h"

namespace bantam {

extern const Format format_aimet;

namespace {

using Json = nlohmann::json;

struct Written {
  std::map<std::string, Json> encodings;  // by version
  Graph floats;
};

Written written(const Graph& graph) {
  Graph own = graph.clone();
  run_steps(own, format_aimet.target_recipe);
  auto files = format_aimet.write(own, {.model_name = "net"});
  if (!files.ok()) FAIL(files.error().message);
  Written out;
  for (WrittenModel::File& f : files->files) {
    if (f.path == "net.float.onnx") {
      auto model = read_onnx(Bytes(std::move(f.bytes)), "", {});
      if (!model.ok()) FAIL(model.error().message);
      out.floats = std::move(model->graph);
    } else {
      Json j = Json::parse(f.bytes.text());
      const std::string version = j.at("version");
      out.encodings[version] = std::move(j);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("encodings name the values of the float model beside them", "[formats]") {
  const Graph graph = converted("digits_cnn", "int8");
  const Written w = written(graph);
  REQUIRE(w.encodings.size() == 3);
  const Json &first = w.encodings.at("0.6.1"), &second = w.encodings.at("1.0.0"), &third = w.encodings.at("2.0.0");
  const size_t activations = second["activation_encodings"].size(), parameters = second["param_encodings"].size();
  CHECK(activations >= 4);
  CHECK(parameters >= 4);
  CHECK(first["activation_encodings"].size() == activations);
  CHECK(first["param_encodings"].size() == parameters);
  CHECK(third["encodings"].size() == activations + parameters);
  for (const Json& e : third["encodings"]) {
    INFO(e.dump());
    CHECK(w.floats.find(e["name"].get<std::string>()) != nullptr);
  }
  for (const auto& sample : samples_of("digits_cnn", graph, 4))
    CHECK(agreement(outputs_of(graph, sample), outputs_of(w.floats, sample)) >= 25);
}

TEST_CASE("weights of the float model lie on the steps of their encodings", "[formats]") {
  const Written w = written(converted("textures", "weights8"));
  int checked = 0;
  for (const Json& e : w.encodings.at("1.0.0")["param_encodings"]) {
    const Value* v = w.floats.find(e["name"].get<std::string>());
    REQUIRE(v);
    CHECK(e["is_sym"] == true);
    if (v->rank() != 4 || e["enc_type"] != "PER_CHANNEL") continue;
    const int64_t channels = v->shape->front(), each = v->constant->count() / channels;
    REQUIRE(static_cast<int64_t>(e["scale"].size()) == channels);
    bool on_grid = true;
    for (int64_t i = 0; i < v->constant->count(); ++i) {
      const double q = v->constant->number(i) / e["scale"][static_cast<size_t>(i / each)].get<double>() - e["offset"][0].get<double>();
      on_grid = on_grid && std::fabs(q - std::round(q)) < 1e-3 && q > -0.5 && q < 255.5;
    }
    CHECK(on_grid);
    ++checked;
  }
  CHECK(checked > 5);
}

TEST_CASE("a model without integers has no encodings", "[formats]") {
  Graph graph = converted("digits_cnn", "exact");
  run_steps(graph, format_aimet.target_recipe);
  const auto refused = format_aimet.write(graph, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message == "nothing in the model is quantized: encodings need --data, or --preset weights8");
}

TEST_CASE("encodings of one tensor in each version", "[formats]") {
  Quant q;
  q.scale = {0.5f};
  q.zero = {-8};
  const std::vector<aimet::Encoding> one = {{"x", std::make_shared<const Quant>(q), false}};
  const Json first = Json::parse(aimet::encodings_text(one, "0.6.1"))["activation_encodings"]["x"][0];
  CHECK(first["offset"] == -120);
  CHECK(first["min"] == -60.0);
  CHECK(first["max"] == 67.5);
  CHECK(first["is_symmetric"] == "False");
  const Json third = Json::parse(aimet::encodings_text(one, "2.0.0"))["encodings"][0];
  CHECK(third["output_dtype"] == "uint8");
  CHECK(third["y_zero_point"] == 120);
}

}  // namespace bantam
