// SPDX-License-Identifier: Apache-2.0
// .npy files: what is read can be written, and read again as the same tensor.
#include "data/npy.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bantam;
  const auto tensor = read_npy(fuzz::bytes_of(data, size));
  if (fuzz::refused(tensor)) return 0;
  auto written = write_npy(*tensor);
  if (!written.ok()) fuzz::fail("a tensor out of an .npy file cannot be written: " + written.error().message);
  const auto again = read_npy(Bytes(std::move(*written)));
  if (!again.ok() || !(*again == *tensor)) fuzz::fail("a written .npy file reads back differently");
  return 0;
}
