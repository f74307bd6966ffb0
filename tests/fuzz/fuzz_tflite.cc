// SPDX-License-Identifier: Apache-2.0
// The TensorFlow Lite reader, and all that stands behind it in a conversion.
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)bantam::fuzz::convert(bantam::fuzz::bytes_of(data, size), ".tflite");
  return 0;
}
