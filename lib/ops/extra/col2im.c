/* SPDX-License-Identifier: Apache-2.0
   Col2Im: adds the columns of blocks back into an image, the reverse of what a convolution by
   patches does. Input 0 is [N, C * block size, number of blocks], input 1 the image's lengths,
   input 2 the block's. An output pixel is the sum, in increasing order of the position in the block,
   of the values that fall on it. */
#include <inttypes.h>
#include <string.h>

#include "runtime/shape.h"

#define SPATIAL_MAX (BT_MAX_RANK - 2)
#define LENGTH_MAX ((int64_t)1 << 31)

enum { DILATIONS, PADS, STRIDES };
static const bt_attr_spec attrs[] = {{.name = "dilations", .kind = BT_INTS},
                                     {.name = "pads", .kind = BT_INTS},
                                     {.name = "strides", .kind = BT_INTS},
                                     {0}};

typedef struct geometry {
  int n;
  int64_t image[SPATIAL_MAX], block[SPATIAL_MAX], count[SPATIAL_MAX]; /* count: blocks */
  int64_t dilation[SPATIAL_MAX], stride[SPATIAL_MAX], pad[SPATIAL_MAX];
} geometry;

static bt_status one_length(bt_call* c, const char* what, int64_t value, int64_t least) {
  if (value >= least && value <= LENGTH_MAX) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT, "%s holds %" PRId64 "; values from %" PRId64 " to 2^31 are allowed",
                 what, value, least);
}

static bt_status list_entry(bt_call* c, int attr, const char* what, int want, int i, int64_t least,
                            int64_t* value) {
  const bt_attr* a = &c->attr[attr];
  *value = least;
  if (a->n == 0) return BT_OK;
  if (a->n != want)
    return bt_fail(c, BT_BAD_INPUT, "%s has %d numbers, %d expected", what, (int)a->n, want);
  *value = a->u.ints[i];
  return one_length(c, what, *value, least);
}

/* Everything but the values of the input; both shapes must be known. */
static bt_status read_geometry(bt_call* c, geometry* g) {
  g->n = (int)c->in[1]->dims[0];
  for (int d = 0; d < g->n; ++d) {
    int64_t end;
    g->image[d] = bt_value_at(c, 1, d);
    g->block[d] = bt_value_at(c, 2, d);
    BT_TRY(one_length(c, "image_shape", g->image[d], 0));
    BT_TRY(one_length(c, "block_shape", g->block[d], 1));
    BT_TRY(list_entry(c, DILATIONS, "dilations", g->n, d, 1, &g->dilation[d]));
    BT_TRY(list_entry(c, STRIDES, "strides", g->n, d, 1, &g->stride[d]));
    BT_TRY(list_entry(c, PADS, "pads", 2 * g->n, d, 0, &g->pad[d]));
    BT_TRY(list_entry(c, PADS, "pads", 2 * g->n, g->n + d, 0, &end));
    const int64_t room = g->image[d] + g->pad[d] + end - (g->block[d] - 1) * g->dilation[d] - 1;
    g->count[d] = room < 0 ? 0 : room / g->stride[d] + 1;
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_NUMBER));
  BT_TRY(bt_need_rank(c, 0, 3));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_type(c, 2, BT_BIT(BT_I64)));
  BT_TRY(bt_need_vector(c, 1, -1, "image_shape"));
  bt_set_unranked(c->out[0], x->dtype);
  if (!bt_has_shape(c->in[1])) return BT_OK;
  const int64_t n = c->in[1]->dims[0];
  BT_TRY(bt_need_vector(c, 2, n, "block_shape"));
  BT_TRY(bt_need_max_rank(c, bt_dim_add(n, 2)));
  int64_t dims[BT_MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
  if (bt_has_rank(x)) dims[0] = x->dims[0];
  if (bt_has_values(c, 1) && bt_has_values(c, 2)) {
    geometry g;
    BT_TRY(read_geometry(c, &g));
    int64_t block = 1, blocks = 1;
    for (int d = 0; d < n; ++d) {
      dims[2 + d] = g.image[d];
      block = bt_dim_mul(block, g.block[d]);
      blocks = bt_dim_mul(blocks, g.count[d]);
    }
    if (bt_has_rank(x) && bt_known(x->dims[1])) {
      if (x->dims[1] % block)
        return bt_fail(c, BT_BAD_INPUT, "%" PRId64 " rows cannot be split into blocks of %" PRId64,
                       x->dims[1], block);
      dims[1] = x->dims[1] / block;
    }
    if (bt_has_rank(x) && bt_clash(x->dims[2], blocks))
      return bt_fail(c, BT_BAD_INPUT, "the input has %" PRId64 " blocks, the image takes %" PRId64,
                     x->dims[2], blocks);
  }
  bt_set_shape(c->out[0], x->dtype, (int)n + 2, dims);
  return BT_OK;
}

typedef struct job {
  const bt_call* c;
  geometry g;
  int64_t block, blocks, pixels; /* products of the lengths */
} job;

/* The pixel of block `b` under position `at` of the block; -1 in the padding. */
static int64_t pixel_of(const geometry* g, int64_t at, int64_t b) {
  int64_t pixel = 0, step = 1;
  for (int d = g->n - 1; d >= 0; --d) {
    const int64_t i = b % g->count[d] * g->stride[d] + at % g->block[d] * g->dilation[d] - g->pad[d];
    if (i < 0 || i >= g->image[d]) return -1;
    pixel += i * step;
    step *= g->image[d];
    b /= g->count[d];
    at /= g->block[d];
  }
  return pixel;
}

/* Parts are channels of all images. */
static void run_channels(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_tensor* x = j->c->in[0];
  bt_tensor* y = j->c->out[0];
  (void)thread;
  for (int64_t channel = begin; channel < end; ++channel)
    for (int64_t at = 0; at < j->block; ++at)
      for (int64_t b = 0; b < j->blocks; ++b) {
        const int64_t pixel = pixel_of(&j->g, at, b);
        if (pixel < 0) continue;
        const int64_t from = (channel * j->block + at) * j->blocks + b;
        const int64_t to = channel * j->pixels + pixel;
        if (x->dtype == BT_F32) ((float*)y->data)[to] += ((const float*)x->data)[from];
        else if (x->dtype == BT_F64) ((double*)y->data)[to] += ((const double*)x->data)[from];
        else
          bt_put_int(y, to, (int64_t)((uint64_t)bt_get_int(y, to) + (uint64_t)bt_get_int(x, from)));
      }
}

static bt_status run(bt_call* c) {
  const bt_tensor* y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  job j = {.c = c, .block = 1, .blocks = c->in[0]->dims[2], .pixels = bt_extent(y, 2, y->rank)};
  BT_TRY(read_geometry(c, &j.g));
  for (int d = 0; d < j.g.n; ++d) j.block *= j.g.block[d];
  memset(y->data, 0, bt_bytes(y));
  bt_parallel(c, y->dims[0] * y->dims[1], 1 + 4096 / (j.block * j.blocks + 1), run_channels, &j);
  return BT_OK;
}

const bt_op bt_op_col2im = {
    .name = "Col2Im", .summary = "Columns of blocks added up into an image.", .attrs = attrs,
    .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_EXTRA,
    .infer = infer, .run = run};
