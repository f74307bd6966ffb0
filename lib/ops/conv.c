/* SPDX-License-Identifier: Apache-2.0
   Conv: convolution of 1-, 2- and 3-dimensional images, in groups or depthwise, on floats and on
   quantized values, with a clamp (Relu, Relu6, Clip) fused in.

   Inputs: X, W, bias (optional). With layout "first", X is [N,C,...] and W [O,C/g,...] as in ONNX;
   with "last", X is [N,...,C] and W [O,...,C/g]. The kernels work channels-last: in the first
   layout X and Y are transposed around them.
   Quantized: X and Y are i8 with a scale and a zero point, W is i8 with one scale per output channel
   and no zero points, the bias is i32 with scale x_scale * w_scale. Y may be f32 as well: the last
   layer of a network need not be rounded. X and Y may also be i16 with zero point 0, each by
   itself; beside an X of 16 bits the bias is i64. */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/arithmetic.h"
#include "ops/shared/depthwise.h"
#include "ops/shared/product_s16.h"
#include "ops/shared/requant.h"
#include "ops/shared/stage.h"
#include "runtime/shape.h"

enum { AUTO_PAD, DILATIONS, GROUP, HI, KERNEL_SHAPE, LAYOUT, LO, PADS, STRIDES };
static const bt_attr_spec attrs[] = {
    {.name = "auto_pad", .kind = BT_ENUM, .words = BT_AUTO_PAD_WORDS},
    {.name = "dilations", .kind = BT_INTS},
    {.name = "group", .kind = BT_INT, .i = 1},
    {.name = "hi", .kind = BT_FLOAT, .f = INFINITY, .own = 1},
    {.name = "kernel_shape", .kind = BT_INTS},
    {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1},
    {.name = "lo", .kind = BT_FLOAT, .f = -INFINITY, .own = 1},
    {.name = "pads", .kind = BT_INTS},
    {.name = "strides", .kind = BT_INTS},
    {0}};
static const bt_window_attrs where = {.kernel = KERNEL_SHAPE, .strides = STRIDES,
                                      .dilations = DILATIONS, .pads = PADS, .auto_pad = AUTO_PAD,
                                      .ceil_mode = -1, .layout = LAYOUT};

static bt_status read_window(bt_call* c, bt_window* w) {
  const bt_tensor* weight = c->in[1];
  int64_t kernel[BT_SPATIAL_MAX] = {-1, -1, -1};
  const int first = c->attr[LAYOUT].i ? 1 : 2;
  for (int d = 0; weight->rank >= 0 && d < weight->rank - 2 && d < BT_SPATIAL_MAX; ++d)
    kernel[d] = weight->dims[first + d];
  return bt_window_read(c, &where, kernel, w);
}

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *weight = c->in[1];
  BT_TRY(bt_need_product_types(c, BT_TYPES_PRODUCT));
  const int64_t group = c->attr[GROUP].i;
  if (group < 1 || group > INT32_MAX)
    return bt_fail(c, BT_BAD_INPUT, "group is %lld; numbers from 1 to 2^31 - 1 are allowed",
                   (long long)group);
  const bt_dtype type = bt_product_type(c);
  if (!bt_has_rank(x)) {
    bt_set_unranked(c->out[0], type);
    return BT_OK;
  }
  BT_TRY(bt_need_rank(c, 1, x->rank));
  bt_window w;
  BT_TRY(read_window(c, &w));
  int64_t outputs = -1;
  if (bt_has_rank(weight)) {
    const int64_t channels = x->dims[w.channel_axis];
    const int64_t depth = weight->dims[c->attr[LAYOUT].i ? weight->rank - 1 : 1];
    outputs = weight->dims[0];
    if (bt_known(outputs) && outputs % group)
      return bt_fail(c, BT_BAD_INPUT, "%lld output channels cannot be split into group=%lld",
                     (long long)outputs, (long long)group);
    if (bt_known(channels) && bt_clash(depth, channels / group))
      return bt_fail(c, BT_BAD_INPUT,
                     "the input has %lld channels in group=%lld, the weight takes %lld per group",
                     (long long)channels, (long long)group, (long long)depth);
    if (bt_known(channels) && channels % group)
      return bt_fail(c, BT_BAD_INPUT, "%lld input channels cannot be split into group=%lld",
                     (long long)channels, (long long)group);
  }
  BT_TRY(bt_need_vector(c, 2, outputs, "the bias"));
  bt_window_output(c, &w, type, outputs);
  return BT_OK;
}

