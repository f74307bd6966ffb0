// SPDX-License-Identifier: Apache-2.0
// Pictures of what an image-to-image model makes: input, float, compressed, and their difference.
#pragma once

#include <optional>

#include "base/result.h"
#include "ir/tensor.h"
#include "report/report.h"

namespace bantam {

// [N,C,H,W] or [N,H,W,C] with 1 or 3 channels and at least 16 x 16 pixels.
bool looks_like_picture(const Tensor& t);

// The first picture of each tensor, of at most 256 x 256 pixels (the centre of larger ones). Values are spread
// over black to white: the input's by its own range, both outputs' by the float model's. The difference is
// amplified by a power of two, which the caption states. Nothing where `reference` is no picture.
Result<std::optional<PictureStrip>> picture_strip(const std::string& title, const Tensor* input, const Tensor& reference,
                                                  const Tensor& test);

}  // namespace bantam
