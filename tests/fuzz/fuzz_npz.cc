// SPDX-License-Identifier: Apache-2.0
// .npz files: the zip directory, and every array in it.
#include "data/npy.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bantam;
  const auto npz = Npz::open(fuzz::bytes_of(data, size));
  if (fuzz::refused(npz)) return 0;
  size_t left = 16;  // arrays; a directory can name the same bytes any number of times
  for (const std::string& name : npz->names()) {
    if (left-- == 0) break;
    const auto member = npz->member(name);
    if (!fuzz::refused(member)) (void)fuzz::refused(read_npy(*member));
  }
  return 0;
}
