// SPDX-License-Identifier: Apache-2.0
// Who owns the bytes of a .btm file that somebody else wrote (write.h gives the rows of one that is written).
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "format/size_map.h"

namespace bantam {

// One row per constant, by its name as the reader gives it, and one per section; they add up to the file's size.
Result<std::vector<SizeRow>> native_size_map(const Bytes& file);

}  // namespace bantam
