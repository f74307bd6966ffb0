// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/models.h"

#include "base/file.h"
#include "base/text.h"
#include "pass/runner.h"

namespace bantam {

Result<RunnableModel> open_runnable(const std::string& path, const ReadOptions& read, const SessionOptions& options) {
  TRY(Model model, read_model(path, read));
  if (model.format == "native") {
    TRY(const Bytes file, read_file(path));
    TRY(Session session, within(printable(path), Session::of_file(file, options)));
    return RunnableModel{std::move(session), std::move(model.graph), model.file_bytes, std::move(model.notes)};
  }
  TRY(const auto steps, parse_recipe(all_recipes().at("exact"), true));
  PassContext ctx;
  ctx.threads = options.threads;
  TRY(within(printable(path), run_recipe(model.graph, steps, ctx)));
  TRY(Session session, within(printable(path), Session::of_graph(model.graph, options)));
  return RunnableModel{std::move(session), std::move(model.graph), model.file_bytes, std::move(model.notes)};
}

std::string base_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace bantam
