/* SPDX-License-Identifier: Apache-2.0
   ConvInteger: convolution of 8-bit images of 1 to 3 dimensions, in groups, into i32, which wraps
   around. Zero points are subtracted first: of X one number (input 2), of W one, or one for each
   output channel (input 3). Padding counts as X's zero point. */
#include <inttypes.h>
#include <string.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/image.h"

#define BYTE_TYPES (BT_BIT(BT_I8) | BT_BIT(BT_U8))

enum { AUTO_PAD, DILATIONS, GROUP, KERNEL_SHAPE, PADS, STRIDES };
static const bt_attr_spec attrs[] = {
    {.name = "auto_pad", .kind = BT_ENUM, .words = BT_AUTO_PAD_WORDS},
    {.name = "dilations", .kind = BT_INTS},
    {.name = "group", .kind = BT_INT, .i = 1},
    {.name = "kernel_shape", .kind = BT_INTS},
    {.name = "pads", .kind = BT_INTS},
    {.name = "strides", .kind = BT_INTS},
    {0}};
static const bt_window_attrs where = {.kernel = KERNEL_SHAPE, .strides = STRIDES,
                                      .dilations = DILATIONS, .pads = PADS, .auto_pad = AUTO_PAD,
                                      .ceil_mode = -1, .layout = -1};

static bt_status read_window(bt_call* c, bt_window* w) {
  const bt_tensor* weight = c->in[1];
  int64_t kernel[BT_SPATIAL_MAX] = {-1, -1, -1};
  for (int d = 0; weight->rank >= 0 && d < weight->rank - 2 && d < BT_SPATIAL_MAX; ++d)
    kernel[d] = weight->dims[2 + d];
  return bt_window_read(c, &where, kernel, w);
}

static bt_status check_zeros(bt_call* c, int64_t outputs) {
  if (bt_given(c, 2)) {
    BT_TRY(bt_need_same_type(c, 0, 2));
    BT_TRY(bt_need_one_element(c, 2, "x_zero_point"));
  }
  if (!bt_given(c, 3)) return BT_OK;
  BT_TRY(bt_need_same_type(c, 1, 3));
  if (!bt_has_rank(c->in[3]) || bt_count(c->in[3]) == 1) return BT_OK;
  return bt_need_vector(c, 3, outputs, "w_zero_point");
}

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *weight = c->in[1];
  BT_TRY(bt_need_type(c, 0, BYTE_TYPES));
  BT_TRY(bt_need_type(c, 1, BYTE_TYPES));
  const int64_t group = c->attr[GROUP].i;
  if (group < 1)
    return bt_fail(c, BT_BAD_INPUT, "group is %" PRId64 "; it must be at least 1", group);
  const int64_t outputs = bt_has_rank(weight) && weight->rank > 0 ? weight->dims[0] : -1;
  BT_TRY(check_zeros(c, outputs));
  if (!bt_has_rank(x)) {
    bt_set_unranked(c->out[0], BT_I32);
    return BT_OK;
  }
  BT_TRY(bt_need_rank(c, 1, x->rank));
  bt_window w;
  BT_TRY(read_window(c, &w));
  if (bt_has_rank(weight)) {
    const int64_t channels = x->dims[1], depth = weight->dims[1];
    if (bt_known(channels) && bt_known(depth) && bt_dim_mul(depth, group) != channels)
      return bt_fail(c, BT_BAD_INPUT,
                     "the input has %" PRId64 " channels, the weight takes %" PRId64 " in each of %" PRId64
                     " groups", channels, depth, group);
    if (bt_known(outputs) && outputs % group)
      return bt_fail(c, BT_BAD_INPUT, "%" PRId64 " output channels cannot be split into group=%" PRId64,
                     outputs, group);
  }
  bt_window_output(c, &w, BT_I32, outputs);
  return BT_OK;
}

typedef struct job {
  const bt_call* c;
  bt_image m;
  int64_t outputs, per_group, depth, in_map, out_map, taps;
} job;

static int32_t byte_at(const bt_tensor* t, int64_t i) {
  return t->dtype == BT_I8 ? ((const int8_t*)t->data)[i] : ((const uint8_t*)t->data)[i];
}
static int32_t zero_at(const bt_call* c, int input, int64_t i) {
  if (!bt_given(c, input)) return 0;
  return byte_at(c->in[input], bt_count(c->in[input]) == 1 ? 0 : i);
}

