// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/effort.h"

#include <algorithm>
#include <map>
#include <string>

namespace bantam {
namespace {

// Arguments of the passes at an effort, in place of those of the preset.
using Settings = std::map<std::string, Arguments>;

const Settings& settings(int effort) {
  static const Settings more = {
      {"equalize-layers", {{"samples", "32"}}},
      {"choose-ranges", {{"samples", "32"}}},
      {"choose-precision", {{"samples", "16"}, {"quality", "35"}}},
      {"round-weights", {{"samples", "64"}, {"columns", "4096"}, {"sweeps", "4"}}},
      {"learn-rounding", {{"steps", "100"}, {"work", "50"}}},
      {"correct-bias", {{"samples", "32"}, {"rounds", "3"}}},
  };
  static const Settings most = {
      {"equalize-layers", {{"samples", "64"}}},
      {"choose-ranges", {{"samples", "64"}}},
      {"choose-precision", {{"samples", "32"}, {"quality", "40"}}},
      {"round-weights", {{"samples", "128"}, {"columns", "16384"}, {"sweeps", "8"}}},
      {"learn-rounding", {{"steps", "400"}, {"rate", "0.01"}, {"work", "500"}}},
      {"correct-bias", {{"samples", "64"}, {"rounds", "4"}}},
  };
  return effort == 2 ? more : most;
}

bool only_measures(const Step& s) { return s.pass && settings(kMostEffort).count(s.pass->name) > 0; }

}  // namespace

void set_effort(std::vector<Step>& steps, int effort) {
  if (effort == kDefaultEffort) return;
  if (effort == 0) {
    std::erase_if(steps, only_measures);
    return;
  }
  for (Step& s : steps) {
    if (!only_measures(s)) continue;
    for (const auto& [key, value] : settings(effort).at(s.pass->name)) set_argument(s.arguments, key, value);
  }
}

}  // namespace bantam
