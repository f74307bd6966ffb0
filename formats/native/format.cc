// SPDX-License-Identifier: Apache-2.0
// The .btm format as the tool sees it. What was written is opened as a device does it, and must compute the
// same bits, before anybody gets it.
#include "base/format.h"
#include "eval/test_vectors.h"
#include "formats/native/check.h"
#include "formats/native/read.h"
#include "formats/native/write.h"

namespace bantam {
namespace {

Result<void> check(const Bytes& file, size_t vectors) {
  const auto test = self_test(file.data(), file.size());
  if (!test.ok()) return Error{Code::internal, "the written file does not run: " + test.error().message};
  if (test->wrong || test->vectors != static_cast<int>(vectors))
    return Error{Code::internal, formatted("the written file computes other bits than the graph ({} of {} test vectors)", test->wrong, vectors)};
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
  TRY(NativeFile file, write_native(program, graph.symbols(), native));
  WrittenModel out;
  if (is_small_enough_to_check(graph)) TRY(check(file.bytes, native.tests.size()));
  else out.notes.push_back("the weights are too large for the file to be run here: bantam verify does it");
  out.files.push_back({"", std::move(file.bytes)});
  out.size_map = std::move(file.size_map);
  return out;
}

constexpr TargetSpec kTarget = {
    .name = "native",
    .runtime = "bantam's own runtime",
    .types = "all of ONNX; integers of 8 bits, activations of 16; weights of 1 to 16 bits, palettes, sparse",
    .most_axes = BT_MAX_RANK,
    .most_bytes = 0,
    .wide = true,
    .wide_is_fast = true,
    .in_float = {},
};

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
    .target = &kTarget,
};

}  // namespace bantam
