/* SPDX-License-Identifier: Apache-2.0
   AffineGrid: places for GridSample. Every place of an image of `size` ([N, C, H, W] or
   [N, C, D, H, W]), as (x, y, 1) or (x, y, z, 1), is multiplied by the matrix theta[n]. Coordinates
   go from -1 to 1: over the centres of the elements (align_corners), or from edge to edge. */
#include <inttypes.h>

#include "runtime/shape.h"

enum { THETA, SIZE };
enum { ALIGN_CORNERS };
static const bt_attr_spec attrs[] = {{.name = "align_corners", .kind = BT_INT}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *theta = c->in[THETA], *size = c->in[SIZE];
  BT_TRY(bt_need_type(c, THETA, BT_TYPES_FLOAT));
  BT_TRY(bt_need_type(c, SIZE, BT_BIT(BT_I64)));
  BT_TRY(bt_need_rank(c, THETA, 3));
  BT_TRY(bt_need_vector(c, SIZE, -1, "size"));
  if (!bt_has_rank(size) || !bt_known(size->dims[0])) return BT_OK;
  const int64_t n = size->dims[0];
  if (n != 4 && n != 5)
    return bt_fail(c, BT_BAD_INPUT, "size has %" PRId64 " lengths; 4 or 5 are needed", n);
  const int r = (int)n - 2;
  int64_t dims[5] = {-1, -1, -1, -1, -1};
  for (int i = 0; i < n && bt_has_partial(c, SIZE); ++i) {
    int64_t length = -1;
    BT_TRY(bt_value_dim(c, SIZE, i, "size", &length));
    if (i != 1) dims[i > 1 ? i - 1 : 0] = length;
  }
  dims[r + 1] = r;
  if (bt_has_rank(theta) && (bt_clash(theta->dims[0], dims[0]) || bt_clash(theta->dims[1], r) ||
                             bt_clash(theta->dims[2], r + 1))) {
    char text[BT_SHAPE_TEXT];
    return bt_fail(c, BT_BAD_INPUT, "theta has shape %s; [N,%d,%d] is needed, with the N of size",
                   bt_shape_text(theta, text), r, r + 1);
  }
  if (bt_has_rank(theta)) dims[0] = bt_agree(dims[0], theta->dims[0]);
  bt_set_shape(c->out[0], theta->dtype, r + 2, dims);
  return BT_OK;
}

static double coordinate(int64_t k, int64_t length, int align) {
  if (align) return length > 1 ? (double)(2 * k) / (double)(length - 1) - 1 : -1;
  return ((double)(2 * k) + 1) / (double)length - 1;
}

/* Parts are places over the whole batch. */
static void run_places(void* arg, int64_t begin, int64_t end, int thread) {
  const bt_call* c = arg;
  const bt_tensor* theta = c->in[THETA];
  bt_tensor y = *c->out[0];
  const int r = y.rank - 2, align = c->attr[ALIGN_CORNERS].i != 0;
  const int64_t places = bt_extent(&y, 1, y.rank - 1);
  (void)thread;
  for (int64_t p = begin; p < end; ++p) {
    double place[4] = {0, 0, 0, 0};
    int64_t rest = p % places;
    for (int i = 0; i < r; ++i) { /* x, the last axis, comes first */
      const int64_t length = y.dims[r - i];
      place[i] = coordinate(rest % length, length, align);
      rest /= length;
    }
    place[r] = 1;
    for (int i = 0; i < r; ++i) {
      double sum = 0;
      for (int k = 0; k <= r; ++k)
        sum += bt_get(theta, (p / places * r + i) * (r + 1) + k) * place[k];
      bt_put(&y, p * r + i, sum);
    }
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor* y = c->out[0];
  bt_parallel(c, bt_count(y) / (y->rank - 2), 1024, run_places, c);
  return BT_OK;
}

const bt_op bt_op_affine_grid = {
    .name = "AffineGrid", .summary = "The places of an image under affine maps.", .attrs = attrs,
    .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .run = run};
