// SPDX-License-Identifier: Apache-2.0
// bantam run: one model on given tensors.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/bantam/checks.h"
#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/data_flags.h"
#include "apps/bantam/models.h"
#include "apps/bantam/options.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/npy.h"
#include "data/stored_samples.h"
#include "eval/samples.h"
#include "formats/onnx/tensor_file.h"

namespace bantam {
namespace {

struct Options {
  CommonOptions common;
  ReadFlags read;
  DataFlags data;
  std::string model, output = ".", as = "npy", values;
  std::vector<std::string> inputs;
  int threads = 1;
  uint64_t seed = 0;
};

constexpr size_t kPieceBytes = size_t{256} << 20;  // activations of samples that are run at once

bool is_picture(const std::string& path) {
  return path.ends_with(".png") || path.ends_with(".jpg") || path.ends_with(".jpeg");
}

Result<Tensor> read_picture(const Bytes& file, const DataFlags& flags, const Port& port) {
  TRY(const Image image, decode_image(file));
  TRY(const auto settings, flags.settings());
  return as_input(image, settings.value_or(Preprocess()), port);
}

Result<Tensor> read_tensor(const std::string& path, const DataFlags& flags, const Port& port) {
  TRY(const Bytes file, read_file(path));
  if (is_picture(path)) return within(printable(path), read_picture(file, flags, port));
  return within(printable(path), path.ends_with(".pb") ? read_tensor_pb(file) : read_npy(file));
}

// The arrays of --input, in the order of the model's inputs.
Result<std::vector<Tensor>> read_inputs(const Options& o, const std::vector<Port>& ports) {
  std::vector<std::optional<Tensor>> given(ports.size());
  std::vector<std::string> names;
  for (const Port& p : ports) names.push_back(p.name);
  for (const std::string& text : o.inputs) {
    TRY(const auto pair, split_assignment(text, "--input"));
    const auto it = std::find(names.begin(), names.end(), pair.first);
    if (it == names.end())
      return Error{Code::usage, formatted("the model has no input {}{}; inputs: {}", quote(pair.first), suggestion(pair.first, names), printable(join(names, ", ")))};
    const auto place = static_cast<size_t>(it - names.begin());
    TRY(given[place], read_tensor(pair.second, o.data, ports[place]));
  }
  std::vector<Tensor> arrays;
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) return Error{Code::usage, formatted("input {} is missing: --input {}=FILE", quote(names[i]), printable(names[i]))};
    arrays.push_back(*given[i]);
  }
  return arrays;
}

// All samples of --data, one after the other.
Result<std::vector<Tensor>> run_data(Session& session, Dataset& data) {
  std::vector<std::vector<Tensor>> parts(session.outputs().size());
  for (int64_t i = 0; i < data.count(); ++i) {
    TRY(const auto sample, data.at(i));
    TRY(auto outputs, session.run(sample));
    for (size_t k = 0; k < outputs.size(); ++k) parts[k].push_back(std::move(outputs[k]));
  }
  std::vector<Tensor> joined;
  for (const auto& list : parts) {
    if (list.empty()) return Error{Code::bad_input, "the data holds no samples"};
    TRY(Tensor t, join_outputs(list, false));
    joined.push_back(std::move(t));
  }
  return joined;
}

// Every value that the first run computes; of what loops compute again and again, the first.
class Values {
 public:
  void watch(Session& session) {
    session.set_tap([this](const Tapped& v) {
      if (!seen_.insert(v.name).second) return;
      const Shape shape(v.dims.begin(), v.dims.end());
      list_.emplace_back(v.name, Tensor(v.dtype, shape, Bytes::copy_of(v.data, static_cast<size_t>(v.count) * bt_dtype_size(v.dtype))));
    });
  }
  const std::vector<std::pair<std::string, Tensor>>& list() const { return list_; }

 private:
  std::set<std::string> seen_;
  std::vector<std::pair<std::string, Tensor>> list_;
};

