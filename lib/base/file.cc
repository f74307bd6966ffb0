// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/descriptor.h"
#include "base/format.h"
#include "base/text.h"

namespace bantam {

Error io_error(const std::string& what, const std::string& path) {
  if (errno == ENOENT && what == "write") return {Code::io, formatted("cannot write {}: there is no such folder", quote(path))};
  return {Code::io, formatted("cannot {} {}: {}", what, quote(path), std::strerror(errno))};
}

Result<Bytes> read_file(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return io_error("open", path);
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return io_error("examine", path);
  if (!S_ISREG(info.st_mode))
    return Error{Code::io, formatted("cannot read {}: it is not a regular file", quote(path))};
  return map_file(file.fd, static_cast<size_t>(info.st_size), path);
}

Result<Bytes> map_file(int file, size_t size, const std::string& path) {
  if (size == 0) return Bytes();
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (data == MAP_FAILED) return io_error("map", path);
  std::shared_ptr<const void> owner(data, [size](const void* p) {
    ::munmap(const_cast<void*>(p), size);
  });
  return Bytes::of_map(data, size, std::move(owner));
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

}  // namespace bantam
