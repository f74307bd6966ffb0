// SPDX-License-Identifier: Apache-2.0
// What a model's file says to apps about its inputs and outputs: how pictures become numbers, and what the
// classes are called.
#pragma once

#include <string>
#include <vector>

#include "apps/bantam/data_flags.h"
#include "format/format.h"

namespace bantam {

// Sets `pictures` from the settings of DATA, where it has any, and `class_names` from the file `labels` ("": none).
// Errors: of code usage where there are labels and no output is a .tflite; bad_input for a file without names.
Result<void> describe_borders(const std::string& labels, const DataFlags& data, const std::vector<std::string>& outputs,
                              WriteOptions& options);

}  // namespace bantam
