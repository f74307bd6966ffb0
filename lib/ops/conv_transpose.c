/* SPDX-License-Identifier: Apache-2.0
   ConvTranspose: transposed convolution of 1-, 2- and 3-dimensional images, in groups, on floats and
   on quantized values, with a clamp fused in.

   Inputs: X, W, bias (optional). With layout "first", X is [N,C,...] and W [C,O/g,...] as in ONNX;
   with "last", X is [N,...,C] and W [O,...,C/g], output channels first as Conv has them.
   Quantized: as Conv; the scales of W run along the axis of the output channels, so that layout
   "first" takes one group only.
   An output value is one chain of fused multiply-adds over the taps that reach its position, in the
   order kernel row, kernel column, input channel. Every line of the output is made of a few dense
   products, one for each class of taps (deconv_weights.h). */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/arithmetic.h"
#include "ops/shared/deconv_weights.h"
#include "ops/shared/image.h"
#include "ops/shared/requant.h"
#include "runtime/shape.h"

enum { AUTO_PAD, DILATIONS, GROUP, HI, KERNEL_SHAPE, LAYOUT, LO, OUTPUT_PADDING, OUTPUT_SHAPE, PADS,
       STRIDES };
static const bt_attr_spec attrs[] = {
    {.name = "auto_pad", .kind = BT_ENUM, .words = BT_AUTO_PAD_WORDS},
    {.name = "dilations", .kind = BT_INTS},
    {.name = "group", .kind = BT_INT, .i = 1},
    {.name = "hi", .kind = BT_FLOAT, .f = INFINITY, .own = 1},
    {.name = "kernel_shape", .kind = BT_INTS},
    {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1},
    {.name = "lo", .kind = BT_FLOAT, .f = -INFINITY, .own = 1},
    {.name = "output_padding", .kind = BT_INTS},
    {.name = "output_shape", .kind = BT_INTS},
    {.name = "pads", .kind = BT_INTS},
    {.name = "strides", .kind = BT_INTS},
    {0}};
static const bt_window_attrs where = {.kernel = KERNEL_SHAPE, .strides = STRIDES,
                                      .dilations = DILATIONS, .pads = PADS, .auto_pad = AUTO_PAD,
                                      .ceil_mode = -1, .layout = LAYOUT};

/* ---- shapes ---- */

/* Entry d of a list with one number per spatial dimension; a longer output_shape, as some exporters
   write it, starts with batch and channels. */
static bt_status spatial_entry(bt_call* c, int attr, const char* what, const bt_window* w, int d,
                               int64_t missing, int64_t* value) {
  const bt_attr* a = &c->attr[attr];
  *value = missing;
  if (a->n == 0) return BT_OK;
  const int lead = attr == OUTPUT_SHAPE && a->n == w->n + 2 ? 2 : 0;
  if (a->n != w->n + lead)
    return bt_fail(c, BT_BAD_INPUT, "%s has %d numbers, %d expected", what, (int)a->n, w->n);
  *value = a->u.ints[lead + d];
  if (*value < 0 || *value > (int64_t)1 << 31)
    return bt_fail(c, BT_BAD_INPUT, "%s holds %" PRId64 "; values from 0 to 2^31 are allowed", what,
                   *value);
  return BT_OK;
}

/* Output length of one dimension, and its padding where it is not given. */
static bt_status one_dimension(bt_call* c, bt_window* w, int d) {
  int64_t extra, wanted;
  BT_TRY(spatial_entry(c, OUTPUT_PADDING, "output_padding", w, d, 0, &extra));
  BT_TRY(spatial_entry(c, OUTPUT_SHAPE, "output_shape", w, d, -1, &wanted));
  const int auto_pad = (int)c->attr[AUTO_PAD].i;
  const int same = auto_pad == BT_PAD_SAME_UPPER || auto_pad == BT_PAD_SAME_LOWER;
  w->out[d] = wanted;
  if (w->kernel[d] < 0 || w->in[d] < 0) return BT_OK;
  if (wanted < 0 && same) w->out[d] = wanted = bt_dim_mul(w->in[d], w->stride[d]);
  /* of the output without any padding; an input of length 0 reaches nothing */
  const int64_t reach = w->in[d] ? bt_dim_mul(w->stride[d], w->in[d] - 1) : 0;
  const int64_t full = bt_dim_add(reach, (w->kernel[d] - 1) * w->dilation[d] + 1 + extra);
  if (wanted >= 0) {
    const int64_t total = full > wanted ? full - wanted : 0;
    w->pad[d] = auto_pad == BT_PAD_SAME_UPPER ? total / 2 : total - total / 2;
    w->pad_end[d] = total - w->pad[d];
    return BT_OK;
  }
  w->out[d] = full - w->pad[d] - w->pad_end[d];
  if (w->out[d] < 0)
    return bt_fail(c, BT_BAD_INPUT,
                   "pads of %" PRId64 " and %" PRId64 " take more away than the output has in spatial "
                   "dimension %d, %" PRId64, w->pad[d], w->pad_end[d], d, full);
  return BT_OK;
}

