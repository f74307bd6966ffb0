// SPDX-License-Identifier: Apache-2.0
// Core ML packages (.mlpackage) as the tool sees them. They are written only.
#include "format/format.h"
#include "formats/coreml/write.h"

namespace bantam {

namespace {

constexpr TargetSpec kTarget = {
    .name = "coreml",
    .runtime = "Core ML on iOS 15 to 18",
    .types = "float32, float16, int32; weights in int8, int4, palettes of 1 to 8 bits, sparse; activations in int8 from iOS 17",
    .most_axes = 5,
    .most_bytes = 0,
    .wide = false,
    .wide_is_fast = false,
    .in_float = {},
};

}  // namespace

extern const Format format_coreml = {
    .name = "coreml",
    .suffix = ".mlpackage",
    .summary = "Core ML packages for iOS 15 to 18, written only",
    .sniff = [](const Bytes&) { return false; },
    .read = nullptr,
    .target_recipe = "fix-lengths; fold-constants; drop-dead; to-channels-first; repeat { fold-constants; drop-identity; merge-duplicates; drop-dead }",
    .carries_tests = false,
    .write = coreml::write_package,
    .target = &kTarget,
};

}  // namespace bantam
