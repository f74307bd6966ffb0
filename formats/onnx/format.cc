// SPDX-License-Identifier: Apache-2.0
// The ONNX format as the tool sees it.
#include "formats/onnx/read.h"
#include "formats/onnx/write.h"

namespace bantam {

extern const Format format_onnx = {
    .name = "onnx",
    .suffix = ".onnx",
    .summary = "ONNX models, opset 1 to 25",
    .sniff = looks_like_onnx,
    .read = read_onnx,
    .target_recipe = "to-channels-first; repeat { drop-identity; merge-duplicates; drop-dead }",
    .write = write_onnx,
};

}  // namespace bantam
