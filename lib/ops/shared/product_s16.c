/* SPDX-License-Identifier: Apache-2.0
   Products with 16-bit activations. */
#include "ops/shared/product_s16.h"

#include <math.h>

#include "ops/shared/requant.h"
#include "runtime/shape.h"

#define SUM_BYTES ((size_t)128 * 1024) /* of sums that wait for their finish */

int bt_is_product_s16(const bt_call* c) {
  return bt_is_q16(c->in[0]) || (bt_is_q8(c->in[0]) && bt_is_q16(c->out[0]));
}

bt_status bt_finish_prepare(bt_call* c, float lo, float hi, bt_finish* f) {
  const bt_tensor *x = c->in[0], *w = c->in[1], *y = c->out[0];
  if (bt_is_q16(x) && bt_zero_of(x->quant) != 0)
    return bt_fail(c, BT_UNSUPPORTED, "input 0 has 16 bits and the zero point %d; only 0 is taken",
                   (int)bt_zero_of(x->quant));
  for (int i = 0; i < w->quant->n; ++i) {
    bt_quant one = *w->quant;
    float factor;
    one.scale += i;
    bt_requant_factors(x->quant, &one, y->quant, 1, &factor);
    if (!isfinite(factor))
      return bt_fail(c, BT_UNSUPPORTED,
                     "the output's scale %g is too small beside those of its operands, %g and %g",
                     (double)y->quant->scale[0], (double)x->quant->scale[0], (double)one.scale[0]);
  }
  *f = (bt_finish){.store = y->dtype == BT_F32   ? BT_FINISH_F32
                            : y->dtype == BT_I16 ? BT_FINISH_S16
                                                 : BT_FINISH_S8};
  if (y->quant) bt_quantized_range(y, lo, hi, &f->zero, &f->lo, &f->hi);
  return BT_OK;
}

double bt_split_start(const bt_tensor* bias, int64_t o, int64_t weights) {
  const int64_t own = bias ? bt_get_int(bias, o) : 0;
  return (double)own + 128.0 * (double)weights;
}

/* ---- planes ---- */

size_t bt_plane_bytes(int64_t n) { return ((size_t)n + 63) / 64 * 64; }

typedef struct split_job {
  const bt_kernels* k;
  const int16_t* x;
  int8_t *low, *high;
} split_job;

static void split_part(void* arg, int64_t begin, int64_t end, int thread) {
  const split_job* j = arg;
  (void)thread;
  j->k->split_s16(j->x + begin, j->low + begin, j->high + begin, (size_t)(end - begin));
}

void bt_split_planes(bt_call* c, const void* x, int64_t n, void* planes) {
  split_job j = {.k = bt_call_kernels(c), .x = x, .low = planes,
                 .high = (int8_t*)planes + bt_plane_bytes(n)};
  bt_parallel(c, n, 16384, split_part, &j);
}

/* ---- products ---- */

/* Rows whose sums fit the room: whole tiles. */
static int64_t chunk_rows(const bt_kernels* k, const bt_product_s16* p) {
  const int64_t row_bytes = (int64_t)p->low.cols * 4 * (p->split ? 2 : 1);
  const int64_t tiles = (int64_t)SUM_BYTES / (row_bytes * k->s8_mr + 1);
  return (tiles < 1 ? 1 : tiles) * k->s8_mr;
}

static size_t sums_bytes(const bt_kernels* k, const bt_product_s16* p) {
  return bt_plane_bytes(chunk_rows(k, p) * p->low.cols * (int64_t)sizeof(int32_t));
}

size_t bt_product_s16_scratch(const bt_kernels* k, const bt_product_s16* p) {
  return sums_bytes(k, p) * (p->split ? 2 : 1) + bt_plane_bytes((int64_t)bt_product_scratch(k, &p->low));
}

typedef struct job {
  const bt_kernels* k;
  const bt_product_s16* p;
  unsigned char* scratch;
  size_t step;
  int64_t chunk;
} job;

static void run_chunk(const job* j, int64_t begin, int64_t end, unsigned char* scratch) {
  const bt_product_s16* p = j->p;
  const size_t bytes = sums_bytes(j->k, p);
  const int panels = bt_product_panels(j->k, &p->low);
  unsigned char* room = scratch + bytes * (p->split ? 2 : 1);
  for (int half = 0; half <= p->split; ++half) {
    bt_product product = half ? p->high : p->low;
    product.c = scratch + (half ? bytes : 0);
    product.c_row = begin;
    product.c_stride = product.cols;
    bt_product_part(j->k, &product, begin, end, 0, panels, room);
  }
  static const size_t element[] = {[BT_FINISH_S8] = 1, [BT_FINISH_S16] = 2, [BT_FINISH_F32] = 4};
  bt_finish f = p->finish;
  for (int64_t row = begin; row < end; ++row) {
    const ptrdiff_t at = (ptrdiff_t)(row - begin) * p->low.cols;
    f.low = (const int32_t*)(void*)scratch + at;
    f.high = p->split ? (const int32_t*)(void*)(scratch + bytes) + at : NULL;
    f.y = (unsigned char*)p->finish.y + (ptrdiff_t)row * p->y_stride * (ptrdiff_t)element[f.store];
    j->k->finish(&f, (size_t)p->low.cols);
  }
}

static void run_job(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t first = i * j->chunk, left = j->p->low.rows - first;
    run_chunk(j, first, first + (left < j->chunk ? left : j->chunk),
              j->scratch + (size_t)thread * j->step);
  }
}

void bt_product_s16_run(bt_call* c, const bt_product_s16* p, void* scratch) {
  const bt_kernels* k = bt_call_kernels(c);
  job j = {.k = k, .p = p, .scratch = scratch, .step = bt_product_s16_scratch(k, p),
           .chunk = chunk_rows(k, p)};
  const int64_t macs = j.chunk * p->low.cols * (int64_t)p->low.depth * p->low.taps;
  bt_parallel(c, (p->low.rows + j.chunk - 1) / j.chunk, 200000 / (macs + 1) + 1, run_job, &j);
}
