/* SPDX-License-Identifier: Apache-2.0
   MelWeightMatrix: [dft_length / 2 + 1, num_mel_bins], whose columns are triangles with a peak
   of 1, evenly spread over the mel scale, mel(f) = 2595 log10(1 + f / 700), between two edges in
   hertz. The corners of the triangles are rounded down to bins of the spectrum, as ONNX's
   reference does it: bands are (high - low) / (num_mel_bins + 2) wide, and of the bins at a
   corner the one below (dft_length + 1) * f / sample_rate is taken. */
#include <inttypes.h>
#include <math.h>

#include "kernels/math_f64.h"
#include "ops/shared/cosine_window.h"
#include "ops/shared/elementwise.h"
#include "runtime/shape.h"

enum { NUM_MEL_BINS, DFT_LENGTH, SAMPLE_RATE, LOWER_EDGE, UPPER_EDGE };
enum { OUTPUT_DATATYPE };
static const bt_attr_spec attrs[] = {
    {.name = "output_datatype", .kind = BT_INT, .i = BT_F32}, {0}};

static bt_status infer(bt_call* c) {
  static const char* const names[] = {"num_mel_bins", "dft_length", "sample_rate",
                                      "lower_edge_hertz", "upper_edge_hertz"};
  int64_t length = -1, dims[2] = {-1, -1};
  for (int i = 0; i <= UPPER_EDGE; ++i) {
    BT_TRY(bt_need_type(c, i, i < LOWER_EDGE ? BT_TYPES_INDEX : BT_TYPES_FLOAT));
    BT_TRY(bt_need_one_element(c, i, names[i]));
  }
  BT_TRY(bt_need_number_type(c, c->attr[OUTPUT_DATATYPE].i));
  if (bt_has_partial(c, NUM_MEL_BINS))
    BT_TRY(bt_value_dim(c, NUM_MEL_BINS, 0, names[NUM_MEL_BINS], &dims[1]));
  if (bt_has_partial(c, DFT_LENGTH))
    BT_TRY(bt_value_dim(c, DFT_LENGTH, 0, names[DFT_LENGTH], &length));
  if (bt_known(length)) dims[0] = length / 2 + 1;
  bt_set_shape(c->out[0], (bt_dtype)c->attr[OUTPUT_DATATYPE].i, 2, dims);
  return BT_OK;
}

static double mel_of(double hertz) {
  return 2595.0 * (bt_log1p(hertz / 700.0) / 2.302585092994046); /* log10 */
}
static double hertz_of(double mel) { return 700.0 * (bt_pow(10.0, mel / 2595.0) - 1.0); }

/* The bin of the k-th corner. */
static bt_status corner(bt_call* c, int64_t k, int64_t* bin) {
  const double low = mel_of(bt_scalar(c->in[LOWER_EDGE]));
  const double high = mel_of(bt_scalar(c->in[UPPER_EDGE]));
  const double step = (high - low) / (bt_scalar(c->in[NUM_MEL_BINS]) + 2.0);
  const double hertz = hertz_of((double)k * step + low);
  const double rate = bt_scalar(c->in[SAMPLE_RATE]);
  const double at = floor((bt_scalar(c->in[DFT_LENGTH]) + 1.0) * hertz / rate);
  if (!(at >= 0 && at < (double)c->out[0]->dims[0])) /* not with NaN */
    return bt_fail(c, BT_BAD_INPUT,
                   "the edges, %g and %g hertz, are not within the spectrum of a sample rate of "
                   "%" PRId64,
                   bt_scalar(c->in[LOWER_EDGE]), bt_scalar(c->in[UPPER_EDGE]),
                   bt_scalar_int(c->in[SAMPLE_RATE]));
  *bin = (int64_t)at;
  return BT_OK;
}

static void put_triangle(bt_tensor* y, int64_t column, const int64_t corners[3]) {
  const int64_t low = corners[0], center = corners[1], high = corners[2], width = y->dims[1];
  if (low == center) bt_put(y, center * width + column, 1.0);
  for (int64_t j = low; j <= center && low < center; ++j)
    bt_put(y, j * width + column, (double)(j - low) / (double)(center - low));
  for (int64_t j = center; j < high; ++j)
    bt_put(y, j * width + column, (double)(high - j) / (double)(high - center));
}

static bt_status run(bt_call* c) {
  bt_tensor* y = c->out[0];
  const int64_t count = bt_count(y);
  int64_t corners[3];
  for (int64_t i = 0; i < count; ++i) bt_put(y, i, 0.0);
  for (int64_t k = 0; k < y->dims[1]; ++k) {
    for (int i = 0; i < 3; ++i) BT_TRY(corner(c, k + i, &corners[i]));
    put_triangle(y, k, corners);
  }
  return BT_OK;
}

const bt_op bt_op_mel_weight_matrix = {
    .name = "MelWeightMatrix", .summary = "Weights that gather a spectrum into mel bands.",
    .attrs = attrs, .in_min = 5, .in_max = 5, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .run = run};
