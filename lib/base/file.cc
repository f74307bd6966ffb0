// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

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
// Temporary files are held open, for their locks, until they have their final names.
std::map<std::string, int> g_open;

void remember(const std::string& path, int fd) {
  g_open[path] = fd;
  if (path.size() >= kPathMax) return;
  for (int i = 0; i < kSlots; ++i) {
    if (g_used[i].load()) continue;
    std::memcpy(g_paths[i], path.c_str(), path.size() + 1);
    g_used[i].store(true);
    return;
  }
}

void forget(const std::string& path) {
  if (const auto it = g_open.find(path); it != g_open.end()) {
    ::close(it->second);
    g_open.erase(it);
  }
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
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU}) ::signal(number, on_signal);
  ::signal(SIGXFSZ, SIG_IGN);
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

namespace {

// Holds signals back while it lives: between the making of a file and its being remembered.
class SignalsLater {
 public:
  SignalsLater() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  SignalsLater(const SignalsLater&) = delete;
  SignalsLater& operator=(const SignalsLater&) = delete;
  ~SignalsLater() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// An empty file under the temporary name, locked. A lock ends with its process, so a file that a killed
// run left behind is free to be taken over.
Result<int> open_temporary(const std::string& temporary, const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  const SignalsLater guard;
  for (;;) {
    Descriptor file{::open(temporary.c_str(), kFlags, 0666)};
    struct stat own {}, named {};
    if (file.fd < 0 || ::fstat(file.fd, &own) != 0) return io_error("write", path);
    if (!S_ISREG(own.st_mode))
      return Error{Code::io, formatted("cannot write {}: {} is in the way", quote(path), quote(temporary))};
    if (::flock(file.fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)  // some file systems have no locks
      return Error{Code::io, formatted("cannot write {}: another run is writing it", quote(path))};
    // whoever held the lock before may have renamed the file in the meantime
    if (::lstat(temporary.c_str(), &named) != 0 || named.st_ino != own.st_ino || named.st_dev != own.st_dev) continue;
    const int fd = std::exchange(file.fd, -1);
    remember(temporary, fd);
    if (::ftruncate(fd, 0) == 0) return fd;
    const Error error = io_error("write", path);
    ::unlink(temporary.c_str());
    forget(temporary);
    return error;
  }
}

}  // namespace

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
  TRY(const int fd, open_temporary(temporary, path));
  pending_.push_back({temporary, path});
  TRY(write_all(fd, data, size, path));
  if (::fsync(fd) != 0 && errno != EINVAL) return io_error("write", path);
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
