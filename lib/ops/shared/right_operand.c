/* SPDX-License-Identifier: Apache-2.0
   Right operands of matrix products. */
#include "ops/shared/right_operand.h"

#include <inttypes.h>
#include <limits.h>

#include "kernels/kernels.h"
#include "ops/shared/requant.h"
#include "runtime/shape.h"

bt_status bt_right_begin(bt_call* c, int64_t depth, int64_t cols, ptrdiff_t depth_step,
                         ptrdiff_t col_step, int axis, bt_right* r) {
  const bt_kernels* k = bt_call_kernels(c);
  const int s8 = c->in[1]->dtype == BT_I8;
  const int64_t most = INT_MAX / 2;
  if (depth > most || cols > most)
    return bt_fail(c, BT_UNSUPPORTED,
                   "a right matrix of %" PRId64 " by %" PRId64 " is too long; at most 2^30 rows and "
                   "columns are taken", depth, cols);
  if (s8) BT_TRY(bt_need_product_q8(c, axis, cols));
  const int nr = s8 ? k->s8_nr : k->f32_nr;
  *r = (bt_right){.s8 = s8, .depth = (int)depth, .cols = (int)cols,
                  .panels = ((int)cols + nr - 1) / nr, .depth_step = depth_step,
                  .col_step = col_step, .wide = s8 && bt_is_q16(c->in[0])};
  r->x_zero = s8 && !r->wide ? bt_zero_of(c->in[0]->quant) : 0;
  r->panel_bytes = s8 ? bt_panel_s8(k, 1, r->depth) : bt_panel_f32(k, r->depth);
  r->matrix_bytes = r->panel_bytes * (size_t)r->panels;
  if (r->wide) r->matrix_bytes += bt_plane_bytes(cols * (int64_t)sizeof(double));
  return BT_OK;
}

void bt_right_pack_part(const bt_kernels* k, const bt_right* r, const void* w, const void* bias,
                        int begin, int end, void* room) {
  const int nr = r->s8 ? k->s8_nr : k->f32_nr;
  for (int panel = begin; panel < end; ++panel) {
    const int first = panel * nr, cols = r->cols - first < nr ? r->cols - first : nr;
    const ptrdiff_t at = r->depth ? first * r->col_step : 0; /* an empty matrix has no address */
    unsigned char* to = (unsigned char*)room + (size_t)panel * r->panel_bytes;
    if (r->s8)
      bt_pack_s8(k, cols, 1, r->depth, (const int8_t*)w + at, r->col_step, r->depth_step,
                 bias ? (const int32_t*)bias + first : NULL, r->x_zero, to);
    else
      bt_pack_f32(k, cols, r->depth, (const float*)w + at, r->col_step, r->depth_step,
                  bias ? (const float*)bias + first : NULL, (float*)(void*)to);
  }
}

typedef struct job {
  const bt_kernels* k;
  const bt_right* r;
  const void *w, *bias;
  void* room;
} job;

static void pack_job(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  (void)thread;
  bt_right_pack_part(j->k, j->r, j->w, j->bias, (int)begin, (int)end, j->room);
}

void bt_right_pack(bt_call* c, const bt_right* r, const void* w, const void* bias, void* room) {
  job j = {.k = bt_call_kernels(c), .r = r, .w = w, .bias = bias, .room = room};
  bt_parallel(c, r->panels, 1 + (int64_t)((size_t)128 * 1024 / r->panel_bytes), pack_job, &j);
}

/* ---- beside 16-bit values ---- */

static bt_weight_sums sum_column(const bt_right* r, const void* w, int j) {
  return bt_sum_weights((const int8_t*)w + j * r->col_step, r->depth, r->depth_step);
}

static int64_t largest_column(const bt_right* r, const void* w) {
  int64_t most = 0;
  for (int j = 0; j < r->cols; ++j) {
    const int64_t magnitude = sum_column(r, w, j).magnitude;
    if (magnitude > most) most = magnitude;
  }
  return most;
}

static double* starts_of(const bt_right* r, const void* matrix) {
  return (double*)(void*)((unsigned char*)(uintptr_t)matrix + r->panel_bytes * (size_t)r->panels);
}

static void set_starts(const bt_call* c, const bt_right* r, const void* w, int planes,
                       void* matrix) {
  const bt_tensor* bias = bt_given(c, 2) ? c->in[2] : NULL;
  double* start = starts_of(r, matrix);
  for (int j = 0; j < r->cols; ++j)
    start[j] = bt_start_s16(bias, j, planes, sum_column(r, w, j).sum);
}

