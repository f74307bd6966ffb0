// SPDX-License-Identifier: Apache-2.0
// The journal of `bantam tune`: outcomes by trial, one line of JSON each, behind a line that says what they
// are of. A second start of the same command goes on from it.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "search/search.h"

namespace bantam {

class Journal {
 public:
  using Json = nlohmann::ordered_json;
  struct Line {
    std::optional<Outcome> outcome;  // empty: the trial failed
    std::string file;                // hash of the .btm
  };

  // `head`: all that outcomes depend on, but for the tool, which is added.
  Journal(std::string path, Json head);

  // A journal with another head is begun anew.
  void load();
  // Null where the trial is not in it.
  const Line* find(const Trial& trial) const;
  void add(const Trial& trial, const Line& line);

 private:
  std::string path_;
  Json head_;
  std::map<std::string, Line> lines_;
};

}  // namespace bantam
