// SPDX-License-Identifier: Apache-2.0
// Tokens of the IR text and of recipes: words, numbers, quoted strings, single characters. Comments run
// from // (IR) or # (recipes) to the end of the line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace bantam {

struct Token {
  enum Kind { end, word, number, text, symbol } kind = end;
  std::string value;  // of a text: without quotes and escapes
  int line = 1, column = 1;
  bool newline_before = false;  // first token of its line
};

// One token of look-ahead. A word starts with a letter or '_' and goes on with letters, digits, '_',
// '.', '/', ':', and '-' (where `dashes`).
class Lexer {
 public:
  Lexer(std::string_view text, std::string_view comment, bool dashes);
  const Token& peek() const { return token_; }
  Token take();
  bool at(std::string_view symbol_or_word) const;
  // Takes the token if it is that one.
  bool accept(std::string_view symbol_or_word);
  Result<void> expect(std::string_view symbol_or_word);
  Result<std::string> expect_word(std::string_view what);
  Result<double> expect_number(std::string_view what);  // takes inf, -inf and nan as well
  // "line 3, column 7: ..."
  Error error(const std::string& message) const;
  Error error_at(const Token& token, const std::string& message) const;

 private:
  void advance();
  char look(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void step();

  std::string_view text_, comment_;
  bool dashes_;
  size_t at_ = 0;
  int line_ = 1, column_ = 1;
  Token token_;
  std::string broken_;  // why the current token is unreadable
};

}  // namespace bantam