// Gives the path of the file.
Result<std::string> write_tensor(OutputFiles& files, const std::string& folder, const std::string& name, const Tensor& tensor, const std::string& as,
                                 std::set<std::string>& paths) {
  std::vector<uint8_t> bytes;
  if (as == "pb") {
    bytes = write_tensor_pb(tensor, name);
  } else {
    TRY(bytes, within("value " + quote(name), write_npy(tensor)));
  }
  std::string path = folder + "/" + file_name(name);
  for (int i = 1; !paths.insert(path).second; ++i) path = formatted("{}/{}_{}", folder, file_name(name), i);
  path += "." + as;
  TRY(files.write(path, Bytes(std::move(bytes))));
  return path;
}

Result<int> run(const Options& o) {
  o.common.apply();
  TRY(check_kernels_environment());
  TRY(const ReadOptions read, o.read.options());
  TRY(RunnableModel model, open_runnable(o.model, read, {.threads = o.threads, .seed = o.seed}));
  Session& session = model.session;
  Values values;
  if (!o.values.empty()) values.watch(session);
  std::vector<Tensor> outputs;
  if (o.data.wanted()) {
    TRY(const auto data, o.data.open(session.inputs(), {.as_stored = true}));
    for (const std::string& note : data->notes()) Console::get().note("note: " + note);
    TRY(outputs, run_data(session, *data));
  } else {
    TRY(auto arrays, read_inputs(o, session.inputs()));
    TRY(outputs, run_samples(session, std::move(arrays), kPieceBytes));
  }
  TRY(make_directory(o.output));
  OutputFiles files;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::set<std::string> paths;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string name = session.outputs()[i].name;
    TRY(const std::string path, write_tensor(files, o.output, name, outputs[i], o.as, paths));
    list.push_back({{"name", printable(name)}, {"file", printable(path)}, {"type", bt_dtype_name(outputs[i].dtype())}, {"shape", outputs[i].shape()}});
  }
  if (!o.values.empty()) TRY(make_directory(o.values));
  for (const auto& [name, tensor] : values.list()) TRY(write_tensor(files, o.values, name, tensor, o.as, paths));
  TRY(files.commit());
  if (o.common.json) {
    Console::get().print(list.dump(1) + "\n");
  } else {
    for (const auto& file : list)
      Console::get().note(formatted("{}: {} {}", file["file"].get<std::string>(), file["type"].get<std::string>(), file["shape"].dump()));
  }
  return 0;
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("run", "Run a model on given tensors or images");
  cmd->add_option("model", o->model, "the model: .onnx, .tflite or .btm")->required();
  auto* input = cmd->add_option("--input", o->inputs, "an input as .npy, .pb (an ONNX TensorProto) or a picture; several samples may be stacked along the first axis")->take_all()->type_name("NAME=FILE");
  add_data_flags(*cmd, o->data, "all samples of a data set instead of --input")->excludes(input);
  cmd->add_option("--output", o->output, "folder for the outputs, NAME.npy each")->capture_default_str();
  cmd->add_option("--values", o->values, "folder for every computed value of the first sample, integers as they are stored")->type_name("FOLDER");
  cmd->add_option("--as", o->as, "npy or pb (for types that .npy lacks)")->check(one_of({"npy", "pb"}))->capture_default_str();
  cmd->add_option("--threads", o->threads, "threads; results do not depend on it")->check(whole_number(1, 1024))->capture_default_str();
  cmd->add_option("--seed", o->seed, "seed of the random operators")->capture_default_str();
  add_read_flags(*cmd, o->read);
  add_common(*cmd, o->common);
  cmd->footer(
      "Examples:\n"
      "  bantam run net.btm --input image=cat.npy --output out\n"
      "  bantam run net.btm --input image=cat.jpg --resize 256 --crop 224 --scale 1/255 --output out\n"
      "  bantam run net.onnx --data photos.toml --output out");
  cmd->callback([&action, o] { action = [o] { return run(*o); }; });
}

}  // namespace bantam
