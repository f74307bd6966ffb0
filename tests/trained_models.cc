// SPDX-License-Identifier: Apache-2.0
#include "trained_models.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "catch.h"
#include "data/dataset.h"
#include "eval/session.h"
#include "format/format.h"
#include "pass/runner.h"

namespace bantam {
namespace {

std::string path_of(const std::string& name, const std::string& suffix) {
  return std::string(BANTAM_SOURCE_DIR) + "/testdata/" + name + suffix;
}

template <typename T>
T checked(Result<T> result) {
  if (!result.ok()) FAIL(result.error().message);
  return std::move(*result);
}

std::unique_ptr<Dataset> data_of(const std::string& name, const std::string& suffix, const Graph& graph, int64_t samples) {
  std::vector<Port> inputs;
  for (const Value* v : graph.inputs()) inputs.push_back({v->name, v->dtype, v->shape});
  return checked(Dataset::open(path_of(name, suffix), inputs, {.samples = samples}));
}

}  // namespace

std::vector<std::string> trained_models() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_of("", "")))
    if (entry.path().extension() == ".onnx") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

Graph trained(const std::string& name) { return std::move(checked(read_model(path_of(name, ".onnx"))).graph); }

Graph converted(const std::string& name, const std::string& recipe) {
  Graph graph = trained(name);
  const auto data = data_of(name, ".calib.npz", graph, 16);
  PassContext ctx;
  ctx.data = data.get();
  if (auto r = run_recipe(graph, checked(parse_recipe(all_recipes().at(recipe), true)), ctx); !r.ok()) FAIL(r.error().message);
  return graph;
}

std::vector<std::vector<Tensor>> samples_of(const std::string& name, const Graph& graph, int64_t most) {
  const auto data = data_of(name, ".eval.npz", graph, most);
  std::vector<std::vector<Tensor>> samples;
  for (int64_t i = 0; i < data->count(); ++i) samples.push_back(checked(data->at(i)));
  return samples;
}

void run_steps(Graph& graph, const std::string& recipe) {
  PassContext ctx;
  if (auto r = run_recipe(graph, checked(parse_recipe(recipe, false)), ctx, {.verify_each = true}); !r.ok()) FAIL(r.error().message);
}

std::vector<Tensor> outputs_of(const Graph& graph, const std::vector<Tensor>& inputs) {
  Session session = checked(Session::of_graph(graph));
  return checked(session.run(inputs));
}

double agreement(const std::vector<Tensor>& wanted, const std::vector<Tensor>& got) {
  REQUIRE(wanted.size() == got.size());
  double worst = INFINITY;
  for (size_t k = 0; k < wanted.size(); ++k) {
    REQUIRE(shape_text(wanted[k].shape()) == shape_text(got[k].shape()));
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < wanted[k].count(); ++i) {
      const double p = wanted[k].number(i), q = got[k].number(i);
      if ((std::isnan(p) && std::isnan(q)) || p == q) continue;
      noise += (p - q) * (p - q);
    }
    for (int64_t i = 0; i < wanted[k].count(); ++i) {
      const double p = wanted[k].number(i);
      if (std::isfinite(p)) signal += p * p;
    }
    if (!std::isfinite(noise)) return 0;
    if (noise > 0) worst = std::min(worst, 10 * std::log10(std::max(signal, 1e-30) / noise));
  }
  return worst;
}

}  // namespace bantam
