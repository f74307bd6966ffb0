// SPDX-License-Identifier: Apache-2.0
// Gives inputs whose first length is not known a length, for formats that want all of them known.
//
//   in %x : f32[N,3,8,8]                 =>   in %x : f32[1,3,8,8]
//
// A length of that name in other inputs becomes the same. Other unknown lengths stay: nobody has said what they
// are (--shape does).
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "ir/infer.h"
#include "pass/pass.h"

namespace bantam {
namespace {

struct Options {
  int batch = 1;
};

void describe(OptionList& list, Options& o) { list.number("batch", &o.batch, 1, 65536, "the first length"); }

Result<bool> run(Graph& graph, const Options& options, PassContext& ctx) {
  std::set<int64_t> named;
  bool changed = false;
  const auto fix = [&](int64_t& length) {
    length = options.batch;
    changed = true;
  };
  for (Value* v : graph.inputs()) {
    if (!v->shape || v->shape->empty() || v->shape->front() >= 0) continue;
    const int64_t length = v->shape->front();
    if (length < -1) named.insert(length);
    fix(v->shape->front());
    ctx.note(formatted("input {} has the fixed first length {}; --shape gives another", quote(v->name), options.batch));
  }
  for (Value* v : graph.inputs()) {
    if (!v->shape) continue;
    for (int64_t& length : *v->shape)
      if (named.count(length)) fix(length);
  }
  if (changed) TRY(infer_graph(graph));
  return changed;
}

}  // namespace

extern constinit const Pass fix_lengths = make_pass<Options, describe, run>(
    "Gives inputs of unknown first length a fixed one.", Effect::exact, false);

}  // namespace bantam