/* y += weight * (x - zero) for the pixels of one output line that see the image; `line` is where the
   input line starts, x0 the coordinate under the first output pixel. */
static void add_line(const job* j, uint32_t weight, int32_t zero, int64_t line, int64_t x0,
                     uint32_t* y) {
  const bt_tensor* x = j->c->in[0];
  const int64_t stride = j->m.stride[2], width = j->m.in[2];
  int64_t first = x0 < 0 ? (-x0 + stride - 1) / stride : 0;
  for (; first < j->m.out[2] && x0 + first * stride < width; ++first)
    y[first] += weight * (uint32_t)(byte_at(x, line + x0 + first * stride) - zero);
}

/* One input channel under one kernel, added to one map of the output. */
static void add_channel(const job* j, const int32_t* kernel, int32_t zero, int64_t channel_at,
                        uint32_t* y) {
  const bt_image* m = &j->m;
  for (int64_t t = 0; t < j->taps; ++t) {
    const int64_t kx = t % m->kernel[2], ky = t / m->kernel[2] % m->kernel[1];
    const int64_t kz = t / m->kernel[2] / m->kernel[1];
    for (int64_t oz = 0; oz < m->out[0]; ++oz) {
      const int64_t iz = oz * m->stride[0] - m->pad[0] + kz * m->dilation[0];
      if (iz < 0 || iz >= m->in[0]) continue;
      for (int64_t oy = 0; oy < m->out[1]; ++oy) {
        const int64_t iy = oy * m->stride[1] - m->pad[1] + ky * m->dilation[1];
        if (iy < 0 || iy >= m->in[1]) continue;
        add_line(j, (uint32_t)kernel[t], zero, channel_at + (iz * m->in[1] + iy) * m->in[2],
                 kx * m->dilation[2] - m->pad[2], y + (oz * m->out[1] + oy) * m->out[2]);
      }
    }
  }
}

/* Parts are output maps: channels of all images. */
static void run_maps(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  int32_t* kernel = (int32_t*)j->c->scratch + thread * j->taps;
  const int64_t channels = j->c->in[0]->dims[1];
  const int32_t x_zero = zero_at(j->c, 2, 0);
  for (int64_t map = begin; map < end; ++map) {
    const int64_t image = map / j->outputs, o = map % j->outputs;
    uint32_t* y = (uint32_t*)j->c->out[0]->data + map * j->out_map;
    memset(y, 0, (size_t)j->out_map * sizeof *y);
    for (int64_t i = 0; i < j->depth; ++i) {
      for (int64_t t = 0; t < j->taps; ++t)
        kernel[t] = byte_at(j->c->in[1], (o * j->depth + i) * j->taps + t) - zero_at(j->c, 3, o);
      const int64_t channel = image * channels + o / j->per_group * j->depth + i;
      add_channel(j, kernel, x_zero, channel * j->in_map, y);
    }
  }
}

static bt_status prepare(bt_call* c) {
  if (bt_count(c->out[0]) == 0) return BT_OK;
  c->scratch_bytes = (size_t)bt_extent(c->in[1], 2, c->in[1]->rank) * sizeof(int32_t) *
                     (size_t)bt_threads(c);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* weight = c->in[1];
  if (bt_count(c->out[0]) == 0) return BT_OK;
  bt_window w;
  BT_TRY(read_window(c, &w));
  job j = {.c = c, .outputs = weight->dims[0], .per_group = weight->dims[0] / c->attr[GROUP].i,
           .depth = weight->dims[1], .in_map = bt_extent(c->in[0], 2, c->in[0]->rank),
           .out_map = bt_window_positions(&w), .taps = bt_window_taps(&w)};
  bt_image_from_window(&j.m, &w);
  bt_parallel(c, c->in[0]->dims[0] * j.outputs, 1 + 20000 / (j.out_map * j.taps * j.depth + 1),
              run_maps, &j);
  return BT_OK;
}

static int64_t macs(const bt_call* c) {
  const bt_tensor* w = c->in[1];
  return bt_dim_mul(bt_count(c->out[0]), w->rank > 0 ? bt_extent(w, 1, w->rank) : -1);
}

const bt_op bt_op_conv_integer = {
    .name = "ConvInteger", .summary = "Convolution of 8-bit integers into 32 bits.", .attrs = attrs,
    .in_min = 2, .in_max = 4, .out_min = 1, .out_max = 1, .infer = infer, .prepare = prepare,
    .run = run, .macs = macs};
