// SPDX-License-Identifier: Apache-2.0
// JPEG through libjpeg. The library reports errors by longjmp: everything that must be freed lives in a
// Decoder outside the frame that is jumped to, and no frame that is jumped over has a destructor.
#include <csetjmp>
#include <cstdio>  // jpeglib.h uses FILE and size_t without including them

#include <jpeglib.h>
// after jpeglib.h
#include <jerror.h>

#include "base/format.h"
#include "base/text.h"
#include "data/image.h"

namespace bantam {
namespace {

// A progressive file may hold any number of scans over the whole picture: a few kilobytes could keep the
// decoder busy for hours. Encoders write about ten.
constexpr int kMostScans = 100;
// A Huffman-coded block of 8 x 8 values takes at least one bit; no sampling factors spread it over more than
// 256 pixels.
constexpr int64_t kMostPixelsPerByte = 256 * 8;

struct Decoder {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump;
  bool made = false;
  char message[JMSG_LENGTH_MAX] = {};
  int64_t width = 0, height = 0;  // of the header
  bool claims_too_much = false, too_large = false;
  Image image;

  ~Decoder() {
    if (made) jpeg_destroy_decompress(&jpeg);
  }
};

Decoder& decoder_of(j_common_ptr jpeg) { return *static_cast<Decoder*>(jpeg->client_data); }

[[noreturn]] void on_error(j_common_ptr jpeg) {
  Decoder& d = decoder_of(jpeg);
  jpeg->err->format_message(jpeg, d.message);
  std::longjmp(d.jump, 1);
}

// The library goes on after damage and fills in grey: that is no picture to measure a model with. The
// warnings let through say nothing about pixels; stray bytes between markers are frequent in old photographs.
void on_message(j_common_ptr jpeg, int level) {
  const int code = jpeg->err->msg_code;
  if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR)
    on_error(jpeg);
}

void on_print(j_common_ptr) {}

void on_progress(j_common_ptr jpeg) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(jpeg);
  if (decompress->input_scan_number <= kMostScans) return;
  Decoder& d = decoder_of(jpeg);
  std::snprintf(d.message, sizeof d.message, "more than %d scans", kMostScans);
  std::longjmp(d.jump, 1);
}

void set_callbacks(Decoder& d) {
  d.jpeg.err = jpeg_std_error(&d.errors);
  d.errors.error_exit = on_error;
  d.errors.emit_message = on_message;
  d.errors.output_message = on_print;
  d.progress.progress_monitor = on_progress;
  d.jpeg.client_data = &d;
}

// Reads the header and starts the decoder. False: see the decoder's fields.
bool start(Decoder& d, const uint8_t* data, size_t size) {
  if (setjmp(d.jump)) return false;
  jpeg_create_decompress(&d.jpeg);
  d.made = true;
  d.jpeg.progress = &d.progress;
  jpeg_mem_src(&d.jpeg, data, static_cast<unsigned long>(size));
  jpeg_read_header(&d.jpeg, TRUE);
  d.width = d.jpeg.image_width;
  d.height = d.jpeg.image_height;
  if (d.width > kLongestSide || d.height > kLongestSide || d.width * d.height > kMostPixels) {
    d.too_large = true;
    return false;
  }
  if (!d.jpeg.arith_code && d.width * d.height / kMostPixelsPerByte > static_cast<int64_t>(size)) {
    d.claims_too_much = true;
    return false;
  }
  const bool four = d.jpeg.jpeg_color_space == JCS_CMYK || d.jpeg.jpeg_color_space == JCS_YCCK;
  if (d.jpeg.jpeg_color_space != JCS_GRAYSCALE) d.jpeg.out_color_space = four ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&d.jpeg);
  return true;
}

bool read_rows(Decoder& d, uint8_t* rows, size_t row_bytes) {
  if (setjmp(d.jump)) return false;
  while (d.jpeg.output_scanline < d.jpeg.output_height) {
    JSAMPROW row = rows + d.jpeg.output_scanline * row_bytes;
    jpeg_read_scanlines(&d.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&d.jpeg);
  return true;
}

// a * b / 255, rounded.
int scaled(int a, int b) {
  const int t = a * b + 128;
  return (t + (t >> 8)) >> 8;
}

// Four channels to three, in place: the stored numbers are 255 - ink.
void cmyk_to_rgb(std::vector<uint8_t>& pixels) {
  const size_t n = pixels.size() / 4;
  for (size_t i = 0; i < n; ++i) {
    const int light = pixels[4 * i + 3];
    for (size_t c = 0; c < 3; ++c)
      pixels[3 * i + c] = static_cast<uint8_t>(light - scaled(255 - pixels[4 * i + c], light));
  }
  pixels.resize(3 * n);
}

Error failure(const Decoder& d) {
  if (d.too_large) return check_size(d.width, d.height).error();
  if (d.claims_too_much)
    return {Code::bad_input, formatted("the JPEG file is damaged: it claims {} x {} pixels and is too short for them", d.width, d.height)};
  return {Code::bad_input, formatted("the JPEG file is damaged or of an unusual kind: {}", printable(d.message))};
}

}  // namespace

Result<Image> decode_jpeg(const Bytes& file) {
  if (file.empty()) return Error{Code::bad_input, "the JPEG file is empty"};
  Decoder d;
  set_callbacks(d);
  if (!start(d, file.data(), file.size())) return failure(d);
  const int channels = d.jpeg.output_components;
  const size_t row_bytes = static_cast<size_t>(d.width) * static_cast<size_t>(channels);
  d.image.width = static_cast<int>(d.width);
  d.image.height = static_cast<int>(d.height);
  d.image.channels = channels == 4 ? 3 : channels;
  d.image.pixels.resize(row_bytes * static_cast<size_t>(d.height));
  if (!read_rows(d, d.image.pixels.data(), row_bytes)) return failure(d);
  if (channels == 4) cmyk_to_rgb(d.image.pixels);
  return std::move(d.image);
}

}  // namespace bantam
