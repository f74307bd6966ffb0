// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/console.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

// spdlog brings fmt along; it is used here and nowhere else.
#define FMT_HEADER_ONLY
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace bantam {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Console& Console::get() {
  static Console console;
  return console;
}

Console::Console() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool may_colour = !(no_colour && no_colour[0]) && !(term && std::string(term) == "dumb");
  terminal_err_ = ::isatty(STDERR_FILENO) != 0;
  colour_out_ = may_colour && ::isatty(STDOUT_FILENO) != 0;
  colour_err_ = may_colour && terminal_err_;
  auto logger = spdlog::stderr_logger_st("bantam");
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

void Console::configure(bool quiet, int verbosity) {
  quiet_ = quiet;
  spdlog::set_level(verbosity > 0 ? spdlog::level::debug : spdlog::level::info);
}

void Console::print(const std::string& text) {
  clear_progress();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Console::note(const std::string& text) {
  if (quiet_) return;
  clear_progress();
  spdlog::info("{}", text);
}

void Console::warn(const std::string& text) {
  clear_progress();
  spdlog::warn("{}{}", colour_err_ ? "\x1b[33;1mwarning:\x1b[0m " : "warning: ", text);
}

void Console::error(const std::string& text) {
  clear_progress();
  spdlog::error("{}{}", colour_err_ ? "\x1b[31;1mbantam:\x1b[0m " : "bantam: ", text);
}

void Console::debug(const std::string& text) {
  clear_progress();
  spdlog::debug("{}", text);
}

void Console::progress(const std::string& what, double fraction) {
  if (quiet_ || !terminal_err_) return;
  const double t = now();
  if (what != what_) what_ = what, started_ = t, last_ = 0;
  if (t - last_ < 0.1 && fraction < 1) return;
  last_ = t;
  constexpr int kWidth = 24;
  const int filled = static_cast<int>(fraction * kWidth);
  const double left = fraction > 0.01 ? (t - started_) * (1 - fraction) / fraction : 0;
  std::fprintf(stderr, "\r%-12s [%.*s%*s] %3.0f %%  %.0f s left ", what.c_str(), filled, "########################", kWidth - filled, "", 100 * fraction, left);
  std::fflush(stderr);
  shown_ = true;
  if (fraction >= 1) clear_progress();
}

void Console::clear_progress() {
  if (!shown_) return;
  std::fprintf(stderr, "\r%*s\r", 78, "");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace bantam
