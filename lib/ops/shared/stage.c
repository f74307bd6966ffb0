/* SPDX-License-Identifier: Apache-2.0
   Padded copies of images. */
#include "ops/shared/stage.h"

#include <string.h>

#include "kernels/kernels.h"

/* What the windows of one dimension reach. */
static int64_t reach(const bt_image* m, int d) {
  return (m->out[d] - 1) * m->stride[d] + (m->kernel[d] - 1) * m->dilation[d] + 1;
}

/* The copy may have twice the pixels of the image in every dimension, and some more. */
static int is_close(const bt_image* m, int d) {
  const int64_t most = 2 * m->in[d] + 16;
  return m->out[d] > 0 && m->kernel[d] <= most && m->dilation[d] <= most && m->stride[d] <= most &&
         m->out[d] <= most && reach(m, d) <= most;
}

int bt_stage_fits(const bt_image* m) { return is_close(m, 0) && is_close(m, 1) && is_close(m, 2); }

bt_status bt_stage_plan(bt_call* c, const bt_image* m, int64_t channels, bt_dtype type,
                        int runs, bt_stage* s) {
  const bt_kernels* k = bt_call_kernels(c);
  *s = (bt_stage){.image = m, .channels = channels};
  if (!bt_stage_fits(m)) return BT_OK;
  if (runs && (m->dilation[2] != 1 || m->run_bytes != m->pixel_bytes)) return BT_OK;
  s->prepares = type == BT_I8 && k->prepare_s8;
  s->element = s->prepares ? (size_t)k->s8_bytes : bt_dtype_size(type);
  s->depth = reach(m, 0), s->height = reach(m, 1), s->width = reach(m, 2);
  const int64_t pixel = channels * (int64_t)s->element;
  s->line_bytes = (s->width * pixel + 4 + 63) / 64 * 64; /* preparing may write a group more */
  s->bytes = (size_t)(s->depth * s->height * s->line_bytes) + 64; /* a kernel may read one more */
  const int64_t columns = runs ? 1 : m->kernel[2], taps = m->kernel[0] * m->kernel[1] * columns;
  s->offset = bt_keep_plan(c, (size_t)taps * sizeof *s->offset);
  if (!s->offset) return bt_fail_memory(c);
  int64_t* to = s->offset;
  for (int64_t z = 0; z < m->kernel[0]; ++z)
    for (int64_t y = 0; y < m->kernel[1]; ++y)
      for (int64_t x = 0; x < columns; ++x)
        *to++ = (z * m->dilation[0] * s->height + y * m->dilation[1]) * s->line_bytes +
                x * m->dilation[2] * pixel;
  return BT_OK;
}

typedef struct job {
  const bt_stage* s;
  const bt_kernels* k;
  const unsigned char* x; /* the image */
} job;

static void put(const job* j, const unsigned char* from, int64_t elements, unsigned char* to) {
  const int most = 1 << 30;
  const size_t element = j->s->element;
  if (!j->s->prepares) {
    memcpy(to, from, (size_t)elements * element);
    return;
  }
  for (; elements > most; elements -= most, from += most, to += element * (size_t)most)
    j->k->prepare_s8((const int8_t*)from, to, most);
  j->k->prepare_s8((const int8_t*)from, to, (int)elements);
}

static void put_zeros(const job* j, int64_t pixels, unsigned char* to) {
  const bt_stage* s = j->s;
  const int64_t values = pixels * s->channels;
  union {
    unsigned char byte;
    int16_t word;
    unsigned char group[4];
  } zero = {.group = {0}};
  if (s->prepares) j->k->prepare_s8((const int8_t*)s->image->zero, zero.group, 1);
  else if (s->element == 1) zero.byte = *s->image->zero;
  if (s->element != 2) memset(to, zero.byte, (size_t)values * s->element);
  else
    for (int64_t i = 0; i < values; ++i) ((int16_t*)(void*)to)[i] = zero.word;
}

static void fill_lines(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_stage* s = j->s;
  const bt_image* m = s->image;
  const int64_t pixel = s->channels * (int64_t)s->element;
  const int64_t left = m->pad[2] < s->width ? m->pad[2] : s->width;
  const int64_t room = s->width - left, inside = m->in[2] < room ? m->in[2] : room;
  (void)thread;
  for (int64_t line = begin; line < end; ++line) {
    unsigned char* to = s->room + line * s->line_bytes;
    const int64_t z = line / s->height - m->pad[0], y = line % s->height - m->pad[1];
    if (z < 0 || z >= m->in[0] || y < 0 || y >= m->in[1]) {
      put_zeros(j, s->width, to);
      continue;
    }
    put_zeros(j, left, to);
    put(j, j->x + (z * m->in[1] + y) * m->in[2] * m->pixel_bytes, inside * s->channels,
        to + left * pixel);
    put_zeros(j, room - inside, to + (left + inside) * pixel);
  }
}

void bt_stage_fill(bt_call* c, bt_stage* s, int64_t i, void* room) {
  const bt_image* m = s->image;
  s->room = room;
  job j = {.s = s, .k = bt_call_kernels(c),
           .x = m->x + i * m->in[0] * m->in[1] * m->in[2] * m->pixel_bytes};
  bt_parallel(c, s->depth * s->height, 1 + 32768 / s->line_bytes, fill_lines, &j);
}

void bt_stage_rows(const bt_product* p, int64_t first, int count, int mr, void* room,
                   const void** a) {
  const bt_stage* s = p->self;
  const bt_image* m = s->image;
  const int64_t step = m->stride[2] * s->channels * (int64_t)s->element;
  int64_t x = first % m->out[2], y = first / m->out[2] % m->out[1];
  int64_t z = first / m->out[2] / m->out[1];
  const unsigned char* at[BT_MR_MAX];
  (void)room;
  for (int r = 0; r < mr; ++r) {
    at[r] = s->from + (z * m->stride[0] * s->height + y * m->stride[1]) * s->line_bytes + x * step;
    if (r + 1 >= count) continue; /* the last row is repeated */
    if (++x < m->out[2]) continue;
    x = 0;
    if (++y < m->out[1]) continue;
    y = 0;
    ++z;
  }
  for (int tap = 0; tap < p->taps; ++tap, a += mr)
    for (int r = 0; r < mr; ++r) a[r] = at[r] + s->offset[tap];
}
