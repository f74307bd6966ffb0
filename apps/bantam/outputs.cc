// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/outputs.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/bantam/c_source.h"
#include "apps/bantam/console.h"
#include "apps/bantam/models.h"
#include "base/format.h"
#include "base/text.h"
#include "ir/evaluate.h"
#include "pass/runner.h"

namespace bantam {
namespace {

class TestVectorMaker {
 public:
  TestVectorMaker(const Graph& graph, const OutputOptions& options) : graph_(graph), o_(options) {}

  Result<void> add_to(WriteOptions& write) {
    if (!is_small_enough_to_check(graph_)) {
      Console::get().note("note: the weights are too large for test vectors; the file carries none, and was not run");
      return {};
    }
    std::vector<Shape> sizes;
    TRY(write.tests, make(sizes));
    if (write.tests.empty()) return {};
    TRY(const size_t bytes, planned_bytes(sizes));
    write.plans.push_back({std::move(sizes), bytes});
    return {};
  }

 private:
  // None where there are reasons against it, which are said.
  Result<std::vector<TestVector>> make(std::vector<Shape>& sizes) {
    TRY(Session session, Session::of_graph(graph_, {.threads = o_.threads, .max_bytes = kTestVectorBytes, .max_turns = kTestVectorTurns}));
    TRY(sizes, shapes(session));
    int64_t elements = 0;
    for (const Shape& s : sizes) elements += std::min(element_count(s), int64_t{1} << 40);
    if (elements > static_cast<int64_t>(kTestVectorBytes / 8)) {
      Console::get().note("note: the inputs are too large for test vectors; the file carries none (--shape may help)");
      return std::vector<TestVector>();
    }
    TRY(const auto limits, ranges(session));
    auto vectors = make_test_vectors(session, sizes, limits, o_.test_vectors);
    if (vectors.ok()) return vectors;
    // a model may refuse numbers that nobody chose for it; that is no failure of the conversion
    Console::get().note("note: the file carries no test vectors: " + vectors.error().message);
    return std::vector<TestVector>();
  }

  // Those of the first sample where there is one.
  Result<std::vector<Shape>> shapes(const Session& session) {
    std::vector<Shape> list;
    if (o_.data) {
      TRY(const auto sample, o_.data->at(0));
      for (const Tensor& t : sample) list.push_back(t.shape());
      return list;
    }
    for (const Port& p : session.inputs()) list.push_back(concrete_shape(p.shape));
    return list;
  }

  // Smallest and largest element of each input over the samples; without samples -1..1, quantized values
  // all that there are, other whole numbers 0..1.
  Result<std::vector<std::pair<float, float>>> ranges(const Session& session) {
    std::vector<std::pair<float, float>> list;
    for (const Port& p : session.inputs())
      list.push_back(o_.data ? std::pair(INFINITY, -INFINITY) : bt_is_float(p.dtype) ? std::pair(-1.0f, 1.0f)
                     : o_.quantized_borders && p.dtype == BT_I8 ? std::pair(-128.0f, 127.0f) : std::pair(0.0f, 1.0f));
    for (int64_t i = 0; o_.data && i < o_.data->count(); ++i) {
      TRY(const auto sample, o_.data->at(i));
      for (size_t k = 0; k < sample.size(); ++k) widen(list[k], sample[k]);
    }
    return list;
  }

  // Scratch memory depends on the kernels and the threads, but the file must not: one thread, scalar kernels.
  Result<size_t> planned_bytes(const std::vector<Shape>& sizes) {
    TRY(Session session, Session::of_graph(graph_, {.threads = 1, .kernels = "scalar", .max_bytes = kTestVectorBytes}));
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const DType dtype = session.inputs()[i].dtype;
      inputs.emplace_back(dtype, sizes[i], Bytes(std::vector<uint8_t>(static_cast<size_t>(element_count(sizes[i])) * bt_dtype_size(dtype))));
    }
    TRY(session.plan(inputs));
    return session.arena_bytes();
  }

