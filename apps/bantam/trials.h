// SPDX-License-Identifier: Apache-2.0
// Conversions of one model by many recipes, for `bantam tune`: what recipes begin with in common is done once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/bantam/outputs.h"
#include "device/device.h"
#include "eval/session.h"
#include "pass/recipe.h"
#include "search/search.h"

namespace bantam {

class Trials {
 public:
  struct Options {
    int threads = 1;
    bool timed = false;  // files are run for a second each
    Device device;       // what needs more than it has fails, with code unsupported; its [latency] is used
  };
  // `data` calibrates, `eval` measures; both outlive this.
  static Result<std::unique_ptr<Trials>> open(Graph source, std::string source_hash, Dataset& data, Dataset& eval, const Options& options);

  // Converts, and writes to `path` among `files` (not committed); `file_hash` becomes that of the bytes.
  Result<Outcome> run(const Trial& trial, const std::string& path, OutputFiles& files, std::string& file_hash);
  // Whether run() could say how much of the task's measure, or of agreement, was lost.
  bool measures_drop() const { return measures_drop_; }
  // Why its measure may mean nothing; empty where nothing speaks for that (report/judge.h).
  const std::string& doubt() const { return doubt_; }

 private:
  struct Start {
    Graph graph;
    PassContext ctx;
  };
  Trials(Graph source, std::string source_hash, Dataset& data, Dataset& eval, const Options& options, Session reference)
      : source_(std::move(source)), source_hash_(std::move(source_hash)), data_(data), eval_(eval), o_(options), reference_(std::move(reference)) {}
  Result<Graph> converted(const std::vector<Step>& steps);
  Result<Outcome> measured(const Output& output, const Graph& graph);

  Graph source_;
  std::string source_hash_;
  Dataset& data_;
  Dataset& eval_;
  Options o_;
  Session reference_;
  bool measures_drop_ = false;
  std::string doubt_;
  std::map<std::string, Start> starts_;  // by the steps that led there
};

// The recipe of a trial: a built-in one, changed.
Result<std::vector<Step>> steps_of(const Trial& trial);

}  // namespace bantam
