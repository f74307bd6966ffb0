// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/journal.h"

#include <cmath>
#include <fstream>

#include "base/file.h"
#include "base/hash.h"

namespace bantam {
namespace {

using Json = Journal::Json;

// A program that was built from other sources may convert otherwise, whatever its version says: its own
// bytes tell. Where they cannot be read, the version has to do.
std::string own_identity() {
  const auto program = read_file("/proc/self/exe");
  return program.ok() ? hex(hash_of(program->data(), program->size()), 16) : "";
}

Json json_of(const Outcome& o) {
  Json j = {{"bytes", o.bytes}, {"drop", o.drop},           {"sqnr_db", o.sqnr}, {"arena", o.arena},
            {"worst", o.worst}, {"most_drop", o.most_drop}};
  if (o.ms) j["ms"] = *o.ms;
  return j;
}

Outcome outcome_of(const Json& j) {
  Outcome o;
  o.bytes = j.value("bytes", uint64_t{0});
  o.drop = j.value("drop", 0.0);
  o.sqnr = j["sqnr_db"].is_number() ? j.value("sqnr_db", 0.0) : INFINITY;  // JSON has no infinity
  o.arena = j.value("arena", uint64_t{0});
  o.worst = j.value("worst", "");
  o.most_drop = j.value("most_drop", 0.0);
  if (j.contains("ms")) o.ms = j.value("ms", 0.0);
  return o;
}

}  // namespace

Journal::Journal(std::string path, Json head) : path_(std::move(path)), head_(std::move(head)) {
  head_["tool"] = "bantam " BANTAM_VERSION;
  head_["program"] = own_identity();
}

void Journal::load() {
  std::ifstream in(path_);
  std::string text;
  if (!std::getline(in, text) || Json::parse(text, nullptr, false) != head_) {
    std::ofstream(path_, std::ios::trunc) << head_.dump() << "\n";
    return;
  }
  while (std::getline(in, text)) {
    const Json j = Json::parse(text, nullptr, false);
    if (!j.is_object() || !j.contains("trial")) continue;  // cut off by a kill
    Line line;
    line.file = j.value("file", "");
    if (j.contains("bytes") && j.contains("sqnr_db")) line.outcome = outcome_of(j);
    lines_[j.value("trial", "")] = std::move(line);
  }
  in.close();
  std::ofstream(path_, std::ios::app) << "\n";  // behind a line that was cut off
}

const Journal::Line* Journal::find(const Trial& trial) const {
  const auto it = lines_.find(trial.text());
  return it == lines_.end() ? nullptr : &it->second;
}

void Journal::add(const Trial& trial, const Line& line) {
  Json j = {{"trial", trial.text()}};
  if (line.outcome) {
    j.update(json_of(*line.outcome));
    j["file"] = line.file;
  }
  std::ofstream(path_, std::ios::app)
      << j.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  lines_[trial.text()] = line;
}

}  // namespace bantam
