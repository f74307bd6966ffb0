// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/models.h"

#include "base/file.h"
#include "base/text.h"
#include "formats/native/size_map.h"
#include "pass/runner.h"
#include "report/align_borders.h"

namespace bantam {

Result<RunnableModel> open_runnable(const std::string& path, const ReadOptions& read, const SessionOptions& options,
                                    const Graph* like) {
  TRY(Model model, read_model(path, read));
  const bool native = model.format == "native";
  std::vector<std::string> changes;
  if (like) {
    TRY(changes, within(printable(path), align_borders(model.graph, *like)));
  }
  model.notes.insert(model.notes.end(), changes.begin(), changes.end());
  if (native && changes.empty()) {
    TRY(const Bytes file, read_file(path));
    TRY(Session session, within(printable(path), Session::of_file(file, options)));
    return RunnableModel{std::move(session), std::move(model.graph), model.file_bytes, std::move(model.notes)};
  }
  TRY(const auto steps, parse_recipe(native ? "" : all_recipes().at("exact"), !native));
  PassContext ctx;
  ctx.threads = options.threads;
  TRY(within(printable(path), run_recipe(model.graph, steps, ctx)));
  TRY(Session session, within(printable(path), Session::of_graph(model.graph, options)));
  return RunnableModel{std::move(session), std::move(model.graph), model.file_bytes, std::move(model.notes)};
}

Result<std::vector<SizeRow>> size_map_of(const std::string& path, uint64_t file_bytes) {
  TRY(const Bytes file, read_file(path));
  TRY(const Format* format, format_of(file, path));
  if (std::string_view(format->name) == "native") return within(printable(path), native_size_map(file));
  return std::vector<SizeRow>{{"(file)", "", file_bytes}};
}

std::string base_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace bantam