  const Graph& graph_;
  const OutputOptions& o_;
};

// The graph in the form that a format with a recipe of its own holds.
Result<Graph> fitted(const Graph& graph, const Format& format, std::vector<std::string>& notes) {
  Graph own = graph.clone();
  TRY(const auto steps, parse_recipe(format.target_recipe, false));
  PassContext ctx;
  TRY(run_recipe(own, steps, ctx));
  for (const Note& n : ctx.notes) notes.push_back(formatted("{}: {}{}", n.pass, n.node.empty() ? "" : quote(n.node) + ": ", n.text));
  return own;
}

// The model that an output holds: its own path, but for C source.
std::string model_path(const std::string& path) {
  const std::string inside = model_inside_c_source(path);
  return inside.empty() ? path : inside;
}

}  // namespace

std::string meta_of(const std::string& source_hash, const Dataset* data, const std::string& recipe) {
  nlohmann::ordered_json j;
  j["tool"] = "bantam " BANTAM_VERSION;
  j["source"] = source_hash;
  if (data) j["data"] = data->hash().substr(0, 32), j["samples"] = data->count();
  j["recipe"] = recipe;
  return j.dump();
}

Result<void> check_outputs(const std::string& input, const std::vector<std::string>& paths) {
  if (paths.empty()) return Error{Code::usage, "convert needs an output: -o model.btm"};
  for (const std::string& path : paths) {
    TRY(writer_of(model_path(path)));
    std::error_code none;  // a file that is not there is no other file
    if (std::filesystem::equivalent(input, path, none))
      return Error{Code::usage, formatted("-o {} is the model that is read, and would be lost; choose another name", quote(path))};
  }
  return {};
}

bool gain_by_16_bits(const std::vector<std::string>& paths) {
  return std::all_of(paths.begin(), paths.end(), [](const std::string& path) {
    const auto format = writer_of(model_path(path));
    return !format.ok() || (*format)->target->wide_is_fast;  // a path that names none is refused elsewhere
  });
}

Result<Output> write_output(const std::string& path, const Graph& graph, const OutputOptions& options, OutputFiles& files) {
  const std::string inner_path = model_path(path);
  const bool is_c_source = inner_path != path;
  TRY(const Format* format, writer_of(inner_path));
  Output out;
  std::optional<Graph> changed;
  if (format->target_recipe[0] != '\0') {
    TRY(changed, within(printable(path), fitted(graph, *format, out.row.notes)));
  }
  const Graph& own = changed ? *changed : graph;
  WriteOptions write = options.write;
  const std::string name = base_name(inner_path);
  write.model_name = name.substr(0, name.size() - std::string_view(format->suffix).size());
  if (format->carries_tests && options.test_vectors > 0) TRY(TestVectorMaker(own, options).add_to(write));
  if (!write.plans.empty()) out.arena_bytes = write.plans[0].bytes;
  TRY(WrittenModel written, within(printable(path), write_model(own, *format, write)));
  out.row.name = base_name(path);
  out.row.format = format->name;
  out.row.bytes = written.bytes();
  out.row.notes.insert(out.row.notes.end(), written.notes.begin(), written.notes.end());
  out.size_map = std::move(written.size_map);
  std::vector<OutputFiles::FolderFile> inside;  // of an output that is a folder
  for (WrittenModel::File& f : written.files) {
    if (is_c_source) {
      out.row.notes.insert(out.row.notes.begin(), "as C source: the array has these bytes");
      TRY(files.write(path, c_source(path, f.bytes, write.plans.empty() ? 0 : write.plans[0].bytes)));
    } else if (f.path.empty()) {
      TRY(files.write(path, f.bytes));
      out.file = std::move(f.bytes);
    } else if (f.beside) {
      const size_t slash = path.rfind('/');
      TRY(files.write(path.substr(0, slash == std::string::npos ? 0 : slash + 1) + f.path, f.bytes));
    } else {
      inside.push_back({std::move(f.path), std::move(f.bytes)});
    }
  }
  if (!inside.empty()) TRY(files.write_folder(path, inside));
  return out;
}

}  // namespace bantam
