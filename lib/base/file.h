// SPDX-License-Identifier: Apache-2.0
// Files. Reading maps where it can. Writing goes to a temporary name beside the target, which is
// renamed when everything is on disk: a failed or killed run leaves the previous file intact.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace bantam {

// The whole file. Regular files only (a FIFO or a device is refused); mapped, so that nothing is read
// that is not looked at.
Result<Bytes> read_file(const std::string& path);

// Bytes of the file; an error where it is not a regular file.
Result<uint64_t> file_size(const std::string& path);
bool is_directory(const std::string& path);
// Names (not paths) of the regular files of a folder, sorted by bytes.
Result<std::vector<std::string>> list_files(const std::string& folder);
Result<void> make_directory(const std::string& path);  // with its parents; existing is fine

// A set of output files that appear together: each is written beside its target, and commit()
// renames them all. Without commit (a failure, an exception, SIGINT or SIGTERM) the temporary files
// are removed. What kill -9 leaves behind is a file ending in ".bantam-tmp" that the next run of the
// same output replaces (a folder of that name, for an output that is a folder).
class OutputFiles {
 public:
  OutputFiles() = default;
  OutputFiles(const OutputFiles&) = delete;
  OutputFiles& operator=(const OutputFiles&) = delete;
  ~OutputFiles();
  Result<void> write(const std::string& path, const Bytes& data);
  Result<void> write(const std::string& path, std::string_view text) {
    return write(path, Bytes(text.data(), text.size(), nullptr));
  }
  // A folder of these files (paths inside it), as one output: it is written beside its place and takes it whole.
  // A folder that is there already is replaced where it holds the first of the files, or nothing.
  struct FolderFile {
    std::string path;
    Bytes bytes;
  };
  Result<void> write_folder(const std::string& path, const std::vector<FolderFile>& files);
  Result<void> commit();

 private:
  struct Pending {
    std::string temporary, target;
    bool folder;
  };
  std::vector<Pending> pending_;
};

// Makes SIGINT, SIGTERM and SIGHUP remove temporary files before the program ends. Called once by
// main().
void remove_temporaries_on_signal();

}  // namespace bantam