/* Neighbours under a row of the window are not neighbours in the image. */
static int is_spread(const bt_call* c) {
  const bt_attr* dilations = &c->attr[DILATIONS];
  return dilations->n > 0 && dilations->u.ints[dilations->n - 1] != 1;
}

static bt_status load(bt_call* c) {
  if (c->in[1]->dtype == BT_I8) BT_TRY(bt_need_product_q8(c, 0, c->in[1]->dims[0]));
  if (bt_count(c->in[1]) == 0) return BT_OK; /* any number of groups can be empty */
  return bt_conv_load(c, (int)c->attr[GROUP].i, c->attr[LAYOUT].i != 0, is_spread(c));
}

/* RUNS: the product has a tap for each row of the window, else for each pixel. */
typedef enum mode { DENSE, TAPS, RUNS, DEPTHWISE } mode;

typedef struct plan {
  bt_window w;
  mode mode;
  int group;
  int64_t images, channels, outputs, positions_in;
  bt_image image;
  bt_product product;
  bt_depthwise depthwise;
  bt_stage stage;
  int wide; /* X or Y have 16 bits */
  int planes; /* of an X of 16 bits: 1, or 2, which are read by these: */
  bt_image high_image;
  bt_product high;
  size_t planes_at; /* in the scratch: what is read in place of X */
  bt_conv_weights own;                  /* used where the weights are not constant */
  size_t x_at, y_at, stage_at, work_at, pack_at; /* parts of the scratch */
  size_t work_step;                     /* of one thread */
  int last;
} plan;

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

/* ---- 16 bits ---- */

/* The padding of an i8 operand is its zero point, of 16 bits 0; that of low bytes is -128. */
static bt_status prepare_wide(bt_call* c, plan* p, size_t padding) {
  if (p->planes == 1) return BT_OK;
  unsigned char* low = bt_keep_plan(c, padding + 64);
  if (!low) return bt_fail_memory(c);
  p->high_image = p->image;
  memset(low, -128, padding);
  p->image.zero = low;
  p->high = p->product;
  p->high.self = &p->high_image;
  p->product.high = &p->high;
  return BT_OK;
}

/* Bytes of what the kernels read in place of X: two planes, or for a depthwise product words. */
static size_t wide_bytes(const bt_call* c, const plan* p) {
  const int copies = p->planes == 2 || (p->wide && p->mode == DEPTHWISE && bt_is_q8(c->in[0]));
  return copies ? 2 * bt_plane_bytes(bt_count(c->in[0])) : 0;
}

static const unsigned char* wide_operand(bt_call* c, const plan* p, const unsigned char* from,
                                         unsigned char* room) {
  const bt_tensor* x = c->in[0];
  const int64_t n = bt_count(x);
  if (p->planes == 2) {
    bt_split_planes(c, from, n, room);
  } else {
    int16_t* to = (int16_t*)(void*)room;
    const int32_t zero = bt_zero_of(x->quant);
    for (int64_t i = 0; i < n; ++i) to[i] = (int16_t)(((const int8_t*)from)[i] - zero);
  }
  return room;
}

