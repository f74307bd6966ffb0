// SPDX-License-Identifier: Apache-2.0
// External data. A location is a path relative to the model's folder and must stay inside it: no
// absolute path, no "..", no symbolic link on the way, no device, no hard link to a file that is also
// known elsewhere.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/checked.h"
#include "base/descriptor.h"
#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/tensor.h"

namespace bantam {
namespace {

Error refuse(const std::string& location, const std::string& why) {
  return {Code::bad_input, formatted("external data {}: {}", quote(location), why)};
}

bool parse_unsigned(const std::string& text, uint64_t* value) {
  if (text.empty() || text.size() > 20) return false;
  *value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    if (__builtin_mul_overflow(*value, uint64_t{10}, value)) return false;
    if (__builtin_add_overflow(*value, static_cast<uint64_t>(c - '0'), value)) return false;
  }
  return true;
}

}  // namespace

// Opens one path component after the other, so that no symbolic link is ever followed, not even one
// that is put there between a check and its use.
Result<Bytes> ExternalData::open(const std::string& location) {
  if (location.empty()) return refuse(location, "the location is empty");
  if (location.find('\0') != std::string::npos) return refuse(location, "the location holds a NUL byte");
  if (location[0] == '/' || location[0] == '\\' || (location.size() > 1 && location[1] == ':'))
    return refuse(location, "the location must be relative to the model's folder");
  if (const auto it = files_.find(location); it != files_.end()) return it->second;
  std::vector<std::string> steps;  // "a/./b/../c" becomes a/c; going above the folder is refused
  for (const std::string& part : split(location, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") steps.push_back(part);
    else if (steps.empty()) return refuse(location, "the location leads out of the model's folder");
    else steps.pop_back();
  }
  if (steps.empty()) return refuse(location, "the location names no file");
  Descriptor at{::open(folder_.empty() ? "." : folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (at.fd < 0) return refuse(location, std::string("cannot open the model's folder: ") + std::strerror(errno));
  for (size_t i = 0; i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
    const int next = ::openat(at.fd, steps[i].c_str(), flags);
    if (next < 0)
      return refuse(location, errno == ELOOP ? "symbolic links are not followed" : std::strerror(errno));
    ::close(at.fd);
    at.fd = next;
  }
  struct stat info {};
  if (::fstat(at.fd, &info) != 0) return refuse(location, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return refuse(location, "it is not a regular file");
  if (info.st_nlink > 1) return refuse(location, "it is a hard link to a file that has other names");
  const auto size = static_cast<size_t>(info.st_size);
  TRY(const Bytes bytes, map_file(at.fd, size, location));
  files_[location] = bytes;
  return bytes;
}

Result<Bytes> ExternalData::read(const onnx::TensorProto& tensor, uint64_t expected) {
  const std::string* location = nullptr;
  uint64_t offset = 0, length = expected;
  for (const auto& entry : tensor.external_data()) {
    const std::string& key = entry.key();
    if (key == "location") location = &entry.value();
    else if (key == "offset" && !parse_unsigned(entry.value(), &offset))
      return Error{Code::bad_input, formatted("external data: offset {} is not a number", quote(entry.value()))};
    else if (key == "length" && !parse_unsigned(entry.value(), &length))
      return Error{Code::bad_input, formatted("external data: length {} is not a number", quote(entry.value()))};
  }
  if (!location) return Error{Code::bad_input, "external data: no location is given"};
  TRY(const Bytes file, open(*location));
  if (length != expected)
    return refuse(*location, formatted("its length is {} bytes, the tensor's type and shape need {}", length, expected));
  const auto end = checked_add(offset, length);
  if (!end || *end > file.size())
    return refuse(*location, formatted("{} bytes at offset {} are asked for, the file has {}", length,
                                       offset, file.size()));
  return file.part(offset, length);
}

}  // namespace bantam
