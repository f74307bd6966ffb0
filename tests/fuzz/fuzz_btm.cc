// SPDX-License-Identifier: Apache-2.0
// The reader of .btm files, on the device's side and on the tool's. Checksums are made right first, where
// the table of contents allows it: a fuzzer does not find them by chance, an attacker computes them.
#include <vector>

#include "format/format.h"
#include "fuzz/fuzz.h"
#include "runtime/crc.h"
#include "runtime/layout.h"
#include "runtime/self_test.h"
#include "runtime/session.h"

namespace bantam {
extern const Format format_native;

namespace {

void put_crc(std::vector<uint8_t>& bytes, size_t at, uint32_t crc) {
  for (size_t b = 0; b < 4; ++b) bytes[at + b] = static_cast<uint8_t>(crc >> (8 * b));
}

void repair(std::vector<uint8_t>& bytes) {
  if (bytes.size() < BT_HEADER_BYTES) return;
  const uint64_t sections = load_le(bytes.data() + 12, 4), size = bytes.size();
  if (sections > BT_SECTION_MAX || size - BT_HEADER_BYTES < sections * BT_SECTION_BYTES) return;
  for (size_t s = 0; s < sections; ++s) {
    const size_t entry = BT_HEADER_BYTES + s * BT_SECTION_BYTES;
    const uint64_t offset = load_le(bytes.data() + entry + 8, 8), length = load_le(bytes.data() + entry + 16, 8);
    if (offset <= size && length <= size - offset) put_crc(bytes, entry + 32, bt_crc32(bytes.data() + offset, length));
  }
  for (size_t b = 0; b < 8; ++b) bytes[16 + b] = static_cast<uint8_t>(size >> (8 * b));
  put_crc(bytes, 24, bt_crc32(bytes.data() + BT_HEADER_BYTES, sections * BT_SECTION_BYTES));
  put_crc(bytes, 60, bt_crc32(bytes.data(), 60));
}

void open_and_run(const Bytes& file) {
  bt_model* model = nullptr;
  if (bt_open(file.data(), file.size(), nullptr, &model) == BT_OK) {
    int count = 0, wrong = 0;
    const bt_session_options options = {.max_bytes = size_t{16} << 20, .max_turns = 100};
    if (bt_self_test(model, &options, &count, &wrong) == BT_INTERNAL) fuzz::fail(bt_last_error());
    bt_close(model);
  }
  (void)fuzz::refused(format_native.read(file, "x.btm", {}));
}

}  // namespace
}  // namespace bantam

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  bantam::open_and_run(bantam::fuzz::bytes_of(data, size));
  bantam::repair(bytes);
  bantam::open_and_run(bantam::fuzz::bytes_of(bytes.data(), bytes.size()));
  return 0;
}
