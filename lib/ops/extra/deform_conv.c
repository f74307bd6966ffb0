/* SPDX-License-Identifier: Apache-2.0
   DeformConv: convolution of 2-dimensional images whose taps are moved by computed offsets, and
   weighted by a computed mask. Where a tap falls between pixels its value is interpolated linearly;
   pixels outside the image are 0.

   Inputs: X [N,C,H,W], W [O,C/g,kH,kW], offset [N, offset_group * kH * kW * 2, oH, oW] (row offsets
   and column offsets in turn), bias, mask [N, offset_group * kH * kW, oH, oW].
   The moved pixels of an output position are gathered into a patch; the product of patches and
   weights is one chain of fused multiply-adds in the order channel, kernel row, kernel column. */
#include <inttypes.h>
#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/image.h"
#include "runtime/shape.h"

enum { DILATIONS, GROUP, KERNEL_SHAPE, OFFSET_GROUP, PADS, STRIDES };
static const bt_attr_spec attrs[] = {{.name = "dilations", .kind = BT_INTS},
                                     {.name = "group", .kind = BT_INT, .i = 1},
                                     {.name = "kernel_shape", .kind = BT_INTS},
                                     {.name = "offset_group", .kind = BT_INT, .i = 1},
                                     {.name = "pads", .kind = BT_INTS},
                                     {.name = "strides", .kind = BT_INTS},
                                     {0}};
static const bt_window_attrs where = {.kernel = KERNEL_SHAPE, .strides = STRIDES,
                                      .dilations = DILATIONS, .pads = PADS, .auto_pad = -1,
                                      .ceil_mode = -1, .layout = -1};
enum { X, WEIGHT, OFFSET, BIAS, MASK };

static bt_status read_window(bt_call* c, bt_window* w) {
  const bt_tensor* weight = c->in[WEIGHT];
  int64_t kernel[BT_SPATIAL_MAX] = {-1, -1, -1};
  for (int d = 0; weight->rank == 4 && d < 2; ++d) kernel[d] = weight->dims[2 + d];
  return bt_window_read(c, &where, kernel, w);
}

/* Input i is [N, channels, oH, oW], as far as known. */
static bt_status need_maps(bt_call* c, int i, const bt_window* w, int64_t channels) {
  if (!bt_given(c, i)) return BT_OK;
  BT_TRY(bt_need_same_type(c, X, i));
  BT_TRY(bt_need_rank(c, i, 4));
  const bt_tensor* t = c->in[i];
  if (!bt_has_rank(t)) return BT_OK;
  const int64_t want[4] = {c->in[X]->dims[0], channels, w->out[0], w->out[1]};
  char text[BT_SHAPE_TEXT];
  for (int d = 0; d < 4; ++d)
    if (bt_clash(t->dims[d], want[d]))
      return bt_fail(c, BT_BAD_INPUT, "input %d has shape %s; [%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
                     "] is needed", i, bt_shape_text(t, text), want[0], want[1], want[2], want[3]);
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[X], *weight = c->in[WEIGHT];
  BT_TRY(bt_need_type(c, X, BT_BIT(BT_F32) | BT_TYPES_HALF));
  BT_TRY(bt_need_same_type(c, X, WEIGHT));
  BT_TRY(bt_need_same_type(c, X, BIAS));
  const int64_t group = c->attr[GROUP].i, moved = c->attr[OFFSET_GROUP].i;
  if (group < 1 || moved < 1 || group > INT32_MAX || moved > INT32_MAX)
    return bt_fail(c, BT_BAD_INPUT, "group is %" PRId64 " and offset_group %" PRId64 "; numbers from 1 to "
                   "2^31 - 1 are allowed", group, moved);
  BT_TRY(bt_need_rank(c, X, 4));
  BT_TRY(bt_need_rank(c, WEIGHT, 4));
  bt_set_unranked(c->out[0], x->dtype);
  if (!bt_has_rank(x) || !bt_has_rank(weight)) return BT_OK;
  bt_window w;
  BT_TRY(read_window(c, &w));
  const int64_t channels = x->dims[1], depth = weight->dims[1], outputs = weight->dims[0];
  if (bt_known(channels) && bt_known(depth) && bt_dim_mul(depth, group) != channels)
    return bt_fail(c, BT_BAD_INPUT, "the input has %" PRId64 " channels, the weight takes %" PRId64
                   " in each of %" PRId64 " groups", channels, depth, group);
  if ((bt_known(outputs) && outputs % group) || (bt_known(channels) && channels % moved))
    return bt_fail(c, BT_BAD_INPUT, "%" PRId64 " outputs in group=%" PRId64 ", %" PRId64 " channels in "
                   "offset_group=%" PRId64 ": neither may leave a rest", outputs, group, channels, moved);
  BT_TRY(bt_need_vector(c, BIAS, outputs, "the bias"));
  const int64_t taps = bt_dim_mul(bt_dim_mul(weight->dims[2], weight->dims[3]), moved);
  BT_TRY(need_maps(c, OFFSET, &w, bt_dim_mul(taps, 2)));
  BT_TRY(need_maps(c, MASK, &w, taps));
  bt_window_output(c, &w, x->dtype, outputs);
  return BT_OK;
}

