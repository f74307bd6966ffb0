/* SPDX-License-Identifier: Apache-2.0
   Resampling of tensors along their axes (Resize): which input elements an output index reads, with
   which weights; and the two ways to compute, fast for f32 and bytes, plain for other types. */
#ifndef BANTAM_OPS_SHARED_RESAMPLE_H_
#define BANTAM_OPS_SHARED_RESAMPLE_H_
#include "runtime/op.h"

typedef enum bt_resample_mode { BT_NEAREST = 0, BT_LINEAR, BT_CUBIC } bt_resample_mode;
#define BT_RESAMPLE_WORDS "nearest|linear|cubic"

/* From an output index to a place in the input. */
typedef enum bt_coordinates {
  BT_HALF_PIXEL = 0,
  BT_ASYMMETRIC,
  BT_PYTORCH_HALF_PIXEL,
  BT_TF_HALF_PIXEL_FOR_NN,
  BT_ALIGN_CORNERS,
  BT_CROP_AND_RESIZE,
  BT_HALF_PIXEL_SYMMETRIC
} bt_coordinates;
#define BT_COORDINATES_WORDS                                                           \
  "half_pixel|asymmetric|pytorch_half_pixel|tf_half_pixel_for_nn|align_corners|"      \
  "tf_crop_and_resize|half_pixel_symmetric"

typedef enum bt_round_to { BT_PREFER_FLOOR = 0, BT_PREFER_CEIL, BT_FLOOR, BT_CEIL } bt_round_to;
#define BT_ROUND_TO_WORDS "round_prefer_floor|round_prefer_ceil|floor|ceil"

typedef struct bt_resample_rule {
  bt_resample_mode mode;
  bt_coordinates coordinates;
  bt_round_to round;
  int antialias, exclude_outside;
  double cubic_a;
  float outside; /* the value where tf_crop_and_resize looks beyond the input */
} bt_resample_rule;

/* One axis, or several neighbours that stay as they are. Output index k reads the elements
   first[k], first[k] + 1, ... with the weights weight[k * taps + 0], ... ; first[k] is -1 where it
   looks beyond the input. In the nearest mode there are no weights. */
typedef struct bt_resample_axis {
  int64_t in, out;
  int moves;        /* 0: out is in, and there are no tables */
  float scale;      /* out / in, before out was rounded */
  float resized;    /* out, before it was rounded */
  float begin, end; /* of the region that tf_crop_and_resize takes, in lengths of the axis */
  int64_t taps;
  int64_t* first;
  double* weight;
} bt_resample_axis;

typedef struct bt_resample {
  bt_resample_rule rule;
  int n; /* axes; what lies behind the last one that moves is `inner` elements together */
  bt_resample_axis axis[BT_MAX_RANK];
  int64_t inner;
} bt_resample;

/* Adds the next axis (in the order of the dimensions), joining those that stay. For all outputs
   that are not empty. */
void bt_resample_add(bt_resample* r, const bt_resample_axis* axis);
/* Room for the tables and for intermediate values, saturating at INT64_MAX; then for run: builds
   the tables in that room, and computes. */
int64_t bt_resample_bytes(const bt_call* c, const bt_resample* r, bt_dtype type);
void bt_resample_run(bt_call* c, bt_resample* r, const bt_tensor* x, bt_tensor* y, void* room);

/* ---- between the files of this module ---- */

/* Weighted sums of f32, i8 and u8; in the room of bt_interpolate_bytes. */
int64_t bt_interpolate_bytes(const bt_call* c, const bt_resample* r);
void bt_interpolate(bt_call* c, const bt_resample* r, const bt_tensor* x, bt_tensor* y,
                    void* room);

#endif
