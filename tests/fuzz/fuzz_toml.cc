// SPDX-License-Identifier: Apache-2.0
// Descriptions of data sets, and of devices.
#include "data/data_file.h"
#include "device/device.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bantam::fuzz::with_file(data, size, [](const std::string& path) {
    (void)bantam::fuzz::refused(bantam::read_data_file(path));
    (void)bantam::fuzz::refused(bantam::read_device(path));
  });
  return 0;
}
