// SPDX-License-Identifier: Apache-2.0
// Pictures of a report as PNG.
#include <png.h>

#include "base/format.h"
#include "data/image.h"

namespace bantam {

Result<Bytes> encode_png(const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  // the first call measures, the second writes
  if (!png_image_write_to_memory(&png, nullptr, &size, 0, image.pixels.data(), 0, nullptr))
    return Error{Code::internal, formatted("a picture of the report cannot be encoded: {}", png.message)};
  std::vector<uint8_t> out(size);
  if (!png_image_write_to_memory(&png, out.data(), &size, 0, image.pixels.data(), 0, nullptr))
    return Error{Code::internal, formatted("a picture of the report cannot be encoded: {}", png.message)};
  out.resize(size);
  return Bytes(std::move(out));
}

}  // namespace bantam
