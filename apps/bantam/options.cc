// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/options.h"

#include <CLI/CLI.hpp>

#include "apps/bantam/checks.h"
#include "apps/bantam/console.h"
#include "base/format.h"
#include "base/text.h"
#include "runtime/session.h"

namespace bantam {

void CommonOptions::apply() const { Console::get().configure(quiet, verbose); }

void add_common(CLI::App& cmd, CommonOptions& o) {
  cmd.add_flag("--json", o.json, "print JSON (docs/reports.md)");
  cmd.add_flag("-q,--quiet", o.quiet, "print results only");
  cmd.add_flag("-v,--verbose", o.verbose, "say what is done");
}

void add_read_flags(CLI::App& cmd, ReadFlags& f) {
  cmd.add_option("--shape", f.shapes, "NAME=1x3x224x224: fix the lengths of an input")->take_all()->type_name("NAME=DIMS");
  const char* group = "Limits of the importer";
  cmd.add_option("--max-nodes", f.limits.nodes, "nodes after local functions are expanded")->group(group)->capture_default_str()->check(count(1));
  cmd.add_option("--max-nesting", f.limits.nesting, "graphs inside graphs")->group(group)->capture_default_str()->check(whole_number(1, 30));
  cmd.add_option("--max-tensor-bytes", f.limits.tensor_bytes, "bytes of one constant")->group(group)->capture_default_str()->check(count(1));
  cmd.add_option("--max-sparse-bytes", f.limits.sparse_bytes, "bytes of one sparse constant, made dense")->group(group)->capture_default_str()->check(count(1));
}

Result<void> check_kernels_environment() {
  const bt_kernels* kernels = nullptr;
  if (bt_pick_kernels(nullptr, &kernels) != BT_OK) return Error{Code::usage, bt_last_error()};
  return {};
}

Result<std::pair<std::string, std::string>> split_assignment(const std::string& text, const char* flag) {
  const size_t at = text.rfind('=');
  if (at == std::string::npos || at == 0) return Error{Code::usage, formatted("{} {}: NAME=VALUE is expected", flag, quote(text))};
  return std::pair(text.substr(0, at), text.substr(at + 1));
}

Result<Shape> parse_shape(const std::string& text, const char* flag) {
  Shape shape;
  for (const std::string& part : split(text, 'x')) {
    int64_t d = 0;
    if (!parse_int(part, &d) || d < 0) return Error{Code::usage, formatted("{}: {} is no list of lengths such as 1x3x224x224", flag, quote(text))};
    shape.push_back(d);
  }
  if (shape.size() > BT_MAX_RANK) return Error{Code::usage, formatted("{}: rank {} is above {}", flag, shape.size(), BT_MAX_RANK)};
  return shape;
}

Result<ReadOptions> ReadFlags::options() const {
  ReadOptions read;
  read.limits = limits;
  for (const std::string& text : shapes) {
    TRY(const auto pair, split_assignment(text, "--shape"));
    TRY(read.shapes[pair.first], parse_shape(pair.second, "--shape"));
  }
  return read;
}

}  // namespace bantam
