// SPDX-License-Identifier: Apache-2.0
// bantam unpack, bantam pack: between the two forms of a .btm file, the one to download and the one to
// install. Nothing is computed anew: both run to the same bits.
#include <CLI/CLI.hpp>

#include "apps/bantam/checks.h"
#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/models.h"
#include "apps/bantam/options.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "formats/native/check.h"
#include "formats/native/repack.h"

namespace bantam {
namespace {

struct Options {
  CommonOptions common;
  std::string model, output, codec;
};

// Both forms must give the same bits; a file that did not before is not packed.
Result<void> check(const Bytes& before, const Bytes& after) {
  TRY(const SelfTest old, self_test(before.data(), before.size()));
  if (old.wrong) return Error{Code::bad_input, formatted("{} of {} test vectors give other bits here than where the file was made", old.wrong, old.vectors)};
  const auto now = self_test(after.data(), after.size());
  if (!now.ok()) return Error{Code::internal, "the other form does not run: " + now.error().message};
  if (now->wrong || now->vectors != old.vectors) return Error{Code::internal, formatted("{} of {} test vectors give other bits than before", now->wrong, old.vectors)};
  return {};
}

Result<int> run(const Options& o) {
  o.common.apply();
  if (!o.output.ends_with(".btm")) return Error{Code::usage, formatted("-o {}: a name ending in .btm is needed", quote(o.output))};
  TRY(const Bytes file, read_file(o.model));
  const Codec codec = o.codec == "none" ? Codec::none : o.codec == "pack" ? Codec::pack : Codec::best;
  TRY(NativeFile other, within(printable(o.model), repack(file, codec)));
  TRY(within(printable(o.model), check(file, other.bytes)));
  OutputFiles files;
  TRY(files.write(o.output, other.bytes));
  TRY(files.commit());
  Console::get().note(formatted("{}: {} -> {}", printable(base_name(o.output)), human_bytes(file.size()), human_bytes(other.bytes.size())));
  return 0;
}

void add(CLI::App& app, Action& action, const char* name, const char* codec, const char* summary, const char* footer) {
  auto o = std::make_shared<Options>();
  o->codec = codec;
  CLI::App* cmd = app.add_subcommand(name, summary);
  cmd->add_option("model", o->model, "the .btm file")->required();
  cmd->add_option("-o,--output", o->output, "the other form (.btm)")->required();
  cmd->add_option("--codec", o->codec, "none: mapped as it is; pack: fixed bits; best: entropy coded")->check(one_of({"none", "pack", "best"}))->capture_default_str();
  add_common(*cmd, o->common);
  cmd->footer(footer);
  cmd->callback([&action, o] { action = [o] { return run(*o); }; });
}

}  // namespace

void add_unpack(CLI::App& app, Action& action) {
  add(app, action, "unpack", "none", "Turn a .btm file into the form that is mapped into memory", "Example:\n  bantam unpack net.btm -o installed.btm");
}

void add_pack(CLI::App& app, Action& action) {
  add(app, action, "pack", "best", "Turn a .btm file into its smallest form", "Example:\n  bantam pack installed.btm -o net.btm");
}

}  // namespace bantam
