// SPDX-License-Identifier: Apache-2.0
// Bytes come back as they were written, whether they stayed in memory or went through a file.
#include <cstdlib>

#include "base/spool.h"
#include "catch.h"

namespace bantam {
namespace {

std::vector<uint8_t> pattern(size_t n) {
  std::vector<uint8_t> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  return out;
}

// Sets a variable of the environment, and puts it back.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name), before_(std::getenv(name) ? std::getenv(name) : "") { ::setenv(name, value, 1); }
  ~Variable() { before_.empty() ? ::unsetenv(name_) : ::setenv(name_, before_.c_str(), 1); }

 private:
  const char* name_;
  std::string before_;
};

Bytes through(const std::vector<uint8_t>& bytes, size_t at_once) {
  Spool spool;
  for (size_t at = 0; at < bytes.size(); at += at_once) spool.append(bytes.data() + at, std::min(at_once, bytes.size() - at));
  CHECK(spool.size() == bytes.size());
  auto out = std::move(spool).finish();
  if (!out.ok()) FAIL(out.error().message);
  return *out;
}

TEST_CASE("few bytes and many come back as they were", "[base]") {
  for (const size_t n : {size_t{0}, size_t{1000}, 2 * Spool::kInMemory + 12345}) {
    const auto bytes = pattern(n);
    const Bytes back = through(bytes, 7'000'000);
    CHECK((back == Bytes(std::vector<uint8_t>(bytes))));
    back.rest();
    CHECK((back == Bytes(std::vector<uint8_t>(bytes))));  // read again from the file
    CHECK((*spooled(back) == back));
  }
}

TEST_CASE("without a folder for temporary files bytes stay in memory", "[base]") {
  const Variable folder("TMPDIR", "/nonexistent");
  const auto bytes = pattern(Spool::kInMemory * 2 + 1);
  CHECK((through(bytes, bytes.size()) == Bytes(std::vector<uint8_t>(bytes))));
}

TEST_CASE("parts of a file may rest on their own", "[base]") {
  const auto bytes = pattern(Spool::kInMemory + 5000);
  const Bytes all = through(bytes, bytes.size());
  all.part(1, 100).rest();  // less than a page: nothing happens
  all.part(4097, 12345).rest();
  CHECK((all == Bytes(std::vector<uint8_t>(bytes))));
}

}  // namespace
}  // namespace bantam