typedef struct plan {
  bt_window w;
  bt_product product;
  int64_t taps, depth, cols, group, per_offset; /* per_offset: channels that move together */
  size_t group_bytes, pack_at, y_at, work_at;
} plan;

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

static bt_status prepare(bt_call* c) {
  const bt_kernels* k = bt_call_kernels(c);
  const bt_tensor* weight = c->in[WEIGHT];
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  BT_TRY(read_window(c, &p->w));
  p->taps = bt_window_taps(&p->w);
  p->depth = weight->dims[1];
  p->group = c->attr[GROUP].i;
  p->cols = weight->dims[0] / p->group;
  p->per_offset = c->in[X]->dims[1] / c->attr[OFFSET_GROUP].i;
  const int64_t rows = bt_dim_mul(p->depth, p->taps);
  if (rows > INT32_MAX / 2 || p->cols > INT32_MAX / 2)
    return bt_fail(c, BT_UNSUPPORTED, "a kernel of %" PRId64 " weights is too large", rows);
  p->product = (bt_product){.rows = bt_window_positions(&p->w), .cols = (int)p->cols, .taps = 1,
                            .depth = (int)rows, .panel_bytes = bt_panel_f32(k, (int)rows),
                            .c_stride = weight->dims[0], .lo = -INFINITY, .hi = INFINITY,
                            .room_bytes = (size_t)rows * BT_MR_MAX * sizeof(float)};
  p->group_bytes = bt_pack_f32(k, (int)p->cols, (int)rows, NULL, 0, 0, NULL, NULL);
  p->y_at = p->group_bytes * (size_t)p->group;
  p->work_at = p->y_at + align((size_t)(p->product.rows * weight->dims[0]) * sizeof(float));
  c->scratch_bytes = p->work_at + bt_product_scratch(k, &p->product) * (size_t)bt_threads(c);
  return BT_OK;
}

typedef struct job {
  const bt_call* c;
  const plan* p;
  int64_t image, first_channel; /* of the group */
} job;

/* Four pixels around a place and their weights; all 0 where the place is outside. */
typedef struct corners {
  int64_t at[4];
  float weight[4];
} corners;

static corners find_corners(float y, float x, int64_t height, int64_t width) {
  corners k = {{0}, {0}};
  if (!(y > -1.0f && y < (float)height && x > -1.0f && x < (float)width)) return k; /* or NaN */
  const int64_t top = (int64_t)floorf(y), left = (int64_t)floorf(x);
  const float down = y - (float)top, right = x - (float)left;
  for (int i = 0; i < 4; ++i) {
    const int64_t row = top + i / 2, col = left + i % 2;
    if (row < 0 || row >= height || col < 0 || col >= width) continue;
    k.at[i] = row * width + col;
    k.weight[i] = (i / 2 ? down : 1.0f - down) * (i % 2 ? right : 1.0f - right);
  }
  return k;
}

