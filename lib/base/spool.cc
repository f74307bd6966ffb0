// SPDX-License-Identifier: Apache-2.0
#include "base/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/descriptor.h"

namespace bantam {
namespace {

constexpr size_t kPart = size_t{16} << 20;

std::string folder() {
  const char* named = std::getenv("TMPDIR");
  return named && *named ? named : "/tmp";
}

int open_nameless() {
  std::string path = folder() + "/bantam-XXXXXX";
  const int fd = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd >= 0) ::unlink(path.c_str());
  return fd;
}

}  // namespace

Spool::~Spool() {
  if (file_ >= 0) ::close(file_);
}

void Spool::flush() {
  if (file_ < 0 && !in_memory_) {
    file_ = open_nameless();
    in_memory_ = file_ < 0;
  }
  if (in_memory_) return;
  for (size_t at = 0; at < memory_.size() && !failed_;) {
    const ssize_t n = ::write(file_, memory_.data() + at, memory_.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) failed_ = n < 0 ? errno : ENOSPC;
    else at += static_cast<size_t>(n);
  }
  written_ += memory_.size();
  memory_.clear();
}

void Spool::append(const void* data, size_t size) {
  const auto* p = static_cast<const uint8_t*>(data);
  while (size > 0 && !failed_) {
    const size_t n = std::min(size, kPart);
    memory_.insert(memory_.end(), p, p + n);
    p += n;
    size -= n;
    if (memory_.size() >= most_) flush();
  }
}

void Spool::append(const Bytes& bytes) {
  for (size_t at = 0; at < bytes.size(); at += kPart) {
    const Bytes part = bytes.part(at, std::min(kPart, bytes.size() - at));
    append(part.data(), part.size());
    part.rest();
  }
}

Result<Bytes> Spool::finish() && {
  if (file_ < 0) return Bytes(std::move(memory_));
  flush();
  errno = failed_;
  if (failed_) return io_error("write a temporary file in", folder());
  return map_file(file_, written_, folder());
}

Result<Bytes> spooled(const Bytes& bytes, size_t most) {
  if (bytes.size() < most) return bytes;
  Spool spool(most);
  spool.append(bytes);
  return std::move(spool).finish();
}

}  // namespace bantam
