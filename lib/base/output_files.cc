// SPDX-License-Identifier: Apache-2.0
// OutputFiles: files and folders that appear whole, or not at all.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <utility>

#include "base/descriptor.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

// What a signal handler may read: fixed slots of paths, filled before the file is made.
constexpr int kSlots = 64;
constexpr size_t kPathMax = 1024;
char g_paths[kSlots][kPathMax];
std::atomic<bool> g_used[kSlots];
// Temporary files are held open, for their locks, until they have their final names.
std::map<std::string, int> g_open;

void remember(const std::string& path) {
  if (path.size() >= kPathMax) return;
  for (int i = 0; i < kSlots; ++i) {
    if (g_used[i].load()) continue;
    std::memcpy(g_paths[i], path.c_str(), path.size() + 1);
    g_used[i].store(true);
    return;
  }
}

// The path, and what lies inside where it is a folder.
void forget(const std::string& path) {
  if (const auto it = g_open.find(path); it != g_open.end()) {
    ::close(it->second);
    g_open.erase(it);
  }
  const std::string inside = path + "/";
  for (int i = 0; i < kSlots; ++i)
    if (g_used[i].load() && (path == g_paths[i] || std::strncmp(g_paths[i], inside.c_str(), inside.size()) == 0)) g_used[i].store(false);
}

void on_signal(int number) {
  for (int i = 0; i < kSlots; ++i)
    if (g_used[i].load()) ::unlink(g_paths[i]);
  constexpr int kLevels = 8;  // of folders, which are empty from the innermost outwards
  for (int level = 0; level < kLevels; ++level)
    for (int i = 0; i < kSlots; ++i)
      if (g_used[i].load()) ::rmdir(g_paths[i]);
  ::signal(number, SIG_DFL);
  ::raise(number);
}

Result<void> write_all(int fd, const Bytes& data, const std::string& path) {
  constexpr size_t kPart = size_t{16} << 20;
  for (size_t at = 0; at < data.size();) {
    const Bytes part = data.part(at, std::min(kPart, data.size() - at));
    const ssize_t n = ::write(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return io_error("write", path);
    at += static_cast<size_t>(n);
    part.rest();
  }
  return {};
}

}  // namespace

void remove_temporaries_on_signal() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU}) ::signal(number, on_signal);
  ::signal(SIGXFSZ, SIG_IGN);
}

namespace {

// Everything in a folder. Links are removed, not followed.
void remove_inside(const std::string& folder) {
  DIR* dir = ::opendir(folder.c_str());
  if (!dir) return;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir))
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.emplace_back(entry->d_name);
  ::closedir(dir);
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      remove_inside(path);
      ::rmdir(path.c_str());
    } else {
      ::unlink(path.c_str());
    }
  }
}

void remove_temporary(const std::string& path, bool folder) {
  if (folder) {
    remove_inside(path);
    ::rmdir(path.c_str());
  } else {
    ::unlink(path.c_str());
  }
  forget(path);
}

}  // namespace

OutputFiles::~OutputFiles() {
  for (const Pending& p : pending_) remove_temporary(p.temporary, p.folder);
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
    g_open[temporary] = fd;
    remember(temporary);
    if (::ftruncate(fd, 0) == 0) return fd;
    const Error error = io_error("write", path);
    ::unlink(temporary.c_str());
    forget(temporary);
    return error;
  }
}

}  // namespace

Result<void> OutputFiles::write(const std::string& path, const Bytes& data) {
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode))
    return Error{Code::io, formatted("cannot write {}: it is a folder", quote(path))};
  if (exists && !S_ISREG(info.st_mode)) {  // a device such as /dev/null, or a pipe: no renaming
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (file.fd < 0) return io_error("open", path);
    return write_all(file.fd, data, path);
  }
  const std::string temporary = path + ".bantam-tmp";
  TRY(const int fd, open_temporary(temporary, path));
  pending_.push_back({temporary, path, false});
  TRY(write_all(fd, data, path));
  if (::fsync(fd) != 0 && errno != EINVAL) return io_error("write", path);
  return {};
}

