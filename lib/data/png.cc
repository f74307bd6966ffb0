// SPDX-License-Identifier: Apache-2.0
// PNG through libpng. As in jpeg.cc, errors come by longjmp: what must be freed lives in a Decoder outside
// the frame that is jumped to, and no frame that is jumped over has a destructor.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "base/format.h"
#include "base/text.h"
#include "data/image.h"

namespace bantam {
namespace {

// Deflate never packs better than about 1:1032.
constexpr int64_t kBestRatio = 1040;

struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::jmp_buf jump;
  char message[200] = {};
  const uint8_t* data = nullptr;
  size_t size = 0, at = 0;
  int64_t width = 0, height = 0;  // of the header
  bool claims_too_much = false, too_large = false;
  Image image;
  std::vector<png_bytep> rows;

  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto& d = *static_cast<Decoder*>(png_get_error_ptr(png));
  std::snprintf(d.message, sizeof d.message, "%s", message);
  std::longjmp(d.jump, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep out, size_t size) {
  auto& d = *static_cast<Decoder*>(png_get_io_ptr(png));
  if (size > d.size - d.at) png_error(png, "it is cut off");
  std::memcpy(out, d.data + d.at, size);
  d.at += size;
}

// Reads the header and asks for 8-bit grey or RGB. False: see the decoder's fields.
bool start(Decoder& d) {
  if (setjmp(d.jump)) return false;
  d.info = png_create_info_struct(d.png);
  if (!d.info) png_error(d.png, "out of memory");
  png_set_read_fn(d.png, &d, on_read);
  // Skips all chunks but the ones that make the pixels: nothing is allocated for texts and profiles.
  png_set_keep_unknown_chunks(d.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_user_limits(d.png, 0x7FFFFFFF, 0x7FFFFFFF);  // checked below, with a better message
  png_read_info(d.png, d.info);
  d.width = png_get_image_width(d.png, d.info);
  d.height = png_get_image_height(d.png, d.info);
  if (d.width > kLongestSide || d.height > kLongestSide || d.width * d.height > kMostPixels) {
    d.too_large = true;
    return false;
  }
  const auto raw = static_cast<int64_t>(png_get_rowbytes(d.png, d.info)) * d.height;
  if (raw / kBestRatio > static_cast<int64_t>(d.size)) {
    d.claims_too_much = true;
    return false;
  }
  const int type = png_get_color_type(d.png, d.info);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(d.png);
  if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(d.png);
  png_set_scale_16(d.png);
  png_set_strip_alpha(d.png);
  png_set_interlace_handling(d.png);
  png_read_update_info(d.png, d.info);
  return true;
}

bool read_rows(Decoder& d) {
  if (setjmp(d.jump)) return false;
  png_read_image(d.png, d.rows.data());
  png_read_end(d.png, nullptr);
  return true;
}

Error failure(const Decoder& d) {
  if (d.too_large) return check_size(d.width, d.height).error();
  if (d.claims_too_much)
    return {Code::bad_input, formatted("the PNG file is damaged: it claims {} x {} pixels and is too short for them", d.width, d.height)};
  return {Code::bad_input, formatted("the PNG file is damaged: {}", printable(d.message))};
}

}  // namespace

Result<Image> decode_png(const Bytes& file) {
  Decoder d;
  d.data = file.data();
  d.size = file.size();
  d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, on_error, on_warning);
  if (!d.png) return Error{Code::internal, "libpng does not start"};
  if (!start(d)) return failure(d);
  const size_t row_bytes = png_get_rowbytes(d.png, d.info);
  d.image.width = static_cast<int>(d.width);
  d.image.height = static_cast<int>(d.height);
  d.image.channels = png_get_channels(d.png, d.info);
  d.image.pixels.resize(row_bytes * static_cast<size_t>(d.height));
  for (int y = 0; y < d.image.height; ++y) d.rows.push_back(d.image.pixels.data() + static_cast<size_t>(y) * row_bytes);
  if (!read_rows(d)) return failure(d);
  return std::move(d.image);
}

}  // namespace bantam
