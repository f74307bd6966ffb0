// SPDX-License-Identifier: Apache-2.0
// The .btm format as the tool sees it. What was written is opened as a device does it, and must compute the
// same bits, before anybody gets it.
#include "base/format.h"
#include "formats/native/read.h"
#include "formats/native/write.h"
#include "runtime/self_test.h"

namespace bantam {
namespace {

Result<void> check(const std::vector<uint8_t>& file, size_t vectors) {
  bt_model* opened = nullptr;
  if (const bt_status s = bt_open(file.data(), file.size(), nullptr, &opened); s != BT_OK)
    return Error{Code::internal, formatted("the written file does not open: {}", bt_last_error())};
  int count = 0, wrong = 0;
  const bt_session_options options = {.threads = 1};
  const bt_status s = bt_self_test(opened, &options, &count, &wrong);
  bt_close(opened);
  if (s != BT_OK) return Error{Code::internal, formatted("the written file does not run: {}", bt_last_error())};
  if (wrong || count != static_cast<int>(vectors))
    return Error{Code::internal, formatted("the written file computes other bits than the graph ({} of {} test vectors)", wrong, vectors)};
  return {};
}

Result<WrittenModel> write(const Graph& graph, const WriteOptions& options) {
  const Program program(graph);
  NativeOptions native;
  native.codec = options.codec == "none" ? Codec::none : options.codec == "pack" ? Codec::pack : Codec::best;
  native.names = options.names;
  native.meta = options.meta;
  native.tests = options.tests;
  native.plans = options.plans;
  NativeFile file = write_native(program, graph.symbols(), native);
  TRY(check(file.bytes, native.tests.size()));
  WrittenModel out;
  out.files.push_back({"", std::move(file.bytes)});
  out.size_map = std::move(file.size_map);
  return out;
}

}  // namespace

extern const Format format_native = {
    .name = "native",
    .suffix = ".btm",
    .summary = "bantam's compact models",
    .sniff = looks_like_native,
    .read = read_native,
    .target_recipe = "",
    .carries_tests = true,
    .write = write,
};

}  // namespace bantam
