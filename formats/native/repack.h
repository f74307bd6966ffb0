// SPDX-License-Identifier: Apache-2.0
// Another coding for a .btm file: its constants are decoded and encoded again, all else stays as it is.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "formats/native/write.h"

namespace bantam {

// The same graph, names, test vectors and metadata, and the same bits when it runs.
Result<NativeFile> repack(const Bytes& file, Codec codec);

}  // namespace bantam
