// SPDX-License-Identifier: Apache-2.0
// The ONNX format as the tool sees it.
#include "formats/onnx/read.h"
#include "formats/onnx/write.h"

namespace bantam {

namespace {

constexpr const char* kNoKernel = "onnxruntime has no integer kernel for it";
constexpr TargetSpec::Row kInFloat[] = {
    {"ConvTranspose", kNoKernel, "Resize and Conv"},
    {"HardSwish", kNoKernel, "Relu, where the model can be trained again"},
    {"HardSigmoid", kNoKernel, "Sigmoid"},
    {"Swish", kNoKernel, "Relu, where the model can be trained again"},
    {"Tanh", kNoKernel, "Sigmoid, scaled"},
    {"Gelu", kNoKernel, ""},
    {"Mish", kNoKernel, ""},
    {"Elu", kNoKernel, "LeakyRelu"},
    {"PRelu", kNoKernel, "LeakyRelu"},
    {"Softplus", kNoKernel, ""},
    {"Sub", "onnxruntime subtracts in float, but for constants", "Add of the negated operand"},
    {"Max", kNoKernel, ""},
    {"Min", kNoKernel, ""},
};
constexpr TargetSpec kTarget = {
    .name = "onnx",
    .runtime = "onnxruntime on CPUs",
    .types = "all of ONNX; activations in uint8 or int8, weights in 4, 8 and 16 bits",
    .most_axes = BT_MAX_RANK,
    .most_bytes = 0,
    .wide = true,
    .wide_is_fast = false,  // they are computed as floats
    .in_float = kInFloat,
};

// Every operator reads and makes integers; there is nothing beside them.
constexpr TargetSpec kProfiles[] = {{
    .name = "qnn",
    .runtime = "Qualcomm's processors, through onnxruntime's QNN execution provider",
    .types = "activations in uint8 or uint16, weights in int8",
    .most_axes = 5,
    .most_bytes = 0,
    .wide = true,
    .wide_is_fast = true,
    .in_float = {},
}};

}  // namespace

extern const Format format_onnx = {
    .name = "onnx",
    .suffix = ".onnx",
    .summary = "ONNX models, opset 1 to 25",
    .sniff = looks_like_onnx,
    .read = read_onnx,
    .target_recipe = "to-channels-first; repeat { drop-identity; merge-duplicates; drop-dead }",
    .write = write_onnx,
    .target = &kTarget,
    .profiles = kProfiles,
};

}  // namespace bantam
