// SPDX-License-Identifier: Apache-2.0
// What every fuzz target asks of the code under test: input may be refused, but never with an error that
// means a bug of bantam's, without words, or with bytes that a terminal obeys. See docs/fuzzing.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

// The entry of a fuzz target. Where libFuzzer is not there, the build gives each its file's name.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace bantam::fuzz {

// Stops the process (abort) with the text on stderr.
[[noreturn]] void fail(const std::string& what);

// An error that input may cause.
void check(const Error& error);
template <typename T>
bool refused(const Result<T>& result) {
  if (!result.ok()) check(result.error());
  return !result.ok();
}

// A copy of the input: readers must not look past its end, and a sanitizer sees it if they do.
Bytes bytes_of(const uint8_t* data, size_t size);

// Calls `use` with the path of a file (in memory) that holds the input.
void with_file(const uint8_t* data, size_t size, const std::function<void(const std::string&)>& use);

// A model in, .btm out, as `bantam convert --preset exact` does it, with small limits: what was written must
// open, read back, and compute the same bits. Returns the exit code that the tool would give. Without a
// suffix (".onnx", ".tflite") the content decides.
int convert(const Bytes& file, const std::string& suffix);
int convert(const Bytes& file);

}  // namespace bantam::fuzz
