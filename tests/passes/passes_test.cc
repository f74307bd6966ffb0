// SPDX-License-Identifier: Apache-2.0
// Runs tests/passes/**/*.golden. A case has the blocks
//   recipe   the steps, one per line or separated by ';'
//   graph    before
//   after    the graph afterwards, as printed; or
//   error    the exact message
//   notes    what the pass says, one per line (optional)
//   psnr >= 40   for lossy passes: the least agreement of the outputs, in dB
// Besides the text the harness checks what every pass promises (lib/pass/pass.h).
#include <cmath>
#include <filesystem>

#include "base/text.h"
#include "catch.h"
#include "eval/session.h"
#include "golden.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "pass/runner.h"
#include "random_samples.h"

namespace bantam {
namespace {

// Signal over noise of the worst output, in dB; infinite where equal.
double agreement(const Graph& before, const Graph& after) {
  const auto inputs = random_inputs(before);
  auto a = Session::of_graph(before), b = Session::of_graph(after, {.simulate = true});
  if (!a.ok()) FAIL(a.error().message);
  if (!b.ok()) FAIL(b.error().message);
  auto x = a->run(inputs), y = b->run(inputs);
  if (!x.ok()) FAIL(x.error().message);
  if (!y.ok()) FAIL(y.error().message);
  REQUIRE(x->size() == y->size());
  double worst = INFINITY;
  for (size_t k = 0; k < x->size(); ++k) {
    REQUIRE(shape_text((*x)[k].shape()) == shape_text((*y)[k].shape()));
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < (*x)[k].count(); ++i) {
      const double p = (*x)[k].number(i), q = (*y)[k].number(i);
      if (std::isnan(p) && std::isnan(q)) continue;
      signal += p * p;
      noise += (p - q) * (p - q);
    }
    if (noise > 0) worst = std::min(worst, 10 * std::log10(std::max(signal, 1e-30) / noise));
  }
  return worst;
}

void run_case(GoldenCase& c, bool& rewritten) {
  const GoldenBlock *recipe = c.find("recipe"), *before = c.find("graph");
  REQUIRE(recipe);
  REQUIRE(before);
  auto graph = parse_graph(before->text);
  if (!graph.ok()) FAIL(graph.error().message);
  const Graph original = graph->clone();
  const GoldenBlock* error = c.find("error");
  auto steps = parse_recipe(recipe->text, false);
  if (!steps.ok()) {
    CHECK(steps.error().message == std::string(trim(error ? error->text : "no error")));
    return;
  }
  PassContext ctx;
  RandomSamples samples(original);
  ctx.data = &samples;
  bool reported = false;
  Effect effect = Effect::annotation;
  const auto watch = [&](int, const std::string& pass, bool changed, double, const Graph&) {
    reported = reported || changed;
    const Effect e = find_pass(pass)->pass->effect;
    if (e == Effect::lossy || (e == Effect::exact && effect == Effect::annotation)) effect = e;
  };
  const auto done = run_recipe(*graph, *steps, ctx, {.verify_each = true, .after = watch});
  if (!done.ok() || error) {
    CHECK((done.ok() ? "no error" : done.error().message) == std::string(trim(error ? error->text : "no error")));
    return;
  }
  const std::string text = print(*graph), first = print(original);
  CHECK(reported == (text != first));
  for (GoldenBlock& b : c.blocks) {
    if (b.name == "after" && update_golden() && b.text != text) b.text = text, rewritten = true;
    if (b.name == "after") CHECK(text == b.text);
    if (b.name == "notes") {
      std::string notes;
      for (const Note& n : ctx.notes) notes += (n.node.empty() ? "" : n.node + ": ") + n.text + "\n";
      for (const Warning& w : ctx.warnings) notes += "warning: " + (w.layer.empty() ? "" : w.layer + ": ") + w.text + " [" + w.flag + "]\n";
      if (update_golden() && b.text != notes) b.text = notes, rewritten = true;
      CHECK(notes == b.text);
    }
  }
  if (effect == Effect::annotation) {
    Graph plain = graph->clone();
    CHECK(print(plain) == text);
  } else {
    const double db = agreement(original, *graph);
    double floor = 100;  // 1e-5
    const GoldenBlock* psnr = c.find("psnr");
    if (effect == Effect::lossy) REQUIRE(psnr);
    if (psnr) REQUIRE(parse_double(trim(psnr->header.substr(2)), &floor));
    INFO("agreement " << db << " dB");
    CHECK(db >= floor);
  }
  PassContext again;
  again.data = &samples;
  again.calibration = ctx.calibration;
  REQUIRE(run_recipe(*graph, *steps, again, {.verify_each = true}).ok());
  CHECK(print(*graph) == text);  // a second run changes nothing
  if (text.find("hash(") == std::string::npos) {
    auto parsed = parse_graph(text);
    if (!parsed.ok()) FAIL_CHECK(parsed.error().message);
    else CHECK(print(*parsed) == text);
  }
}

}  // namespace

TEST_CASE("passes do what their golden files say", "[passes]") {
  for (const std::string& path : golden_files("tests/passes")) {
    auto cases = read_golden(path, {"recipe", "graph", "after", "error", "notes", "psnr"});
    bool rewritten = false;
    for (GoldenCase& c : cases) {
      INFO(path << ":" << c.line << ": " << c.name);
      run_case(c, rewritten);
    }
    if (rewritten) rewrite_golden(path, cases);
  }
}

TEST_CASE("a block that never comes to rest ends with a note", "[passes]") {
  auto graph = parse_graph("graph g {\n in %x : f32[1,2,8,8]\n const %w : f32[4,2,3,3] = random(seed=1)\n %y : f32[1,4,6,6] = Conv(%x, %w)\n out %y\n}\n");
  REQUIRE(graph.ok());
  const auto steps = parse_recipe("repeat { to-channels-last; to-channels-first }", false);
  REQUIRE(steps.ok());
  PassContext ctx;
  REQUIRE(run_recipe(*graph, *steps, ctx, {}).ok());
  REQUIRE(!ctx.notes.empty());
  CHECK(ctx.notes.back().pass == "repeat");
  CHECK(verify(*graph).ok());
}

TEST_CASE("every pass has a golden file and a summary", "[passes]") {
  for (const NamedPass& p : all_passes()) {
    std::string stem = p.name;
    for (char& ch : stem)
      if (ch == '-') ch = '_';
    INFO(p.name);
    CHECK(std::filesystem::exists(std::filesystem::path(BANTAM_SOURCE_DIR) / "tests/passes" / p.chapter / (stem + ".golden")));
    CHECK(std::string(p.pass->summary).ends_with("."));
  }
}

}  // namespace bantam