/* The number of planes is kept behind the matrices. */
static int* planes_at(const bt_right* r, int64_t matrices, const void* weights) {
  return (int*)(void*)((unsigned char*)(uintptr_t)weights + (size_t)matrices * r->matrix_bytes);
}

bt_status bt_right_load(bt_call* c, const bt_right* r, int64_t matrices, const void* bias) {
  const bt_kernels* k = bt_call_kernels(c);
  const bt_tensor* w = c->in[1];
  if (matrices > 0 && r->matrix_bytes > SIZE_MAX / 2 / (size_t)matrices) return bt_fail_memory(c);
  unsigned char* room = bt_keep(c, r->matrix_bytes * (size_t)matrices + sizeof(int));
  if (!room) return bt_fail_memory(c);
  const size_t step = (size_t)r->depth * (size_t)r->cols * bt_dtype_size(w->dtype);
  int64_t most = 0;
  for (int64_t m = 0; m < matrices; ++m) {
    const unsigned char* from = (const unsigned char*)w->data + (size_t)m * step;
    unsigned char* to = room + (size_t)m * r->matrix_bytes;
    bt_right_pack_part(k, r, from, r->wide ? NULL : bias, 0, r->panels, to);
    const int64_t largest = r->wide ? largest_column(r, from) : 0;
    if (largest > most) most = largest;
  }
  const int planes = bt_planes_s16(k, r->depth, most);
  *planes_at(r, matrices, room) = planes;
  for (int64_t m = 0; r->wide && m < matrices; ++m)
    set_starts(c, r, (const unsigned char*)w->data + (size_t)m * step, planes,
               room + (size_t)m * r->matrix_bytes);
  c->weights = room;
  c->loaded |= 2;
  return BT_OK;
}

/* A product needs a high one of its own in the run; until then it says that there are two planes. */
static bt_status prepare_s16(bt_call* c, const bt_right* r, float lo, float hi, bt_product* p) {
  if (!c->weights)
    return bt_fail(c, BT_UNSUPPORTED, "a computed right operand beside 16-bit values; it must be constant");
  if (r->wide) {
    const int64_t matrices = bt_count(c->in[1]) / ((int64_t)r->depth * r->cols);
    p->wide = p->ready = *planes_at(r, matrices, c->weights) == 1;
    p->high = p->wide ? NULL : p;
  }
  return bt_finish_prepare(c, lo, hi, p);
}

bt_status bt_right_product(bt_call* c, const bt_right* r, float lo, float hi, bt_product* p) {
  const bt_kernels* k = bt_call_kernels(c);
  const bt_tensor* y = c->out[0];
  *p = (bt_product){.s8 = r->s8, .cols = r->cols, .depth = r->depth, .taps = 1,
                    .panel_bytes = r->panel_bytes, .c_stride = r->cols, .a_stride = r->depth,
                    .lo = lo, .hi = hi, .fill = bt_dense_rows,
                    .store = y->dtype == BT_F32 ? BT_STORE_F32 : BT_STORE_S8};
  if (!r->s8) return BT_OK;
  float* scale = bt_keep_plan(c, (size_t)r->panels * (size_t)k->s8_nr * sizeof *scale);
  if (!scale) return bt_fail_memory(c);
  bt_requant_factors(c->in[0]->quant, c->in[1]->quant, y->quant, r->cols, scale);
  p->scale = scale;
  if (bt_is_product_s16(c)) return prepare_s16(c, r, lo, hi, p);
  if (y->quant) bt_quantized_range(y, lo, hi, &p->zero, &p->q_lo, &p->q_hi);
  return BT_OK;
}

static size_t rows_bytes(const bt_product* p) {
  return p->high ? 2 * bt_plane_bytes(p->rows * p->depth) : 0;
}

size_t bt_right_scratch_s16(bt_call* c, const bt_product* p) {
  const size_t one = bt_product_scratch(bt_call_kernels(c), p);
  return rows_bytes(p) + one * (size_t)bt_threads(c);
}

void bt_right_run_s16(bt_call* c, const bt_right* r, const bt_product* p, const void* matrix,
                      const void* a, void* y, void* scratch) {
  bt_product product = *p, high;
  product.panels = matrix;
  product.a = a;
  product.c = y;
  if (r->wide) product.start = starts_of(r, matrix);
  if (p->high) {
    const int64_t n = p->rows * r->depth;
    bt_split_planes(c, a, n, scratch);
    product.a = scratch;
    high = product;
    high.a = (const unsigned char*)scratch + bt_plane_bytes(n);
    product.high = &high;
  }
  bt_product_run(c, &product, (unsigned char*)scratch + rows_bytes(p));
}
