// SPDX-License-Identifier: Apache-2.0
// `bench --calibrate-device`: times of the models of device/calibration.h on this machine, or on another
// one that ran their files, as the costs of a device profile.
#pragma once

#include <string>

#include "base/result.h"

namespace bantam {

struct CalibrateFlags {
  bool wanted = false;
  std::string output;        // .toml; "": print
  std::string write_models;  // folder: write the files, measure nothing
  std::string times;         // "NAME MILLISECONDS" a line, of a run of each file elsewhere
};

// `seconds` is for each of the models.
Result<int> calibrate_device(const CalibrateFlags& flags, double seconds, int threads);

}  // namespace bantam
