// SPDX-License-Identifier: Apache-2.0
// Folders as outputs: whole or not at all, and never in the place of something else.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "catch.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / ("bantam_output_" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directory(path_);
  }
  ~Scratch() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  size_t entries() const { return static_cast<size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator())); }

 private:
  fs::path path_;
};

std::vector<OutputFiles::FolderFile> parts(const std::string& text) {
  return {{"list.json", Bytes::copy_of(text.data(), text.size())}, {"deep/er/data", Bytes(std::vector<uint8_t>{1, 2, 3})}};
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a folder appears with its commit, and replaces its predecessor", "[files]") {
  const Scratch scratch;
  const std::string path = scratch / "out.package";
  for (const char* text : {"first", "second"}) {
    OutputFiles files;
    REQUIRE(files.write_folder(path, parts(text)).ok());
    CHECK(text_of(path + "/list.json") != text);
    REQUIRE(files.commit().ok());
    CHECK(text_of(path + "/list.json") == text);
    CHECK(text_of(path + "/deep/er/data").size() == 3);
    CHECK(scratch.entries() == 1);
  }
}

TEST_CASE("without a commit nothing is left", "[files]") {
  const Scratch scratch;
  {
    OutputFiles files;
    REQUIRE(files.write_folder(scratch / "out.package", parts("x")).ok());
    CHECK(scratch.entries() == 1);
  }
  CHECK(scratch.entries() == 0);
}

TEST_CASE("what a killed run left is taken over", "[files]") {
  const Scratch scratch;
  fs::create_directories(scratch / "out.package.bantam-tmp/deep/old");
  std::ofstream(scratch / "out.package.bantam-tmp/deep/old/file") << "half";
  OutputFiles files;
  REQUIRE(files.write_folder(scratch / "out.package", parts("x")).ok());
  REQUIRE(files.commit().ok());
  CHECK(!fs::exists(scratch / "out.package/deep/old"));
  CHECK(scratch.entries() == 1);
}

TEST_CASE("a folder of something else stays, and so does a file", "[files]") {
  const Scratch scratch;
  fs::create_directory(scratch / "photos.package");
  std::ofstream(scratch / "photos.package/cat.jpg") << "cat";
  std::ofstream(scratch / "file.package") << "file";
  OutputFiles files;
  CHECK(files.write_folder(scratch / "photos.package", parts("x")).error().message.find("something else") != std::string::npos);
  CHECK(files.write_folder(scratch / "file.package", parts("x")).error().message.find("not a folder") != std::string::npos);
  CHECK(text_of(scratch / "photos.package/cat.jpg") == "cat");
  CHECK(scratch.entries() == 2);
}

TEST_CASE("two writers of one folder exclude each other", "[files]") {
  const Scratch scratch;
  OutputFiles first, second;
  REQUIRE(first.write_folder(scratch / "out.package", parts("first")).ok());
  CHECK(second.write_folder(scratch / "out.package", parts("second")).error().message.find("another run") != std::string::npos);
  REQUIRE(first.commit().ok());
  CHECK(text_of(scratch / "out.package/list.json") == "first");
}

}  // namespace bantam
