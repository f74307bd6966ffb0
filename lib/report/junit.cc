// SPDX-License-Identifier: Apache-2.0
// The gates of a comparison as JUnit XML, which CI servers show as tests.
#include "base/format.h"
#include "base/text.h"
#include "report/forms.h"
#include "report/report.h"

namespace bantam {

std::string to_junit(const Report& r) {
  size_t missed = 0;
  for (const GateRow& g : r.gates) missed += !g.met;
  const std::string suite = escape_html(printable(r.model) + " against " + printable(r.source));
  std::string out = formatted("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{0}\" failures=\"{1}\">\n <testsuite name=\"{2}\" tests=\"{0}\" failures=\"{1}\">\n",
                              r.gates.size(), missed, suite);
  for (const GateRow& g : r.gates) {
    out += formatted("  <testcase classname=\"{}\" name=\"{}\"", suite, escape_html(g.text));
    out += g.met ? "/>\n" : formatted(">\n   <failure message=\"{}\"/>\n  </testcase>\n", escape_html(g.detail));
  }
  return out + formatted("  <system-out>{}</system-out>\n </testsuite>\n</testsuites>\n", escape_html(headline(r)));
}

}  // namespace bantam
