// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/format.h"
#include "eval/session.h"
#include "eval/test_vectors.h"
#include "format/format.h"
#include "formats/native/write.h"
#include "ir/call.h"
#include "pass/recipe.h"
#include "pass/runner.h"
#include "runtime/self_test.h"
#include "runtime/session.h"

namespace bantam {
extern const Format format_onnx, format_native, format_tflite;
}

namespace bantam::fuzz {
namespace {

constexpr size_t kRunBytes = size_t{64} << 20;
constexpr int64_t kTurns = 200;
constexpr int64_t kElements = 1 << 20;        // of all inputs of a test vector
constexpr int64_t kMultiplyAdds = 20'000'000;  // heavier models are converted, but not run

bool worth_running(const Graph& graph, std::vector<Shape>& shapes) {
  int64_t work = 0, elements = 0;
  for (const Node* n : graph.nodes()) work += std::min<int64_t>(multiply_adds(*n), kMultiplyAdds);
  for (const Value* v : graph.inputs()) {
    shapes.push_back(concrete_shape(v->shape, 4));
    elements += std::min<int64_t>(element_count(shapes.back()), kElements + 1);
  }
  return work <= kMultiplyAdds && elements <= kElements;
}

void add_test_vector(const Graph& graph, NativeOptions& options) {
  std::vector<Shape> shapes;
  if (!worth_running(graph, shapes)) return;
  auto session = Session::of_graph(graph, {.max_bytes = kRunBytes, .max_turns = kTurns});
  if (refused(session)) return;
  const std::vector<std::pair<float, float>> ranges(shapes.size(), {0.0f, 1.0f});
  auto vectors = make_test_vectors(*session, shapes, ranges, 1);
  if (!refused(vectors)) options.tests = std::move(*vectors);
}

// The file as a device sees it, and as the tool does.
void check_written(const Bytes& file, size_t vectors) {
  bt_model* model = nullptr;
  if (bt_open(file.data(), file.size(), nullptr, &model) != BT_OK)
    fail(formatted("the written file does not open: {}", bt_last_error()));
  int count = 0, wrong = 0;
  const bt_session_options options = {.max_bytes = kRunBytes, .max_turns = kTurns};
  if (vectors > 0 && bt_self_test(model, &options, &count, &wrong) != BT_OK)
    fail(formatted("the written file does not run: {}", bt_last_error()));
  if (wrong > 0 || static_cast<size_t>(count) != vectors) fail("the written file computes other bits");
  bt_close(model);
  if (auto back = format_native.read(file, "x.btm", {}); !back.ok())
    fail("the written file does not read back: " + back.error().message);
}

// Every format that can be written: what it cannot hold is an error, what it holds reads back where it can be read.
void check_exported(const Graph& graph, const ReadOptions& options) {
  for (const Format* format : all_formats()) {
    if (!format->write || format->carries_tests) continue;
    const auto steps = parse_recipe(format->target_recipe, false);
    if (refused(steps)) fail(formatted("the target recipe of {} does not parse", format->name));
    Graph own = graph.clone();
    PassContext ctx;
    if (refused(run_recipe(own, *steps, ctx, {.verify_each = true}))) continue;
    for (const TargetSpec& spec : format->profiles) (void)refused(write_model(own, *format, {.model_name = "net", .profile = spec.name}));
    auto written = write_model(own, *format, {.model_name = "net"});
    if (refused(written) || !format->read) continue;
    if (auto back = format->read(written->files[0].bytes, std::string("/nonexistent/model") + format->suffix, options); !back.ok())
      fail(formatted("the written {} does not read back: {}", format->name, back.error().message));
  }
}

}  // namespace

void fail(const std::string& what) {
  std::fprintf(stderr, "fuzz: %s\n", what.c_str());
  std::abort();
}

void check(const Error& error) {
  if (error.code == Code::internal) fail("an internal error: " + error.message);
  if (error.message.empty()) fail("an error without a message");
  for (const char c : error.message)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) fail("control bytes in: " + error.message);
}

Bytes bytes_of(const uint8_t* data, size_t size) { return Bytes::copy_of(data, size); }

void with_file(const uint8_t* data, size_t size, const std::function<void(const std::string&)>& use) {
  const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, data, size) != static_cast<ssize_t>(size)) fail("no file in memory");
  use(formatted("/proc/self/fd/{}", fd));
  ::close(fd);
}

int convert(const Bytes& file) { return convert(file, format_tflite.sniff(file) ? ".tflite" : ".onnx"); }

int convert(const Bytes& file, const std::string& suffix) {
  ReadOptions options;
  options.limits.nodes = 20'000;
  options.limits.tensor_bytes = 1 << 26;
  options.limits.sparse_bytes = 1 << 20;
  const Format& format = suffix == ".tflite" ? format_tflite : format_onnx;
  auto model = format.read(file, "/nonexistent/model" + suffix, options);
  if (refused(model)) return exit_code(model.error().code);
  const auto steps = parse_recipe(all_recipes().at("exact"), true);
  if (refused(steps)) fail("the recipe exact does not parse");
  PassContext ctx;
  const auto ran = run_recipe(model->graph, *steps, ctx, {.verify_each = true});
  if (refused(ran)) return exit_code(ran.error().code);
  NativeOptions native;
  add_test_vector(model->graph, native);
  const size_t vectors = native.tests.size();
  const Program program(model->graph);
  const auto written = write_native(program, model->graph.symbols(), native);
  if (!written.ok()) fail(written.error().message);
  check_written(written->bytes, vectors);
  check_exported(model->graph, options);
  return 0;
}

}  // namespace bantam::fuzz
