// SPDX-License-Identifier: Apache-2.0
#include "pass/runner.h"

#include <algorithm>
#include <chrono>

#include "base/format.h"
#include "ir/verify.h"

namespace bantam {
namespace {

constexpr int kRepeatLimit = 50;  // rounds of a block; what it has not done by then stays undone

class Runner {
 public:
  Runner(Graph& graph, PassContext& ctx, const RunOptions& options) : graph_(graph), ctx_(ctx), options_(options) {}

  Result<bool> run(const std::vector<Step>& steps) {
    bool changed = false;
    for (const Step& s : steps) {
      TRY(const bool now, s.pass ? run_pass(s) : repeat(s));
      changed = changed || now;
    }
    return changed;
  }

 private:
  Result<bool> repeat(const Step& s) {
    bool changed = false;
    for (int round = 0; round < kRepeatLimit; ++round) {
      TRY(const bool now, run(s.block));
      if (!now) return changed;
      changed = true;
    }
    ctx_.pass = "repeat";
    ctx_.note(formatted("the block at line {} of the recipe still changed the graph after {} rounds and was left there", s.line, kRepeatLimit));
    return true;
  }

  Result<bool> run_pass(const Step& s) {
    if (options_.stop_after >= 0 && done_ >= options_.stop_after) return false;
    if (std::find(options_.skip.begin(), options_.skip.end(), s.pass->name) != options_.skip.end()) return false;
    ctx_.selector = s.has_selector ? &s.selector : nullptr;
    ctx_.pass = s.pass->name;
    if (options_.before) options_.before(*s.pass, graph_);
    const auto start = std::chrono::steady_clock::now();
    TRY(const bool changed, run_on(graph_, s));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++done_;
    if (options_.verify_each)
      if (auto ok = verify(graph_); !ok.ok())
        return Error{Code::internal, formatted("pass {} broke the graph: {}", s.pass->name, ok.error().message)};
    if (options_.after) options_.after(done_, s.pass->name, changed, seconds, graph_);
    return changed;
  }

  // The graph, and the graphs inside it first.
  Result<bool> run_on(Graph& graph, const Step& s, bool inside = false) {
    bool changed = false;
    if (s.pass->pass->nested)
      for (Node* node : graph.nodes()) {
        if (!(node->op->flags & BT_OP_SUBGRAPH)) continue;
        for (int i = 0; node->op->attrs[i].name; ++i) {
          if (node->op->attrs[i].kind != BT_GRAPH) continue;
          if (const auto body = node->attr_graph(node->op->attrs[i].name)) {
            TRY(const bool now, run_on(*body, s, true));
            changed = changed || now;
          }
        }
      }
    ctx_.inside = inside;
    auto result = s.pass->pass->run(graph, s.arguments, ctx_);
    if (!result.ok() && result.error().code == Code::internal)
      return Error{Code::internal, formatted("pass {}: {}", s.pass->name, result.error().message)};
    if (!result.ok()) return result.error();
    return changed || *result;
  }

  Graph& graph_;
  PassContext& ctx_;
  const RunOptions& options_;
  int done_ = 0;
};

}  // namespace

Result<void> run_recipe(Graph& graph, const std::vector<Step>& steps, PassContext& ctx, const RunOptions& options) {
  TRY(Runner(graph, ctx, options).run(steps));
  return {};
}

}  // namespace bantam