/* What is multiplied, and where its rows come from. */
static bt_status prepare_product(bt_call* c, plan* p, int taps, int depth) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  const int s8 = bt_is_q8(x) || bt_is_q16(x), width = (int)p->image.kernel[2], runs = p->mode == RUNS;
  const int words = bt_is_q16(x) && p->planes == 1;
  const float lo = c->attr[LO].f, hi = c->attr[HI].f;
  p->product = (bt_product){.s8 = s8, .rows = p->images * bt_window_positions(&p->w),
                            .cols = (int)(p->outputs / p->group), .taps = runs ? taps / width : taps,
                            .depth = runs ? width * depth : depth, .lo = lo, .hi = hi,
                            .c_stride = p->outputs, .a_stride = p->channels,
                            .fill = p->mode == DENSE  ? bt_dense_rows
                                    : p->mode == TAPS ? bt_image_rows
                                                      : bt_image_patches,
                            .self = &p->image, .ready = words, .wide = words,
                            .store = y->dtype == BT_F32 ? BT_STORE_F32 : BT_STORE_S8};
  if (p->wide)
    BT_TRY(bt_finish_prepare(c, lo, hi, &p->product));
  else if (s8 && y->quant)
    bt_quantized_range(y, lo, hi, &p->product.zero, &p->product.q_lo, &p->product.q_hi);
  if (p->mode == DEPTHWISE) {
    p->depthwise = (bt_depthwise){.type = p->wide ? BT_I16 : s8 ? BT_I8 : BT_F32, .lo = lo, .hi = hi,
                                  .zero = p->product.zero, .q_lo = p->product.q_lo,
                                  .q_hi = p->product.q_hi, .store = p->product.store};
    return bt_depthwise_prepare(c, &p->image, p->images, (int)p->channels, &p->depthwise);
  }
  const int prepared = bt_is_q8(x) && bt_call_kernels(c)->prepare_s8;
  if (runs ? p->planes == 1 : p->mode == TAPS && taps > 1 && prepared)
    BT_TRY(bt_stage_plan(c, &p->image, p->channels, x->dtype, runs, &p->stage));
  if (p->stage.bytes) {
    p->product.rows /= p->images; /* one image after the other */
    p->product.fill = bt_stage_rows;
    p->product.self = &p->stage;
    p->product.ready = s8;
    p->product.wide = s8 && p->stage.element == 2;
  } else if (runs) {
    p->product.room_bytes = align((size_t)(taps * p->image.run_bytes) * BT_MR_MAX) + 64 +
                            (size_t)taps * sizeof(void*);
    return BT_OK;
  }
  /* Windows overlap: a row brings the pixels of one step, if those are fewer than its own. */
  const int64_t* stride = p->image.stride;
  const int64_t pixels = bt_dim_mul(bt_dim_mul(stride[0], stride[1]), stride[2]);
  if (pixels < taps)
    p->product.row_bytes = (size_t)(pixels * depth) * (p->product.wide ? 2 : s8 ? 1 : bt_dtype_size(x->dtype));
  return BT_OK;
}

/* Long taps cost the kernel less than short ones. Floats are packed alike for both; where their
   pixels lie side by side, those of up to RUN_CHANNELS are worth a copy of the image. */
#define RUN_CHANNELS 32

static int takes_runs(const bt_call* c, const plan* p) {
  const bt_image* m = &p->image;
  const bt_dtype weight = c->in[1]->dtype;
  if (bt_conv_takes_rows((size_t)(p->channels / p->group) * bt_dtype_size(weight), is_spread(c))) return 1;
  return c->in[0]->dtype == BT_F32 && p->channels <= RUN_CHANNELS && p->group == 1 &&
         m->kernel[2] > 1 && m->dilation[2] == 1 && bt_stage_fits(m);
}

static bt_status prepare(bt_call* c) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  const bt_kernels* k = bt_call_kernels(c);
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  BT_TRY(read_window(c, &p->w));
  const int s8 = bt_is_q8(x) || bt_is_q16(x);
  if (s8) BT_TRY(bt_need_product_q8(c, 0, c->in[1]->dims[0]));
  if (bt_count(y) == 0) return BT_OK;
  p->last = c->attr[LAYOUT].i != 0;
  p->group = (int)c->attr[GROUP].i;
  p->images = x->dims[0];
  p->channels = x->dims[p->w.channel_axis];
  p->outputs = y->dims[p->w.channel_axis];
  p->positions_in = 1;
  for (int d = 0; d < p->w.n; ++d) p->positions_in *= p->w.in[d];
  const int64_t taps = bt_window_taps(&p->w), depth = p->channels / p->group;

  const int depthwise = bt_conv_is_depthwise(c, p->group, p->last);
  p->wide = bt_is_product_s16(c);
  p->planes = 1;
  if (bt_is_q16(x) && !depthwise)
    p->planes = c->weights ? ((const bt_conv_weights*)c->weights)->planes : 2;
  /* of what the kernels read */
  const size_t element = p->planes == 2 ? 1 : p->wide && depthwise ? 2 : bt_dtype_size(x->dtype);
  bt_image_from_window(&p->image, &p->w);
  p->image.pixel_bytes = p->channels * (int64_t)element;
  p->image.run_bytes = depth * (int64_t)element;
  p->mode = depthwise                       ? DEPTHWISE
            : bt_window_is_pointwise(&p->w) ? DENSE
            : takes_runs(c, p)              ? RUNS
                                            : TAPS;
  const size_t padding = (size_t)(p->mode == DEPTHWISE ? p->image.pixel_bytes : p->image.run_bytes);
  unsigned char* zero = bt_keep_plan(c, padding + 64);
  if (!zero) return bt_fail_memory(c);
  if (bt_is_q8(x) && element == 1) memset(zero, bt_zero_of(x->quant), padding);
  p->image.zero = zero;

  BT_TRY(prepare_product(c, p, (int)taps, (int)depth));
  BT_TRY(prepare_wide(c, p, padding));
  size_t bytes = 0;
  p->x_at = bytes, bytes += p->last ? 0 : align(bt_bytes(x));
  p->y_at = bytes, bytes += p->last ? 0 : align(bt_bytes(y));
  p->stage_at = bytes, bytes += align(p->stage.bytes);
  p->planes_at = bytes, bytes += wide_bytes(c, p);
  p->work_step = p->mode == DEPTHWISE ? p->depthwise.scratch : bt_product_scratch(k, &p->product);
  p->work_at = bytes, bytes += p->work_step * (size_t)bt_threads(c);
  p->pack_at = bytes;
  if (!c->weights) bytes += bt_conv_pack_bytes(c, p->group, p->last, is_spread(c));
  c->scratch_bytes = bytes;
  c->takes_pitch = p->last && (y->dtype != BT_F32 || !p->product.s8);
  return BT_OK;
}