/* Where tap `tap` of the channels that move with offset group `o` looks, at output position `row`. */
static corners locate(const job* j, int64_t o, int64_t tap, int64_t row, float* mask) {
  const bt_window* w = &j->p->w;
  const int64_t positions = w->out[0] * w->out[1];
  const int64_t map = (j->image * j->c->attr[OFFSET_GROUP].i + o) * j->p->taps + tap;
  const float* offset = (const float*)j->c->in[OFFSET]->data + 2 * map * positions + row;
  const int64_t ky = tap / w->kernel[1], kx = tap % w->kernel[1];
  const int64_t y = row / w->out[1] * w->stride[0] - w->pad[0] + ky * w->dilation[0];
  const int64_t x = row % w->out[1] * w->stride[1] - w->pad[1] + kx * w->dilation[1];
  *mask = bt_given(j->c, MASK) ? ((const float*)j->c->in[MASK]->data)[map * positions + row] : 1.0f;
  return find_corners((float)y + offset[0], (float)x + offset[positions], w->in[0], w->in[1]);
}

/* The patch of one output position: [channel][tap]. */
static void gather(const job* j, int64_t row, float* patch) {
  const plan* p = j->p;
  const int64_t pixels = p->w.in[0] * p->w.in[1], channels = j->c->in[X]->dims[1];
  const float* x = (const float*)j->c->in[X]->data + (j->image * channels + j->first_channel) * pixels;
  int64_t channel = 0;
  while (channel < p->depth) {
    const int64_t o = (j->first_channel + channel) / p->per_offset;
    int64_t end = (o + 1) * p->per_offset - j->first_channel;
    if (end > p->depth) end = p->depth;
    for (int64_t tap = 0; tap < p->taps; ++tap) {
      float mask;
      const corners k = locate(j, o, tap, row, &mask);
      for (int64_t ch = channel; ch < end; ++ch) {
        const float* map = x + ch * pixels;
        const float upper = map[k.at[0]] * k.weight[0] + map[k.at[1]] * k.weight[1];
        const float lower = map[k.at[2]] * k.weight[2] + map[k.at[3]] * k.weight[3];
        patch[ch * p->taps + tap] = (upper + lower) * mask;
      }
    }
    channel = end;
  }
}

static void fill(const bt_product* product, int64_t first, int count, int mr, void* room,
                 const void** a) {
  float* patches = room;
  for (int r = 0; r < mr; ++r) {
    a[r] = patches + (ptrdiff_t)(r < count ? r : count - 1) * product->depth;
    if (r < count) gather(product->self, first + r, patches + (ptrdiff_t)r * product->depth);
  }
}

static bt_status run(bt_call* c) {
  const plan* p = c->plan;
  const bt_tensor *weight = c->in[WEIGHT], *y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  unsigned char* scratch = c->scratch;
  float* result = (float*)(void*)(scratch + p->y_at); /* one image, channels last */
  const int64_t rows = p->product.depth;
  for (int64_t g = 0; g < p->group; ++g) {
    const float* bias = bt_given(c, BIAS) ? (const float*)c->in[BIAS]->data + g * p->cols : NULL;
    bt_pack_f32(bt_call_kernels(c), (int)p->cols, (int)rows,
                (const float*)weight->data + g * p->cols * rows, rows, 1, bias,
                (float*)(void*)(scratch + (size_t)g * p->group_bytes));
  }
  for (int64_t image = 0; image < y->dims[0]; ++image) {
    for (int64_t g = 0; g < p->group; ++g) {
      const job j = {.c = c, .p = p, .image = image, .first_channel = g * p->depth};
      bt_product product = p->product;
      product.fill = fill;
      product.self = &j;
      product.panels = scratch + (size_t)g * p->group_bytes;
      product.c = result + g * p->cols;
      bt_product_run(c, &product, scratch + p->work_at);
    }
    bt_channels_first(c, result, (float*)y->data + image * y->dims[1] * p->product.rows, 1, y->dims[1],
                      p->product.rows, sizeof(float));
  }
  return BT_OK;
}

static int64_t macs(const bt_call* c) {
  const bt_tensor* w = c->in[WEIGHT];
  return bt_dim_mul(bt_count(c->out[0]), w->rank > 0 ? bt_extent(w, 1, w->rank) : -1);
}

const bt_op bt_op_deform_conv = {
    .name = "DeformConv", .summary = "Convolution with moved taps.", .attrs = attrs, .in_min = 3,
    .in_max = 5, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_EXTRA, .infer = infer,
    .prepare = prepare, .run = run, .macs = macs};