namespace {

// An empty folder under the temporary name, locked as a file is.
Result<void> open_temporary_folder(const std::string& temporary, const std::string& path) {
  const SignalsLater guard;
  for (;;) {
    if (::mkdir(temporary.c_str(), 0777) != 0 && errno != EEXIST) return io_error("write", path);
    Descriptor folder{::open(temporary.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
    if (folder.fd < 0 && errno == ENOENT) continue;  // its owner has just renamed it
    struct stat own {}, named {};
    if (folder.fd < 0 || ::fstat(folder.fd, &own) != 0)
      return Error{Code::io, formatted("cannot write {}: {} is in the way", quote(path), quote(temporary))};
    if (::flock(folder.fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return Error{Code::io, formatted("cannot write {}: another run is writing it", quote(path))};
    if (::lstat(temporary.c_str(), &named) != 0 || named.st_ino != own.st_ino || named.st_dev != own.st_dev) continue;
    g_open[temporary] = std::exchange(folder.fd, -1);
    remember(temporary);
    remove_inside(temporary);
    return {};
  }
}

// One file of a new folder, and the folders that lead to it.
Result<void> write_inside(const std::string& temporary, const std::string& inside, const Bytes& data, const std::string& path) {
  for (size_t at = inside.find('/'); at != std::string::npos; at = inside.find('/', at + 1)) {
    const std::string folder = temporary + "/" + inside.substr(0, at);
    const SignalsLater guard;
    if (::mkdir(folder.c_str(), 0777) == 0) remember(folder);
    else if (errno != EEXIST) return io_error("write", path);
  }
  const std::string file = temporary + "/" + inside;
  Descriptor opened{-1};
  {
    const SignalsLater guard;
    opened.fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (opened.fd < 0) return io_error("write", path);
    remember(file);
  }
  TRY(write_all(opened.fd, data, path));
  if (::fsync(opened.fd) != 0 && errno != EINVAL) return io_error("write", path);
  return {};
}

// The finished folder takes its place in one step; what was there has the temporary name then, and goes. Where the file
// system cannot swap two names, the old folder is put aside first.
Result<void> replace_folder(const std::string& temporary, const std::string& path) {
  if (!is_directory(path)) return ::rename(temporary.c_str(), path.c_str()) == 0 ? Result<void>() : io_error("replace", path);
#ifdef RENAME_EXCHANGE
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
    remove_temporary(temporary, true);
    return {};
  }
#endif
  const std::string aside = path + ".bantam-old";
  remove_inside(aside);
  ::rmdir(aside.c_str());
  if (::rename(path.c_str(), aside.c_str()) != 0) return io_error("replace", path);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const Error error = io_error("replace", path);
    ::rename(aside.c_str(), path.c_str());
    return error;
  }
  remove_inside(aside);
  ::rmdir(aside.c_str());
  return {};
}

}  // namespace

Result<void> OutputFiles::write_folder(const std::string& path, const std::vector<FolderFile>& files) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) return Error{Code::io, formatted("cannot write {}: it exists and is not a folder", quote(path))};
    struct stat mark {};
    if (::stat((path + "/" + files[0].path).c_str(), &mark) != 0 && ::rmdir(path.c_str()) != 0)
      return Error{Code::io, formatted("cannot replace {}: it is a folder without {}, so something else", quote(path), files[0].path)};
  }
  const std::string temporary = path + ".bantam-tmp";
  TRY(open_temporary_folder(temporary, path));
  pending_.push_back({temporary, path, true});
  for (const FolderFile& f : files) TRY(write_inside(temporary, f.path, f.bytes, path));
  return {};
}

Result<void> OutputFiles::commit() {
  while (!pending_.empty()) {
    const Pending p = pending_.front();
    if (p.folder) TRY(replace_folder(p.temporary, p.target));
    else if (::rename(p.temporary.c_str(), p.target.c_str()) != 0) return io_error("replace", p.target);
    forget(p.temporary);
    pending_.erase(pending_.begin());
  }
  return {};
}

}  // namespace bantam