static void run_groups(bt_call* c, plan* p, const bt_conv_weights* weights,
                       const unsigned char* from, unsigned char* to) {
  for (int g = 0; g < p->group; ++g) {
    if (p->stage.bytes)
      p->stage.from = p->stage.room + g * (p->channels / p->group) * (int64_t)p->stage.element;
    p->image.x = from + g * p->image.run_bytes;
    p->product.a = p->image.x;
    p->product.c = to + (size_t)g * (size_t)p->product.cols * bt_dtype_size(c->out[0]->dtype);
    p->product.panels = (const unsigned char*)weights->panels + (size_t)g * weights->group_bytes;
    p->product.panel_bytes = weights->panel_bytes;
    p->product.scale = weights->scale ? weights->scale + (size_t)g * weights->scale_step : NULL;
    p->product.start = weights->start ? weights->start + (size_t)g * weights->scale_step : NULL;
    if (p->planes == 2) {
      p->high_image.x = p->image.x + bt_plane_bytes(bt_count(c->in[0]));
      p->high.a = p->high_image.x;
    }
    bt_product_run(c, &p->product, (unsigned char*)c->scratch + p->work_at);
  }
}

static bt_status run(bt_call* c) {
  plan* p = c->plan;
  const bt_tensor *x = c->in[0], *y = c->out[0];
  const size_t element = bt_dtype_size(x->dtype), out_element = bt_dtype_size(y->dtype);
  if (bt_count(y) == 0) return BT_OK;
  const int64_t positions = bt_window_positions(&p->w);
  const int64_t pitch = c->pitch ? c->pitch : p->outputs;
  p->product.c_stride = p->depthwise.pitch = pitch;
  unsigned char* scratch = c->scratch;
  const bt_conv_weights* weights = c->weights;
  if (!weights) {
    bt_conv_pack(c, p->group, p->last, is_spread(c), scratch + p->pack_at, &p->own);
    weights = &p->own;
  }
  const unsigned char* from = x->data;
  unsigned char* to = y->data;
  if (!p->last) {
    from = scratch + p->x_at;
    to = scratch + p->y_at;
    bt_channels_last(c, x->data, scratch + p->x_at, p->images, p->channels, p->positions_in, element);
  }
  if (wide_bytes(c, p)) from = wide_operand(c, p, from, scratch + p->planes_at);
  if (p->mode == DEPTHWISE) {
    p->image.x = from;
    bt_depthwise_run(c, &p->depthwise, &p->image, weights, to, scratch + p->work_at);
  } else if (p->stage.bytes) {
    for (int64_t i = 0; i < p->images; ++i) {
      p->image.x = from;
      bt_stage_fill(c, &p->stage, i, scratch + p->stage_at);
      run_groups(c, p, weights, from, to + i * positions * pitch * (int64_t)out_element);
    }
  } else {
    run_groups(c, p, weights, from, to);
  }
  if (!p->last)
    bt_channels_first(c, scratch + p->y_at, y->data, p->images, p->outputs, positions, out_element);
  if (y->dtype == BT_F32 && p->product.s8)
    bt_clamp_output(c, c->attr[LO].f, c->attr[HI].f);
  return BT_OK;
}

static int64_t macs(const bt_call* c) {
  const bt_tensor* w = c->in[1];
  const int64_t outputs = w->rank > 0 && w->dims[0] > 0 ? w->dims[0] : 1;
  return bt_dim_mul(bt_count(c->out[0]), bt_count(w) / outputs);
}

const bt_op bt_op_conv = {
    .name = "Conv", .summary = "Convolution, grouped or depthwise, with a fused clamp.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_SPATIAL, .quant = BT_QUANT_MACS,
    .infer = infer, .load = load, .prepare = prepare, .run = run, .macs = macs};
