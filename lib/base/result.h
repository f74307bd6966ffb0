// SPDX-License-Identifier: Apache-2.0
// Errors as values. A function that can fail returns Result<T> (Result<void> where there is nothing
// to return); TRY passes a failure on. Nothing in lib throws, prints or exits. TRY with a declaration is
// two statements: give it braces behind an `if`.
//
//   Result<Graph> read(const Bytes& file) {
//     TRY(auto header, read_header(file));   // declares `header`, or returns the error
//     TRY(check(header));
//     return Graph(...);
//   }
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace bantam {

// The kinds are stable: they become the exit codes of the program (docs/errors.md).
enum class Code {
  gate,         // 1: the result is there, but a limit that the user set was missed
  usage,        // 2: a command line or a recipe is wrong
  bad_input,    // 3: a file is damaged or not what it claims
  unsupported,  // 4: well-formed, but not handled
  io,           // 5: cannot read or write
  internal,     // 70: a bug of bantam
};

struct Error {
  Code code = Code::internal;
  std::string message;  // one full sentence: what, where, found, expected, what to do
};

int exit_code(Code code);

// True where the text is safe for a terminal and a log: no control bytes. Errors are built from
// quoted names (base/text.h), so this holds for all of them.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  const T& operator*() const& { return value(); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}
  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  void value() const {}
  const Error& error() const { return error_; }

 private:
  bool failed_ = false;
  Error error_;
};

// Puts a place in front of a message: "net.onnx: ...".
template <typename T>
Result<T> within(const std::string& place, Result<T> result) {
  if (result.ok()) return result;
  return Error{result.error().code, place + ": " + result.error().message};
}

#define BANTAM_JOIN_(a, b) a##b
#define BANTAM_JOIN(a, b) BANTAM_JOIN_(a, b)
#define BANTAM_TRY_1(expression) BANTAM_TRY_CHECK(BANTAM_JOIN(try_, __COUNTER__), expression)
#define BANTAM_TRY_CHECK(result, expression)                 \
  do {                                                       \
    auto result = (expression);                              \
    if (!result.ok()) return ::bantam::Error(result.error()); \
  } while (false)
#define BANTAM_TRY_2(declaration, expression) \
  BANTAM_TRY_AS(BANTAM_JOIN(try_, __COUNTER__), declaration, expression)
#define BANTAM_TRY_AS(result, declaration, expression)    \
  auto result = (expression);                             \
  if (!result.ok()) return ::bantam::Error(result.error()); \
  declaration = std::move(result).value()
#define BANTAM_TRY_PICK(a, b, name, ...) name
#define TRY(...) BANTAM_TRY_PICK(__VA_ARGS__, BANTAM_TRY_2, BANTAM_TRY_1, )(__VA_ARGS__)

}  // namespace bantam
