// SPDX-License-Identifier: Apache-2.0
#include "formats/native/check.h"

#include <memory>

#include "eval/test_vectors.h"
#include "ir/evaluate.h"
#include "runtime/self_test.h"

namespace bantam {
namespace {

struct Closer {
  void operator()(bt_model* m) const { bt_close(m); }
};

}  // namespace

Result<SelfTest> self_test(const void* file, size_t size, int threads) {
  bt_model* opened = nullptr;
  if (const bt_status s = bt_open(file, size, nullptr, &opened); s != BT_OK) return runtime_error(s, bt_last_error());
  const std::unique_ptr<bt_model, Closer> model(opened);
  const bt_session_options options = {.threads = threads, .max_bytes = 4 * kTestVectorBytes, .max_turns = kTestVectorTurns};
  SelfTest result;
  if (const bt_status s = bt_self_test(model.get(), &options, &result.vectors, &result.wrong); s != BT_OK) return runtime_error(s, bt_last_error());
  return result;
}

}  // namespace bantam
