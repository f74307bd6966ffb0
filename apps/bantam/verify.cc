// SPDX-License-Identifier: Apache-2.0
// bantam verify: is this .btm file whole, and does it compute here what it computed where it was made?
#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/bantam/checks.h"
#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/options.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "formats/native/check.h"
#include "ir/evaluate.h"
#include "runtime/model.h"

namespace bantam {
namespace {

struct Options {
  CommonOptions common;
  std::string model;
  int threads = 1;
};

struct Closer {
  void operator()(bt_model* m) const { bt_close(m); }
};

// Bytes that belong to no section must be zero: nothing hides there.
Result<void> check_gaps(const Bytes& file, const bt_model& model) {
  std::vector<std::pair<uint64_t, uint64_t>> used = {{0, BT_HEADER_BYTES}};
  for (int i = 0; i < model.n_sections; ++i) {
    const bt_section& s = model.sections[i];
    if (s.is_packed) continue;
    used[0].second += BT_SECTION_BYTES;
    used.emplace_back(s.offset, s.offset + s.size);
  }
  std::sort(used.begin(), used.end());
  uint64_t at = 0;
  used.emplace_back(file.size(), file.size());
  for (const auto& [begin, end] : used) {
    for (; at < begin; ++at)
      if (file.data()[at] != 0) return Error{Code::bad_input, formatted("byte {} belongs to no section and is not zero", at)};
    at = std::max(at, end);
  }
  return {};
}

Result<int> run(const Options& o) {
  o.common.apply();
  TRY(const Bytes file, read_file(o.model));
  bt_model* opened = nullptr;
  if (const bt_status s = bt_open(file.data(), file.size(), nullptr, &opened); s != BT_OK) return within(printable(o.model), Result<int>(runtime_error(s, bt_last_error())));
  const std::unique_ptr<bt_model, Closer> model(opened);
  TRY(within(printable(o.model), check_gaps(file, *model)));
  TRY(const SelfTest test, within(printable(o.model), self_test(file.data(), file.size(), o.threads)));
  if (o.common.json)
    Console::get().print(nlohmann::ordered_json{{"file", printable(o.model)}, {"tensors", model->n_tensors}, {"test_vectors", test.vectors}, {"wrong", test.wrong}}.dump(1) + "\n");
  if (test.wrong) return Error{Code::bad_input, formatted("{}: {} of {} test vectors give other bits here than where the file was made", printable(o.model), test.wrong, test.vectors)};
  if (!o.common.json) Console::get().note(formatted("{}: whole; {} tensors, {} test vector{} give the same bits", printable(o.model), model->n_tensors, test.vectors, test.vectors == 1 ? "" : "s"));
  return 0;
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("verify", "Check a .btm file: checksums, structure, test vectors");
  cmd->add_option("model", o->model, "the .btm file")->required();
  cmd->add_option("--threads", o->threads, "threads")->check(whole_number(1, 1024))->capture_default_str();
  add_common(*cmd, o->common);
  cmd->footer("Example:\n  bantam verify net.btm");
  cmd->callback([&action, o] { action = [o] { return run(*o); }; });
}

}  // namespace bantam