static bt_status read_window(bt_call* c, bt_window* w) {
  const bt_tensor* weight = c->in[1];
  int64_t kernel[BT_SPATIAL_MAX] = {-1, -1, -1};
  const int first = c->attr[LAYOUT].i ? 1 : 2;
  for (int d = 0; weight->rank >= 0 && d < weight->rank - 2 && d < BT_SPATIAL_MAX; ++d)
    kernel[d] = weight->dims[first + d];
  BT_TRY(bt_window_attributes(c, &where, kernel, w));
  for (int d = 0; d < w->n; ++d) BT_TRY(one_dimension(c, w, d));
  return BT_OK;
}

/* Checks the weight against `channels`, the input's (or -1); gives the number of output channels. */
static bt_status check_weight(bt_call* c, int64_t channels, int64_t* outputs) {
  const bt_tensor* weight = c->in[1];
  const int last = c->attr[LAYOUT].i != 0;
  const int64_t group = c->attr[GROUP].i;
  *outputs = -1;
  if (bt_known(channels) && channels % group)
    return bt_fail(c, BT_BAD_INPUT, "%" PRId64 " input channels cannot be split into group=%" PRId64,
                   channels, group);
  if (!bt_has_rank(weight)) return BT_OK;
  const int64_t takes = last ? bt_dim_mul(weight->dims[weight->rank - 1], group) : weight->dims[0];
  *outputs = last ? weight->dims[0] : bt_dim_mul(weight->dims[1], group);
  if (bt_clash(channels, takes))
    return bt_fail(c, BT_BAD_INPUT, "the input has %" PRId64 " channels, the weight takes %" PRId64,
                   channels, takes);
  if (bt_known(takes) && takes % group)
    return bt_fail(c, BT_BAD_INPUT, "a weight of %" PRId64 " input channels cannot be split into group=%"
                   PRId64, takes, group);
  if (bt_known(*outputs) && *outputs % group)
    return bt_fail(c, BT_BAD_INPUT, "%" PRId64 " output channels cannot be split into group=%" PRId64,
                   *outputs, group);
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_PRODUCT));
  BT_TRY(bt_need_same_type(c, 0, 1));
  const int s8 = x->dtype == BT_I8;
  if (s8) BT_TRY(bt_need_type(c, 2, BT_BIT(BT_I32)));
  else BT_TRY(bt_need_same_type(c, 0, 2));
  const int64_t group = c->attr[GROUP].i;
  if (group < 1 || group > INT32_MAX)
    return bt_fail(c, BT_BAD_INPUT, "group is %" PRId64 "; numbers from 1 to 2^31 - 1 are allowed",
                   group);
  if (s8 && group > 1 && !c->attr[LAYOUT].i)
    return bt_fail(c, BT_UNSUPPORTED, "quantized values in groups need layout=last");
  /* integers without an output scale leave as floats: the sums times their scale */
  const bt_dtype type = s8 && !c->out[0]->quant ? BT_F32 : x->dtype;
  if (!bt_has_rank(x)) {
    bt_set_unranked(c->out[0], type);
    return BT_OK;
  }
  BT_TRY(bt_need_rank(c, 1, x->rank));
  bt_window w;
  int64_t outputs;
  BT_TRY(read_window(c, &w));
  BT_TRY(check_weight(c, x->dims[w.channel_axis], &outputs));
  BT_TRY(bt_need_vector(c, 2, outputs, "the bias"));
  bt_window_output(c, &w, type, outputs);
  return BT_OK;
}

/* ---- weights ---- */

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

/* Read off the attributes alone, which `load` knows as well as `prepare`. */
static int joins(const bt_call* c, const bt_window* w) {
  const int d = w->n - 1;
  const bt_attr* pads = &c->attr[PADS];
  const int padded = c->attr[AUTO_PAD].i == BT_PAD_EXPLICIT && pads->n > 0 &&
                     (pads->u.ints[d] || pads->u.ints[w->n + d]);
  return c->attr[GROUP].i == 1 && w->kernel[d] == w->stride[d] && w->dilation[d] == 1 && !padded &&
         c->attr[OUTPUT_PADDING].n == 0 && c->attr[OUTPUT_SHAPE].n == 0;
}

