// SPDX-License-Identifier: Apache-2.0
#include "pass/recipe.h"

#include <algorithm>
#include <iterator>

#include "base/format.h"
#include "base/lexer.h"
#include "base/text.h"
#include "ir/op.h"

namespace bantam {
namespace {

constexpr int kRecipeVersion = 1;
constexpr int kDepth = 16;  // of blocks inside blocks

class Parser {
 public:
  explicit Parser(std::string_view text, int depth = 0) : lex_(text, "#", true), depth_(depth) {}

  Result<std::vector<Step>> run(bool is_file) {
    if (lex_.accept("recipe")) {
      TRY(const double version, lex_.expect_number("the version of the recipe"));
      if (version != kRecipeVersion) return lex_.error(formatted("recipes of version {} are known", kRecipeVersion));
    } else if (is_file) {
      return lex_.error("a recipe file starts with the line: recipe 1");
    }
    TRY(auto steps, block(0));
    return steps;
  }

 private:
  Result<std::vector<Step>> block(int depth) {
    if (depth > kDepth) return lex_.error(formatted("blocks are nested more than {} levels deep", kDepth));
    const bool inside = depth > 0;
    std::vector<Step> steps;
    for (;;) {
      while (lex_.accept(";")) {
      }
      if (inside && lex_.accept("}")) return steps;
      if (lex_.peek().kind == Token::end) {
        if (inside) return lex_.error("\"}\" is missing");
        return steps;
      }
      if (lex_.accept("include")) {
        TRY(auto included, included_steps(depth));
        std::move(included.begin(), included.end(), std::back_inserter(steps));
      } else {
        TRY(Step s, step(depth));
        steps.push_back(std::move(s));
      }
      if (!lex_.at(";") && !lex_.at("}") && lex_.peek().kind != Token::end && !lex_.peek().newline_before)
        return lex_.error(formatted("a step ends with ';' or at the end of a line; {} found", quote(lex_.peek().value)));
    }
  }

  // Of a built-in recipe; depth bounds recipes that include each other.
  Result<std::vector<Step>> included_steps(int depth) {
    const Token where = lex_.peek();
    TRY(const std::string name, lex_.expect_word("the name of a recipe"));
    const auto it = all_recipes().find(name);
    if (it == all_recipes().end()) {
      std::vector<std::string> names;
      for (const auto& [known, text] : all_recipes()) names.push_back(known);
      return lex_.error_at(where, formatted("there is no recipe {}{}", quote(name), suggestion(name, names)));
    }
    if (depth_ + depth > kDepth) return lex_.error_at(where, formatted("recipes include each other more than {} levels deep", kDepth));
    return within("recipe " + name, Parser(it->second, depth_ + depth + 1).run(true));
  }

  Result<Step> step(int depth) {
    Step s;
    s.line = lex_.peek().line;
    s.column = lex_.peek().column;
    if (lex_.accept("repeat")) {
      TRY(lex_.expect("{"));
      TRY(s.block, block(depth + 1));
      return s;
    }
    const Token where = lex_.peek();
    TRY(const std::string name, lex_.expect_word("the name of a pass"));
    s.pass = find_pass(name);
    if (!s.pass) {
      std::vector<std::string> names;
      for (const NamedPass& p : all_passes()) names.push_back(p.name);
      return lex_.error_at(where, formatted("unknown pass {}{}", quote(name), suggestion(name, names)));
    }
    if (lex_.accept("(")) TRY(arguments(s.arguments));
    if (auto expanded = s.pass->pass->expand(s.arguments); !expanded.ok())
      return lex_.error_at(where, formatted("{}: {}", name, expanded.error().message));
    if (lex_.accept("on")) TRY(selector(s));
    return s;
  }

  Result<void> arguments(Arguments& out) {
    while (!lex_.accept(")")) {
      TRY(const std::string name, lex_.expect_word("the name of an option"));
      TRY(lex_.expect("="));
      const Token value = lex_.take();
      if (value.kind == Token::end || value.kind == Token::symbol)
        return lex_.error_at(value, "a value is expected");
      out.emplace_back(name, value.value);
      if (!lex_.at(")")) TRY(lex_.expect(","));
    }
    return {};
  }

  Result<void> selector(Step& s) {
    s.has_selector = true;
    s.selector.negated = lex_.accept("not");
    const Token t = lex_.take();
    if (t.kind == Token::text) {
      s.selector.glob = t.value;
    } else if (t.kind == Token::word && t.value.starts_with("op:")) {
      s.selector.op = t.value.substr(3);
      if (!find_op(s.selector.op))
        return lex_.error_at(t, formatted("there is no operator {}{}", quote(s.selector.op), suggestion(s.selector.op, op_names())));
    } else {
      return lex_.error_at(t, "a selector is op:Name or a quoted pattern of node names");
    }
    return {};
  }

  Lexer lex_;
  int depth_;  // of inclusion
};

bool is_bare(const std::string& value) {
  double ignored = 0;
  if (parse_double(value, &ignored)) return true;
  if (value.empty() || !std::isalpha(static_cast<unsigned char>(value[0]))) return false;
  for (const char c : value)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.' && c != '-') return false;
  return true;
}

Result<void> print_steps(const std::vector<Step>& steps, const std::string& indent, std::string& out) {
  for (const Step& s : steps) {
    if (!s.pass) {
      out += indent + "repeat {\n";
      TRY(print_steps(s.block, indent + "  ", out));
      out += indent + "}\n";
      continue;
    }
    TRY(const Arguments all, s.pass->pass->expand(s.arguments));
    out += indent + s.pass->name;
    for (size_t i = 0; i < all.size(); ++i)
      out += (i ? ", " : "(") + all[i].first + "=" + (is_bare(all[i].second) ? all[i].second : '"' + printable(all[i].second) + '"');
    if (!all.empty()) out += ")";
    if (s.has_selector) out += " on " + s.selector.text();
    out += "\n";
  }
  return {};
}

}  // namespace

Result<std::vector<Step>> parse_recipe(std::string_view text, bool is_file) { return Parser(text).run(is_file); }

Result<std::string> expand_recipe(const std::vector<Step>& steps) {
  std::string out = formatted("recipe {}\n", kRecipeVersion);
  TRY(print_steps(steps, "", out));
  return out;
}

}  // namespace bantam
