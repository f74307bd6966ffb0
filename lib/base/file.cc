// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

Error io_error(const std::string& what, const std::string& path) {
  return {Code::io, formatted("cannot {} {}: {}", what, quote(path), std::strerror(errno))};
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// What a signal handler may read: fixed slots of paths, filled before the file is made.
constexpr int kSlots = 64;
constexpr size_t kPathMax = 1024;
char g_paths[kSlots][kPathMax];
std::atomic<bool> g_used[kSlots];

void remember(const std::string& path) {
  if (path.size() >= kPathMax) return;
  for (int i = 0; i < kSlots; ++i) {
    if (g_used[i].load()) continue;
    std::memcpy(g_paths[i], path.c_str(), path.size() + 1);
    g_used[i].store(true);
    return;
  }
}

void forget(const std::string& path) {
  for (int i = 0; i < kSlots; ++i)
    if (g_used[i].load() && path == g_paths[i]) g_used[i].store(false);
}

void on_signal(int number) {
  for (int i = 0; i < kSlots; ++i)
    if (g_used[i].load()) ::unlink(g_paths[i]);
  ::signal(number, SIG_DFL);
  ::raise(number);
}

Result<void> write_all(int fd, const void* data, size_t size, const std::string& path) {
  const auto* p = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(fd, p, std::min(size, size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return io_error("write", path);
    p += n;
    size -= static_cast<size_t>(n);
  }
  return {};
}

}  // namespace

void remove_temporaries_on_signal() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, on_signal);
}

Result<Bytes> read_file(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return io_error("open", path);
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return io_error("examine", path);
  if (!S_ISREG(info.st_mode))
    return Error{Code::io, formatted("cannot read {}: it is not a regular file", quote(path))};
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return Bytes();
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) return io_error("map", path);
  std::shared_ptr<const void> owner(data, [size](const void* p) {
    ::munmap(const_cast<void*>(p), size);
  });
  return Bytes(data, size, std::move(owner));
}

Result<uint64_t> file_size(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return io_error("examine", path);
  if (!S_ISREG(info.st_mode))
    return Error{Code::io, formatted("{} is not a regular file", quote(path))};
  return static_cast<uint64_t>(info.st_size);
}

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<std::vector<std::string>> list_files(const std::string& folder) {
  DIR* dir = ::opendir(folder.c_str());
  if (!dir) return io_error("open the folder", folder);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir)) {
    struct stat info {};
    const std::string path = folder + "/" + entry->d_name;
    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) names.emplace_back(entry->d_name);
  }
  ::closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> make_directory(const std::string& path) {
  for (size_t at = 1; at <= path.size(); ++at) {
    if (at < path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) return io_error("make the folder", part);
  }
  if (!is_directory(path))
    return Error{Code::io, formatted("{} exists and is not a folder", quote(path))};
  return {};
}

OutputFiles::~OutputFiles() {
  for (const Pending& p : pending_) {
    ::unlink(p.temporary.c_str());
    forget(p.temporary);
  }
}

Result<void> OutputFiles::write(const std::string& path, const void* data, size_t size) {
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode))
    return Error{Code::io, formatted("cannot write {}: it is a folder", quote(path))};
  if (exists && !S_ISREG(info.st_mode)) {  // a device such as /dev/null, or a pipe: no renaming
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (file.fd < 0) return io_error("open", path);
    return write_all(file.fd, data, size, path);
  }
  const std::string temporary = path + ".bantam-tmp";
  remember(temporary);
  pending_.push_back({temporary, path});
  const Descriptor file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666)};
  if (file.fd < 0) {
    const Error error = io_error("write", path);
    forget(temporary);
    pending_.pop_back();
    return error;
  }
  TRY(write_all(file.fd, data, size, path));
  if (::fsync(file.fd) != 0 && errno != EINVAL) return io_error("write", path);
  return {};
}

Result<void> OutputFiles::commit() {
  while (!pending_.empty()) {
    const Pending p = pending_.front();
    if (::rename(p.temporary.c_str(), p.target.c_str()) != 0) return io_error("replace", p.target);
    forget(p.temporary);
    pending_.erase(pending_.begin());
  }
  return {};
}

}  // namespace bantam