static bt_status measure(bt_call* c, bt_window* w, void* (*keep)(bt_call*, size_t), bt_deconv* s) {
  const int last = c->attr[LAYOUT].i != 0, group = (int)c->attr[GROUP].i;
  if (c->in[1]->dtype == BT_I8)
    BT_TRY(bt_need_product_q8(c, last ? 0 : 1, c->in[1]->dims[last ? 0 : 1]));
  BT_TRY(bt_deconv_measure(c, w, group, last, joins(c, w), s));
  s->list = keep(c, (size_t)bt_deconv_count(s) * sizeof *s->list);
  if (!s->list) return bt_fail_memory(c);
  bt_deconv_place(bt_call_kernels(c), s);
  return BT_OK;
}

/* Strides and dilations do not depend on the shape of X, which is not known yet. */
static bt_status load(bt_call* c) {
  const bt_tensor *weight = c->in[1], *bias = bt_given(c, 2) ? c->in[2] : NULL;
  if (!weight->constant || !weight->data || (bias && (!bias->constant || !bias->data)))
    return BT_OK;
  if (bt_count(weight) == 0) return BT_OK; /* any number of groups can be empty */
  bt_tensor x = *c->in[0];
  const bt_tensor* in[3] = {&x, weight, bias};
  x.rank = weight->rank;
  for (int d = 0; d < x.rank; ++d) x.dims[d] = -1;
  bt_call probe = *c;
  probe.in = in;
  bt_window w;
  bt_deconv s;
  BT_TRY(read_window(&probe, &w));
  BT_TRY(measure(c, &w, bt_keep, &s));
  void* room = bt_keep(c, s.bytes);
  void* gather = bt_alloc_scratch(c, s.gather_bytes);
  if (room && gather) bt_deconv_pack(c, &s, gather, room);
  bt_free_scratch(gather);
  if (!room || !gather) return bt_fail_memory(c);
  c->weights = room;
  c->loaded = 6; /* inputs 1 and 2 are not read any more */
  return BT_OK;
}

/* ---- planning ---- */

typedef struct plan {
  bt_window w;
  bt_image image;
  bt_deconv s;
  int64_t images, channels, outputs, positions_in;
  int64_t phases[3];  /* output positions with classes of their own: the stride, or all */
  int64_t* phase[3];  /* the class of each; -1: no tap reaches it */
  bt_product product; /* what all of them share */
  size_t scale_step;  /* factors of one group */
  size_t x_at, y_at, work_at, gather_at, pack_at; /* parts of the scratch */
  size_t work_step, pixel_bytes;                  /* scratch of one thread; one output pixel */
  int by_line;                                    /* threads take whole lines of the output */
} plan;

static bt_status list_phases(bt_call* c, plan* p) {
  for (int d = 0; d < 3; ++d) {
    const int64_t stride = p->image.stride[d], out = p->image.out[d];
    p->phases[d] = d == 2 && p->s.joined > 1 ? 1 : stride < out ? stride : out;
    p->phase[d] = bt_keep_plan(c, ((size_t)p->phases[d] + 1) * sizeof(int64_t));
    if (!p->phase[d]) return bt_fail_memory(c);
    for (int64_t i = 0; i < p->phases[d]; ++i) p->phase[d][i] = -1;
    for (int64_t i = 0; i < p->s.classes[d]; ++i) {
      /* tap i reaches the positions i * dilation - pad + n * stride */
      const int64_t at = (i * p->image.dilation[d] - p->image.pad[d]) % stride;
      const int64_t phase = at < 0 ? at + stride : at;
      if (phase < p->phases[d]) p->phase[d][phase] = i;
    }
  }
  return BT_OK;
}

