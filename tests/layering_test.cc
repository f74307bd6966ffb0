// SPDX-License-Identifier: Apache-2.0
// Who may include whom: apps -> {passes, formats} -> lib, and inside lib only what lib/CMakeLists.txt lets a
// room link. The device side (kernels, runtime, ops) knows nothing but itself and the C library.
#include <map>
#include <set>

#include "base/text.h"
#include "catch.h"
#include "tree.h"

namespace bantam {
namespace {

using Rooms = std::map<std::string, std::set<std::string>>;

// "bantam_room(ir base runtime)" lets ir include base, runtime, and what those may include.
Rooms rooms_of_lib() {
  Rooms rooms = {{"kernels", {"kernels"}}, {"runtime", {"kernels", "runtime"}}, {"ops", {"kernels", "runtime", "ops"}}};
  for (const std::string& line : file_lines("lib/CMakeLists.txt")) {
    if (!line.starts_with("bantam_room(")) continue;
    const auto words = split(line.substr(12, line.find(')') - 12), ' ');
    std::set<std::string>& allowed = rooms[words[0]];
    allowed.insert(words[0]);
    for (size_t i = 1; i < words.size(); ++i)
      if (words[i] != "fmt") allowed.insert(rooms.at(words[i]).begin(), rooms.at(words[i]).end());
  }
  return rooms;
}

Rooms all_rooms() {
  Rooms rooms = rooms_of_lib();
  std::set<std::string> lib;
  for (const auto& [name, allowed] : rooms) lib.insert(name);
  for (const char* name : {"passes", "formats"}) {
    rooms[name] = lib;
    rooms[name].insert(name);
  }
  rooms["apps"] = lib;
  rooms["apps"].insert({"apps", "passes", "formats"});
  return rooms;
}

std::string room_of(const std::string& path) {
  const auto parts = split(path, '/');
  return parts[0] == "lib" ? parts[1] : parts[0];
}

// The text between the marks of an include; "" where the line is none.
std::string included(const std::string& line, char open, char close) {
  const size_t hash = line.find_first_not_of(' ');
  if (hash == std::string::npos || line[hash] != '#' || line.find("include", hash) == std::string::npos) return "";
  const size_t begin = line.find(open), end = line.rfind(close);
  return begin == std::string::npos || end <= begin ? "" : line.substr(begin + 1, end - begin - 1);
}

std::vector<std::string> upward_includes(const SourceFile& file, const Rooms& rooms) {
  std::vector<std::string> found;
  const auto room = rooms.find(room_of(file.path));
  if (room == rooms.end()) return {file.path + ": the folder is no room of lib/CMakeLists.txt"};
  for (const std::string& line : file.lines) {
    const std::string path = included(line, '"', '"');
    if (path.find('/') == std::string::npos) continue;  // a neighbour, or a generated header
    if (!room->second.contains(room_of(path))) found.push_back(file.path + " includes " + path);
  }
  return found;
}

TEST_CASE("includes go downwards only", "[tree]") {
  const Rooms rooms = all_rooms();
  REQUIRE(rooms.at("report").contains("ir"));
  REQUIRE_FALSE(rooms.at("ir").contains("report"));
  for (const SourceFile& file : source_files()) {
    if (file.path.starts_with("tests/")) continue;
    for (const std::string& wrong : upward_includes(file, rooms)) FAIL_CHECK(wrong);
  }
}

TEST_CASE("an upward include is found", "[tree]") {
  const Rooms rooms = all_rooms();
  const auto count = [&](const std::string& path, const std::string& line) { return upward_includes({path, {line}}, rooms).size(); };
  CHECK(count("lib/ir/graph.cc", "#include \"report/report.h\"") == 1);
  CHECK(count("lib/runtime/run.c", "# include \"base/text.h\"") == 1);
  CHECK(count("passes/fuse/x.cc", "#include \"formats/native/write.h\"") == 1);
  CHECK(count("formats/onnx/x.cc", "#include \"apps/bantam/console.h\"") == 1);
  CHECK(count("lib/ir/graph.cc", "#include \"base/text.h\"") == 0);
  CHECK(count("apps/bantam/run.cc", "#include \"formats/native/write.h\"") == 0);
}

TEST_CASE("the device side needs the C library alone", "[tree]") {
  static const std::set<std::string> kAllowed = {
      "inttypes.h", "math.h", "stdarg.h", "stdatomic.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h",
      "float.h", "limits.h", "immintrin.h", "arm_neon.h",
      // mapping files, threads and the CPU's features: each behind an #if with a portable other side
      "fcntl.h", "sys/mman.h", "sys/stat.h", "unistd.h", "pthread.h", "cpuid.h", "sys/auxv.h", "sys/sysctl.h"};
  for (const SourceFile& file : source_files()) {
    if (!file.path.starts_with("lib/kernels/") && !file.path.starts_with("lib/runtime/") && !file.path.starts_with("lib/ops/")) continue;
    for (const std::string& line : file.lines) {
      const std::string header = included(line, '<', '>');
      INFO(file.path << " includes <" << header << ">");
      CHECK((header.empty() || kAllowed.contains(header)));
    }
  }
}

}  // namespace
}  // namespace bantam
