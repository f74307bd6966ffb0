// SPDX-License-Identifier: Apache-2.0
// The JSON files in which AIMET, QNN and SNPE take steps beside a float model.
#pragma once

#include <string>
#include <vector>

#include "formats/aimet/raise.h"

namespace bantam::aimet {

// Of the versions "0.6.1", "1.0.0" and "2.0.0".
std::string encodings_text(const std::vector<Encoding>& encodings, const std::string& version);

}  // namespace bantam::aimet
