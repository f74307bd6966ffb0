// SPDX-License-Identifier: Apache-2.0
// DATA and the flags that say how pictures become inputs; they add to what a .toml says, or change it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bantam {

struct DataFlags {
  std::string data;
  int64_t samples = 0;  // 0: all
  std::map<std::string, std::string> preprocess;  // by the names of set_preprocess(); "": not given

  bool wanted() const { return !data.empty(); }
  // The settings for pictures, where a flag gives any.
  Result<std::optional<Preprocess>> settings(const std::optional<Preprocess>& before = {}) const;
  // `options.samples`: where it is not 0, it replaces what --samples says.
  Result<std::unique_ptr<Dataset>> open(const std::vector<Port>& inputs, DataOptions options = {}) const;
};
// Returns the option --data, for what it excludes or needs.
CLI::Option* add_data_flags(CLI::App& cmd, DataFlags& flags, const std::string& what);

}  // namespace bantam
