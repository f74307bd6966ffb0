// SPDX-License-Identifier: Apache-2.0
// A pass: one function that edits a graph, and the descriptor that names it. One file of passes/ defines
// one pass; the list is generated from the files. A pass never prints: it leaves notes.
//
//   Result<bool> run(Graph& graph, const Options& options, PassContext& ctx);   // true: changed something
//   extern const Pass fuse_batch_norm = make_pass<Options, describe, run>("Folds ... .", Effect::exact);
//
// The name is the file's name with dashes, the chapter its folder.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/graph.h"
#include "pass/options.h"
#include "quant/calibration.h"
#include "quant/paired_run.h"

namespace bantam {

class StepSearch;

// What a pass promises about the numbers that a graph computes. The test harness holds it to that.
enum class Effect {
  exact,       // the same within 1e-5
  lossy,       // its golden file states a floor in dB
  annotation,  // untouched; only what is known about values changes
};

// '*' any text, '?' any character.
bool glob_matches(std::string_view pattern, std::string_view text);

// Which nodes a step works on: "conv*", "op:Conv", "not op:Conv"; empty: all.
struct Selector {
  bool negated = false;
  std::string op;    // operator name
  std::string glob;  // over node names
  bool matches(const Node& node) const;
  std::string text() const;
};

// Something a user should know, and the flag that changes it.
struct Warning {
  std::string layer;  // node or value; "" where it is about the whole model
  std::string text, flag;
};

struct Note {
  std::string pass, node, text;
};

// What passes share during one run of a recipe.
struct PassContext {
  const Selector* selector = nullptr;
  std::string pass;  // the one that runs
  bool inside = false;  // on a graph inside If, Loop or Scan: calibration knows nothing of its values
  int threads = 1;
  uint64_t seed = 0;
  SampleSource* data = nullptr;              // calibration samples; null: there are none
  std::shared_ptr<Calibration> calibration;  // made by `calibrate`
  std::shared_ptr<StepSearch> steps;         // what `choose-steps` measured, for the next choice on the same weights
  std::set<std::string> keep_float;  // nodes, by their first output, that `choose-precision` keeps from `quantize`
  std::set<std::string> fine_weights;        // likewise: their weights are stored in more than 8 bits
  bool fine_in_f16 = false;                  // with steps that are powers of two: f16 holds them as they are
  std::set<std::string> wide;                // values that it gives 16 bits
  Originals originals;                       // constants before a pass rounded them
  std::vector<Note> notes;
  std::vector<Warning> warnings;
  std::function<void(const std::string& what, double fraction)> progress;

  // The same for passes that run on a copy of the graph, to see what they would do.
  PassContext for_trial() const {
    PassContext trial = *this;
    trial.selector = nullptr;
    trial.notes.clear();
    trial.warnings.clear();
    trial.progress = nullptr;
    return trial;
  }

  bool selected(const Node& node) const { return !selector || selector->matches(node); }
  void note(const Node& node, std::string text) { notes.push_back({pass, node.name, std::move(text)}); }
  void note(std::string text) { notes.push_back({pass, "", std::move(text)}); }
  void warn(std::string layer, std::string text, std::string flag) {
    warnings.push_back({std::move(layer), std::move(text), std::move(flag)});
  }
};

struct Pass {
  const char* summary;
  Effect effect;
  bool nested;  // also run on the graphs inside If, Loop and Scan
  Result<bool> (*run)(Graph& graph, const Arguments& arguments, PassContext& ctx);
  Result<Arguments> (*expand)(const Arguments& arguments);  // with all defaults filled in
  std::vector<OptionList::Entry> (*options)();              // for documentation; fields are dangling
};

struct NoOptions {};
inline void describe_nothing(OptionList&, NoOptions&) {}

template <typename Options, void (*kDescribe)(OptionList&, Options&),
          Result<bool> (*kRun)(Graph&, const Options&, PassContext&)>
constexpr Pass make_pass(const char* summary, Effect effect, bool nested = true) {
  return {summary, effect, nested,
          [](Graph& graph, const Arguments& arguments, PassContext& ctx) -> Result<bool> {
            Options options;
            OptionList list;
            kDescribe(list, options);
            TRY(list.set(arguments));
            return kRun(graph, options, ctx);
          },
          [](const Arguments& arguments) -> Result<Arguments> {
            Options options;
            OptionList list;
            kDescribe(list, options);
            TRY(list.set(arguments));
            return list.values();
          },
          [] {
            Options options;
            OptionList list;
            kDescribe(list, options);
            return list.entries();
          }};
}

struct NamedPass {
  std::string name, chapter;
  const Pass* pass;
};
const std::vector<NamedPass>& all_passes();  // sorted by chapter and name; generated by passes/CMakeLists.txt
const NamedPass* find_pass(std::string_view name);

// Recipes that are built in: name -> text.
const std::map<std::string, std::string>& all_recipes();

}  // namespace bantam