static bt_status plan_product(bt_call* c, plan* p) {
  const bt_tensor* y = c->out[0];
  const float lo = c->attr[LO].f, hi = c->attr[HI].f;
  p->product = (bt_product){.s8 = p->s.s8, .cols = p->s.cols, .depth = p->s.depth, .lo = lo, .hi = hi,
                            .c_stride = p->outputs * p->image.stride[2],
                            .store = y->dtype == BT_F32 ? BT_STORE_F32 : BT_STORE_S8};
  if (!p->s.s8) return BT_OK;
  if (y->quant)
    bt_quantized_range(y, lo, hi, &p->product.zero, &p->product.q_lo, &p->product.q_hi);
  const size_t step = p->scale_step = ((size_t)p->s.cols + BT_NR_MAX - 1) / BT_NR_MAX * BT_NR_MAX;
  float* scale = bt_keep_plan(c, step * (size_t)p->s.group * sizeof *scale);
  if (!scale) return bt_fail_memory(c);
  for (int g = 0; g < p->s.group; ++g) {
    bt_quant part = *c->in[1]->quant;
    if (part.n > 1) part.scale += (size_t)g * (size_t)p->s.cols;
    const int outputs = p->s.cols / p->s.joined;
    for (int i = 0; i < p->s.joined; ++i)
      bt_requant_factors(c->in[0]->quant, &part, y->quant, outputs,
                         scale + (size_t)g * step + i * outputs);
  }
  p->product.scale = scale;
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  const bt_kernels* k = bt_call_kernels(c);
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  if (bt_count(y) == 0) return BT_OK;
  BT_TRY(read_window(c, &p->w));
  BT_TRY(measure(c, &p->w, bt_keep_plan, &p->s));
  const size_t element = bt_dtype_size(x->dtype);
  p->images = x->dims[0];
  p->channels = x->dims[p->w.channel_axis];
  p->outputs = y->dims[p->w.channel_axis];
  p->pixel_bytes = (size_t)p->outputs * bt_dtype_size(y->dtype);
  p->positions_in = 1;
  for (int d = 0; d < p->w.n; ++d) p->positions_in *= p->w.in[d];
  bt_image_from_window(&p->image, &p->w);
  p->image.pixel_bytes = p->channels * (int64_t)element;
  p->image.run_bytes = p->s.depth * (int64_t)element;
  unsigned char* zero = bt_keep_plan(c, (size_t)p->image.run_bytes + 64);
  if (!zero) return bt_fail_memory(c);
  if (p->s.s8) memset(zero, bt_zero_of(x->quant), (size_t)p->image.run_bytes);
  p->image.zero = zero;
  BT_TRY(list_phases(c, p));
  BT_TRY(plan_product(c, p));

  p->product.rows = (p->image.out[2] - 1) / p->image.stride[2] + 1; /* of the longest phase */
  for (int64_t i = 0; i < bt_deconv_count(&p->s); ++i) {
    p->product.taps = p->s.list[i].taps;
    const size_t bytes = align(bt_product_scratch(k, &p->product));
    if (bytes > p->work_step) p->work_step = bytes;
  }
  p->by_line = p->images * p->image.out[0] * p->image.out[1] >= bt_threads(c);
  size_t bytes = 0;
  p->x_at = bytes, bytes += p->s.last ? 0 : align(bt_bytes(x));
  p->y_at = bytes, bytes += p->s.last ? 0 : align(bt_bytes(y));
  p->work_at = bytes, bytes += p->work_step * (size_t)bt_threads(c);
  p->gather_at = bytes, bytes += c->weights ? 0 : align(p->s.gather_bytes);
  p->pack_at = bytes, bytes += c->weights ? 0 : p->s.bytes;
  c->scratch_bytes = bytes;
  return BT_OK;
}

/* ---- running ---- */

typedef struct job {
  bt_call* c;
  const plan* p;
  const unsigned char *x, *packed;
  unsigned char *y, *scratch;
} job;

/* The positions of one phase in one line of the output; row r is the position phase + r * stride. */
typedef struct line {
  const plan* p;
  const unsigned char* x; /* the image, first channel of the group */
  int64_t at[3];          /* the first position */
  int64_t class_of[3];
} line;

/* The input coordinate that tap i meets at the first position of a line. */
static int64_t source(const line* l, int d, int64_t i) {
  const bt_image* m = &l->p->image;
  return (l->at[d] + m->pad[d] - i * m->dilation[d]) / m->stride[d];
}

static void fill_line(const bt_product* product, int64_t first, int count, int mr, void* room,
                      const void** a) {
  const line* l = product->self;
  const bt_deconv* s = &l->p->s;
  const bt_image* m = &l->p->image;
  (void)room;
  if (!product->taps) return;
  for (int64_t kz = l->class_of[0]; kz < s->kernel[0]; kz += s->period[0]) {
    const int64_t z = source(l, 0, kz);
    for (int64_t ky = l->class_of[1]; ky < s->kernel[1]; ky += s->period[1]) {
      const int64_t y = source(l, 1, ky);
      const int inside = z >= 0 && z < m->in[0] && y >= 0 && y < m->in[1];
      const unsigned char* pixels = l->x + (z * m->in[1] + y) * m->in[2] * m->pixel_bytes;
      for (int64_t kx = l->class_of[2]; kx < s->kernel[2]; kx += s->period[2], a += mr) {
        const int64_t x0 = source(l, 2, kx) + first;
        for (int r = 0; r < mr; ++r) {
          const int64_t x = x0 + (r < count ? r : count - 1);
          a[r] = inside && x >= 0 && x < m->in[2] ? pixels + x * m->pixel_bytes : m->zero;
        }
      }
    }
  }
}

