// SPDX-License-Identifier: Apache-2.0
#include "base/lexer.h"

#include <cctype>
#include <limits>

#include "base/format.h"
#include "base/text.h"

namespace bantam {

Lexer::Lexer(std::string_view text, std::string_view comment, bool dashes)
    : text_(text), comment_(comment), dashes_(dashes) {
  advance();
}

void Lexer::step() {
  if (look() == '\n') ++line_, column_ = 1;
  else ++column_;
  ++at_;
}

void Lexer::advance() {
  bool newline = at_ == 0;
  for (;;) {
    while (std::isspace(static_cast<unsigned char>(look()))) {
      newline = newline || look() == '\n';
      step();
    }
    if (text_.substr(at_, comment_.size()) != comment_ || at_ >= text_.size()) break;
    while (look() != '\n' && at_ < text_.size()) step();
  }
  token_ = {.line = line_, .column = column_, .newline_before = newline};
  broken_.clear();
  if (at_ >= text_.size()) return;
  const auto is_alpha = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; };
  const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  const char c = look();
  if (c == '"') {
    token_.kind = Token::text;
    step();
    while (at_ < text_.size() && look() != '"' && look() != '\n') {
      if (look() != '\\') {
        token_.value += look();
        step();
        continue;
      }
      step();
      if (look() == 'x' && std::isxdigit(static_cast<unsigned char>(look(1))) && std::isxdigit(static_cast<unsigned char>(look(2)))) {
        token_.value += static_cast<char>(std::stoi(std::string{look(1), look(2)}, nullptr, 16));
        step(), step(), step();
      } else if (look() == 'u' && look(1) == '{') {
        token_.value += '\\';  // \u{...} marks an invisible character; it stays as it is written
      } else if (at_ < text_.size()) {
        token_.value += look();
        step();
      }
    }
    if (look() != '"') broken_ = "a quoted text has no end";
    else step();
  } else if (is_alpha(c)) {
    token_.kind = Token::word;
    while (is_alpha(look()) || is_digit(look()) || look() == '.' || look() == '/' || look() == ':' ||
           (dashes_ && look() == '-' && is_alpha(look(1)))) {
      token_.value += look();
      step();
    }
  } else if (is_digit(c) || ((c == '-' || c == '+') && (is_digit(look(1)) || look(1) == '.')) || (c == '.' && is_digit(look(1)))) {
    token_.kind = Token::number;
    do {
      token_.value += look();
      step();
    } while (is_digit(look()) || look() == '.' || look() == 'e' || look() == 'E' ||
             ((look() == '-' || look() == '+') && (token_.value.back() == 'e' || token_.value.back() == 'E')));
  } else {
    token_.kind = Token::symbol;
    token_.value = c;
    step();
    if (c == '-' && look() == '>') token_.value += look(), step();
  }
}

Token Lexer::take() {
  Token t = token_;
  advance();
  return t;
}

bool Lexer::at(std::string_view wanted) const {
  return (token_.kind == Token::symbol || token_.kind == Token::word) && token_.value == wanted;
}

bool Lexer::accept(std::string_view wanted) {
  if (!at(wanted)) return false;
  advance();
  return true;
}

Result<void> Lexer::expect(std::string_view wanted) {
  if (accept(wanted)) return {};
  return error(formatted("\"{}\" expected, {} found", wanted, token_.kind == Token::end ? "the end" : quote(token_.value)));
}

Result<std::string> Lexer::expect_word(std::string_view what) {
  if (token_.kind == Token::word) return take().value;
  return error(formatted("{} expected, {} found", what, token_.kind == Token::end ? "the end" : quote(token_.value)));
}

Result<double> Lexer::expect_number(std::string_view what) {
  const bool minus = at("-");
  if (minus) advance();
  double value = 0;
  if (accept("inf")) value = std::numeric_limits<double>::infinity();
  else if (accept("nan")) value = std::numeric_limits<double>::quiet_NaN();
  else if (token_.kind == Token::number && parse_double(token_.value, &value)) advance();
  else return error(formatted("{} expected, {} found", what, token_.kind == Token::end ? "the end" : quote(token_.value)));
  return minus ? -value : value;
}

Error Lexer::error(const std::string& message) const { return error_at(token_, message); }

Error Lexer::error_at(const Token& token, const std::string& message) const {
  return {Code::usage, formatted("line {}, column {}: {}", token.line, token.column, broken_.empty() ? message : broken_)};
}

}  // namespace bantam
