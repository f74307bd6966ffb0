// SPDX-License-Identifier: Apache-2.0
// bantam list: passes, operators, formats, recipes and kernel sets; also writes docs/generated.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/bantam/checks.h"
#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/options.h"
#include "base/format.h"
#include "base/text.h"
#include "format/format.h"
#include "ir/op.h"
#include "kernels/kernels.h"
#include "pass/pass.h"
#include "report/table.h"

namespace bantam {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  CommonOptions common;
  std::string what;
  bool markdown = false;
};

const char* effect_name(Effect e) { return e == Effect::exact ? "exact" : e == Effect::lossy ? "lossy" : "annotation"; }

Arguments defaults_of(const NamedPass& p) { return p.pass->expand({}).value(); }

std::string default_of(const OptionList::Entry& entry, const Arguments& defaults) {
  for (const auto& [name, value] : defaults)
    if (name == entry.name) return value;
  return "";
}

std::string passes_markdown() {
  std::string out = "# Passes\n\nWritten by `bantam list passes --markdown`.\n";
  std::string chapter;
  for (const NamedPass& p : all_passes()) {
    if (p.chapter != chapter) out += "\n## " + p.chapter + "\n";
    chapter = p.chapter;
    out += formatted("\n### {}\n\n{} Effect: {}.\n", p.name, p.pass->summary, effect_name(p.pass->effect));
    const Arguments defaults = defaults_of(p);
    TextTable t({"option", "default", "allowed", "meaning"});
    for (const auto& e : p.pass->options()) t.row({e.name, default_of(e, defaults), e.allowed, e.help});
    if (t.rows()) out += "\n" + t.markdown();
  }
  return out;
}

TextTable passes_table() {
  TextTable t({"pass", "chapter", "effect", "options", "what it does"});
  for (const NamedPass& p : all_passes()) {
    std::vector<std::string> options;
    for (const auto& [name, value] : defaults_of(p)) options.push_back(name + "=" + value);
    t.row({p.name, p.chapter, effect_name(p.pass->effect), join(options, ", "), p.pass->summary});
  }
  return t;
}

std::string attr_text(const bt_attr_spec& s) {
  static constexpr const char* kKinds[] = {"?", "int", "float", "word", "text", "ints", "floats", "texts", "tensor", "graph"};
  std::string text = formatted("{} {}", kKinds[s.kind], s.name);
  if (s.required) return text;
  if (s.kind == BT_INT) text += formatted("={}", s.i);
  if (s.kind == BT_FLOAT) text += "=" + shortest(s.f);
  if (s.kind == BT_ENUM) text += "=" + word_at(s, s.i);
  return text;
}

TextTable ops_table() {
  TextTable t({"operator", "library", "integers", "what it computes", "attributes"});
  static constexpr const char* kQuant[] = {"", "products", "moves", "moves", "arithmetic", "table"};
  for (const bt_op* op : all_ops()) {
    std::vector<std::string> attrs;
    for (const bt_attr_spec* s = op->attrs; s && s->name; ++s) attrs.push_back(attr_text(*s));
    t.row({op->name, op->flags & BT_OP_EXTRA ? "extra" : "core", kQuant[op->quant], op->summary, join(attrs, ", ")});
  }
  return t;
}

TextTable formats_table() {
  TextTable t({"format", "suffix", "what it is"});
  for (const Format* f : all_formats()) t.row({f->name, f->suffix, f->summary});
  return t;
}

// The first comment line of a recipe is its summary.
TextTable recipes_table() {
  TextTable t({"recipe", "what it does"});
  for (const auto& [name, text] : all_recipes()) {
    std::string summary;
    for (const std::string& line : split(text, '\n'))
      if (summary.empty() && line.starts_with("# ")) summary = line.substr(2);
    t.row({name, summary});
  }
  return t;
}

TextTable kernels_table() {
  TextTable t({"kernels", "here"});
  for (int i = 0; bt_kernels_known(i); ++i)
    t.row({bt_kernels_known(i), !bt_kernels_named(bt_kernels_known(i)) ? "cannot run" : bt_kernels_known(i) == std::string(bt_kernels_best()->name) ? "runs, default" : "runs"});
  return t;
}

Json names(const std::string& what) {
  Json list = Json::array();
  if (what == "kernels")
    for (int i = 0; bt_kernels_at(i); ++i) list.push_back(bt_kernels_at(i)->name);
  if (what == "formats")
    for (const Format* f : all_formats()) list.push_back({{"name", f->name}, {"suffix", f->suffix}, {"summary", f->summary}});
  if (what == "recipes")
    for (const auto& [name, text] : all_recipes()) list.push_back({{"name", name}, {"text", text}});
  if (what == "operators")
    for (const bt_op* op : all_ops()) list.push_back({{"name", op->name}, {"extra", (op->flags & BT_OP_EXTRA) != 0}, {"summary", op->summary}});
  if (what == "passes")
    for (const NamedPass& p : all_passes()) {
      Json options = Json::object();
      for (const auto& [name, value] : defaults_of(p)) options[name] = value;
      list.push_back({{"name", p.name}, {"chapter", p.chapter}, {"effect", effect_name(p.pass->effect)}, {"summary", p.pass->summary}, {"options", options}});
    }
  return list;
}

Result<int> run(const Options& o) {
  o.common.apply();
  // BANTAM_KERNELS is checked here as everywhere: a wrong name must not look as if it worked
  TRY(check_kernels_environment());
  Console& console = Console::get();
  if (o.common.json) {
    console.print(names(o.what).dump(1) + "\n");
    return 0;
  }
  if (o.markdown && o.what == "passes") {
    console.print(passes_markdown());
    return 0;
  }
  const TextTable table = o.what == "passes" ? passes_table() : o.what == "operators" ? ops_table() : o.what == "formats" ? formats_table()
                        : o.what == "recipes" ? recipes_table() : kernels_table();
  if (o.markdown) {
    std::string title = o.what;
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    console.print("# " + title + "\n\nWritten by `bantam list " + o.what + " --markdown`.\n\n" + table.markdown());
  } else {
    console.print(table.text(""));
  }
  return 0;
}

}  // namespace

void add_list(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App* cmd = app.add_subcommand("list", "List passes, operators, formats, recipes or kernel sets");
  cmd->add_option("what", o->what, "passes, operators, formats, recipes or kernels")->required()->check(one_of({"passes", "operators", "formats", "recipes", "kernels"}));
  cmd->add_flag("--markdown", o->markdown, "as documentation");
  add_common(*cmd, o->common);
  cmd->footer("Examples:\n  bantam list passes\n  bantam list kernels --json");
  cmd->callback([&action, o] { action = [o] { return run(*o); }; });
}

}  // namespace bantam