/* One phase of line `index` of the output, all groups. */
static void run_phase(const job* j, int64_t index, int64_t phase, void* scratch) {
  const plan* p = j->p;
  const bt_image* m = &p->image;
  const int64_t image = index / m->out[1] / m->out[0];
  line l = {.p = p, .at = {index / m->out[1] % m->out[0], index % m->out[1], phase}};
  for (int d = 0; d < 3; ++d)
    l.class_of[d] = p->phase[d][d == 2 ? phase : l.at[d] % m->stride[d]];
  const bt_deconv_class* one = bt_deconv_class_of(&p->s, l.class_of);
  bt_product product = p->product;
  product.taps = one->taps;
  product.rows = (m->out[2] - 1 - phase) / m->stride[2] + 1;
  product.panel_bytes = one->panel_bytes;
  product.fill = fill_line;
  product.self = &l;
  const size_t cell = bt_dtype_size(j->c->out[0]->dtype);
  for (int g = 0; g < p->s.group; ++g) {
    l.x = j->x + image * p->positions_in * m->pixel_bytes + g * m->run_bytes;
    product.panels = j->packed + one->at + (size_t)g * one->group_bytes;
    product.c = j->y + (size_t)(index * m->out[2] + phase) * p->pixel_bytes +
                (size_t)g * (size_t)p->s.cols * cell;
    product.scale = p->product.scale ? p->product.scale + (size_t)g * p->scale_step : NULL;
    if (p->by_line) {
      const bt_kernels* k = bt_call_kernels(j->c);
      bt_product_part(k, &product, 0, product.rows, 0, bt_product_panels(k, &product), scratch);
    } else {
      bt_product_run(j->c, &product, scratch);
    }
  }
}

static void run_lines(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  void* scratch = j->scratch + (size_t)thread * j->p->work_step;
  for (int64_t index = begin; index < end; ++index)
    for (int64_t phase = 0; phase < j->p->phases[2]; ++phase) run_phase(j, index, phase, scratch);
}

static bt_status run(bt_call* c) {
  const plan* p = c->plan;
  const bt_tensor *x = c->in[0], *y = c->out[0];
  unsigned char* scratch = c->scratch;
  if (bt_count(y) == 0) return BT_OK;
  job j = {.c = c, .p = p, .x = x->data, .y = y->data, .packed = c->weights,
           .scratch = scratch + p->work_at};
  if (!j.packed) {
    bt_deconv_pack(c, &p->s, scratch + p->gather_at, scratch + p->pack_at);
    j.packed = scratch + p->pack_at;
  }
  if (!p->s.last) {
    j.x = scratch + p->x_at;
    j.y = scratch + p->y_at;
    bt_channels_last(c, x->data, scratch + p->x_at, p->images, p->channels, p->positions_in,
                     bt_dtype_size(x->dtype));
  }
  const int64_t lines = p->images * p->image.out[0] * p->image.out[1];
  const int64_t work = p->image.in[2] * bt_window_taps(&p->w) * p->s.depth * p->outputs;
  if (p->by_line) bt_parallel(c, lines, 1 + 200000 / (work + 1), run_lines, &j);
  else run_lines(&j, 0, lines, 0);
  if (!p->s.last)
    bt_channels_first(c, scratch + p->y_at, y->data, p->images, p->outputs,
                      bt_window_positions(&p->w), bt_dtype_size(y->dtype));
  if (p->product.store == BT_STORE_F32 && p->s.s8) bt_clamp_output(c, c->attr[LO].f, c->attr[HI].f);
  return BT_OK;
}

/* Every input value meets every tap of its group's outputs. */
static int64_t macs(const bt_call* c) {
  const bt_tensor *x = c->in[0], *w = c->in[1];
  const int axis = c->attr[LAYOUT].i ? x->rank - 1 : 1;
  if (x->rank < 3 || x->dims[axis] < 1 || bt_count(x) < 0) return -1;
  /* positions of all images, times the weight: each group has its share of both */
  return bt_dim_mul(bt_count(x) / x->dims[axis], bt_count(w));
}

const bt_op bt_op_conv_transpose = {
    .name = "ConvTranspose", .summary = "Transposed convolution, in groups, with a fused clamp.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_SPATIAL, .quant = BT_QUANT_MACS,
    .infer = infer, .load = load, .prepare = prepare, .run = run, .macs = macs};
