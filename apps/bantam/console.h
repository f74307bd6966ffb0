// SPDX-License-Identifier: Apache-2.0
// The only printer. Results go to standard output; progress, notes and warnings to standard error, so that
// a pipe gets results alone. Colour and progress only on a terminal (NO_COLOR is respected).
#pragma once

#include <string>

namespace bantam {

class Console {
 public:
  static Console& get();
  void configure(bool quiet, int verbosity);

  void print(const std::string& text);            // a result: standard output, whole lines
  void note(const std::string& text);             // not with --quiet
  void warn(const std::string& text);             // always
  void error(const std::string& text);            // always
  void debug(const std::string& text);            // with -v
  // Shows "calibrate [#####     ] 42 %  3 s left" on a terminal; nothing else. 1 ends the line.
  void progress(const std::string& what, double fraction);
  void clear_progress();
  bool colour_out() const { return colour_out_; }  // of standard output

 private:
  Console();
  bool quiet_ = false, terminal_err_ = false, colour_out_ = false, colour_err_ = false, shown_ = false;
  std::string what_;
  double started_ = 0, last_ = 0;
};

}  // namespace bantam
