/* SPDX-License-Identifier: Apache-2.0
   The frame of pooling with sliding windows. */
#include "ops/shared/pooling.h"

#include "runtime/shape.h"

static const bt_window_attrs where = {
    .kernel = BT_POOL_KERNEL, .strides = BT_POOL_STRIDES, .dilations = BT_POOL_DILATIONS,
    .pads = BT_POOL_PADS, .auto_pad = BT_POOL_AUTO_PAD, .ceil_mode = BT_POOL_CEIL_MODE,
    .layout = BT_POOL_LAYOUT};

bt_status bt_pooling_window(bt_call* c, bt_window* w) { return bt_window_read(c, &where, NULL, w); }

bt_status bt_pooling_infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  if (!bt_has_rank(x)) return BT_OK;
  bt_window w;
  BT_TRY(bt_pooling_window(c, &w));
  bt_window_output(c, &w, x->dtype, x->dims[w.channel_axis]);
  return BT_OK;
}

/* One dimension of a window at one output position: taps [from, to) hit the image. */
typedef struct range {
  int64_t from, to, inside;
} range;

/* How many of the taps at start, start + dilation, ... lie below `end`, and how many below 0. */
static int64_t taps_below(int64_t start, int64_t dilation, int64_t taps, int64_t end) {
  if (start >= end) return 0;
  const int64_t n = (end - start + dilation - 1) / dilation;
  return n < taps ? n : taps;
}

typedef struct plan {
  bt_window w;
  bt_image image; /* the same with three dimensions */
  int64_t pad_end[3], images, channels;
  size_t element, y_at; /* y_at: where the scratch has Y */
  int last, own_y;      /* own_y: Y is made in the scratch: to be transposed, or for nobody */
} plan;

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

bt_status bt_pooling_prepare(bt_call* c) {
  const bt_tensor* x = c->in[0];
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  BT_TRY(bt_pooling_window(c, &p->w));
  bt_image_from_window(&p->image, &p->w);
  for (int d = 0; d < p->w.n; ++d) p->pad_end[3 - p->w.n + d] = p->w.pad_end[d];
  p->images = x->dims[0];
  p->channels = x->dims[p->w.channel_axis];
  p->element = bt_dtype_size(x->dtype);
  p->last = c->attr[BT_POOL_LAYOUT].i != 0;
  p->own_y = !p->last || !bt_wants(c, 0);
  if (p->images == 0 || p->channels == 0) return BT_OK; /* other lengths may be of any size then */
  p->y_at = p->last ? 0 : align(bt_bytes(x));
  const int64_t results = p->images * p->channels * bt_window_positions(&p->w);
  c->scratch_bytes = p->y_at + (p->own_y ? (size_t)results * p->element : 0);
  return BT_OK;
}

typedef struct job {
  const bt_call* c;
  const plan* p;
  bt_pooling_fn pixel;
  const unsigned char* x;
  unsigned char* y;
} job;

static range find_taps(const plan* p, int d, int64_t position) {
  const bt_image* m = &p->image;
  const int64_t start = position * m->stride[d] - m->pad[d];
  const int64_t step = m->dilation[d], taps = m->kernel[d];
  if (start >= 0 && start + (taps - 1) * step < m->in[d]) /* no division for most of them */
    return (range){.to = taps, .inside = taps};
  return (range){.from = taps_below(start, step, taps, 0),
                 .to = taps_below(start, step, taps, m->in[d]),
                 .inside = taps_below(start, step, taps, m->in[d] + p->pad_end[d])};
}

static void set_taps(const plan* p, bt_pooling_taps* taps, int d, int64_t position, range r,
                     int64_t size) {
  const bt_image* m = &p->image;
  taps->n[d] = r.to - r.from;
  taps->step[d] = m->dilation[d] * size;
  taps->pixel[d] = position * m->stride[d] - m->pad[d] + r.from * m->dilation[d];
}

/* Parts are lines of output positions. */
static void run_lines(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const plan* p = j->p;
  const bt_image* m = &p->image;
  const int64_t pixel = p->channels * (int64_t)p->element;
  const int64_t size[3] = {m->in[1] * m->in[2] * pixel, m->in[2] * pixel, pixel};
  const int64_t positions = m->out[0] * m->out[1] * m->out[2];
  (void)thread;
  for (int64_t line = begin; line < end; ++line) {
    const int64_t at[2] = {line / m->out[1] % m->out[0], line % m->out[1]};
    const int64_t image = line / m->out[1] / m->out[0];
    const range rows[2] = {find_taps(p, 0, at[0]), find_taps(p, 1, at[1])};
    bt_pooling_taps taps = {.number = image, .image = m};
    const unsigned char* first = j->x + image * m->in[0] * size[0]; /* of the line's taps */
    for (int d = 0; d < 2; ++d) {
      set_taps(p, &taps, d, at[d], rows[d], size[d]);
      if (taps.n[d]) first += taps.pixel[d] * size[d];
    }
    const int64_t hit = taps.n[0] * taps.n[1];
    const int64_t inside = bt_dim_mul(rows[0].inside, rows[1].inside); /* may be of any size */
    for (int64_t column = 0; column < m->out[2]; ++column) {
      const range columns = find_taps(p, 2, column);
      set_taps(p, &taps, 2, column, columns, size[2]);
      taps.hit = hit * taps.n[2];
      taps.inside = bt_dim_mul(inside, columns.inside);
      taps.first = taps.n[2] ? first + taps.pixel[2] * size[2] : first;
      taps.position = line * m->out[2] + column - image * positions;
      j->pixel(j->c, &taps, j->y + (line * m->out[2] + column) * pixel, p->channels);
    }
  }
}

bt_status bt_pooling_run(bt_call* c, bt_pooling_fn pixel) {
  const plan* p = c->plan;
  const bt_image* m = &p->image;
  unsigned char* scratch = c->scratch;
  if (p->images == 0 || p->channels == 0) return BT_OK;
  const int64_t positions = bt_window_positions(&p->w), lines = p->images * m->out[0] * m->out[1];
  job j = {.c = c, .p = p, .pixel = pixel, .x = c->in[0]->data,
           .y = p->own_y ? scratch + p->y_at : c->out[0]->data};
  if (!p->last) {
    bt_channels_last(c, c->in[0]->data, scratch, p->images, p->channels,
                     m->in[0] * m->in[1] * m->in[2], p->element);
    j.x = scratch;
  }
  bt_parallel(c, lines, 1 + 16384 / (m->out[2] * p->channels + 1), run_lines, &j);
  if (!p->last && bt_wants(c, 0))
    bt_channels_first(c, j.y, c->out[0]->data, p->images, p->channels, positions, p->element);
  return BT_OK;
}
