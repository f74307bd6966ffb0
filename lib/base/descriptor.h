// SPDX-License-Identifier: Apache-2.0
// What the files of this room that call the system share.
#pragma once

#include <unistd.h>

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace bantam {

// "cannot open "net.onnx": No such file or directory", from errno.
Error io_error(const std::string& what, const std::string& path);

// The first `size` bytes of an open file, which may be closed afterwards. `path` is for the message.
Result<Bytes> map_file(int file, size_t size, const std::string& path);

// Closes a file when it goes out of scope.
struct Descriptor {
  int fd;
  explicit Descriptor(int file) : fd(file) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace bantam
