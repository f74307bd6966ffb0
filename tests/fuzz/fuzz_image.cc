// SPDX-License-Identifier: Apache-2.0
// Pictures: JPEG and PNG.
#include "data/image.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)bantam::fuzz::refused(bantam::decode_image(bantam::fuzz::bytes_of(data, size)));
  return 0;
}
