/* SPDX-License-Identifier: Apache-2.0
   Gemm: y = alpha * A * B + beta * C for two matrices, either of them transposed; C broadcasts to y.
   A clamp (Relu, Relu6, Clip) may be fused in.

   Where alpha is 1 and C has one value per column (the bias of a fully connected layer), the sums
   start from beta * C. Otherwise the product is made first: y = product * alpha + beta * C, each
   operation rounded. For integers other factors than 1 are applied in doubles and truncated.
   Quantized: A and Y are i8 with a scale and a zero point, B is i8 with one scale per column of the
   product and no zero points, C is i32 with scale a_scale * b_scale; alpha and beta are 1. Y may be
   f32. A and Y may also be i16 with zero point 0; beside an A of 16 bits C is i64. */
#include <inttypes.h>
#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/arithmetic.h"
#include "ops/shared/image.h"
#include "ops/shared/plain_product.h"
#include "ops/shared/requant.h"
#include "ops/shared/right_operand.h"
#include "runtime/shape.h"

enum { ALPHA, BETA, HI, LO, TRANS_A, TRANS_B };
static const bt_attr_spec attrs[] = {{.name = "alpha", .kind = BT_FLOAT, .f = 1},
                                     {.name = "beta", .kind = BT_FLOAT, .f = 1},
                                     {.name = "hi", .kind = BT_FLOAT, .f = INFINITY, .own = 1},
                                     {.name = "lo", .kind = BT_FLOAT, .f = -INFINITY, .own = 1},
                                     {.name = "transA", .kind = BT_INT},
                                     {.name = "transB", .kind = BT_INT},
                                     {0}};

/* ---- shapes ---- */

static int64_t rows_of(const bt_call* c) { return c->in[0]->dims[c->attr[TRANS_A].i ? 1 : 0]; }
static int64_t depth_a(const bt_call* c) { return c->in[0]->dims[c->attr[TRANS_A].i ? 0 : 1]; }
static int64_t depth_b(const bt_call* c) { return c->in[1]->dims[c->attr[TRANS_B].i ? 1 : 0]; }
static int64_t cols_of(const bt_call* c) { return c->in[1]->dims[c->attr[TRANS_B].i ? 0 : 1]; }

static bt_status check_types(bt_call* c) {
  const int stored = c->in[0]->dtype == BT_I8 || bt_is_q16(c->in[0]);
  BT_TRY(bt_need_product_types(c, BT_TYPES_PRODUCT | BT_TYPES_PLAIN_PRODUCT));
  const float lo = c->attr[LO].f, hi = c->attr[HI].f;
  if (!stored && bt_is_type(c->in[0]->dtype, BT_TYPES_PLAIN_PRODUCT) && (lo != -INFINITY || hi != INFINITY))
    return bt_fail(c, BT_UNSUPPORTED, "lo and hi bound floats and quantized values, not type %s",
                   bt_dtype_name(c->in[0]->dtype));
  if (stored && (c->attr[ALPHA].f != 1.0f || c->attr[BETA].f != 1.0f))
    return bt_fail(c, BT_UNSUPPORTED, "alpha and beta must be 1 where values are quantized");
  return BT_OK;
}

/* C must broadcast to y without making it larger. */
static bt_status check_addend(bt_call* c, int64_t rows, int64_t cols) {
  if (!bt_given(c, 2) || !bt_has_rank(c->in[2])) return BT_OK;
  const bt_tensor* add = c->in[2];
  const int64_t want[2] = {rows, cols};
  int fits = add->rank <= 2;
  for (int d = 0; d < add->rank && fits; ++d) {
    const int64_t n = add->dims[d];
    fits = n == 1 || !bt_clash(n, want[2 - add->rank + d]);
  }
  if (fits) return BT_OK;
  char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
  return bt_fail(c, BT_BAD_INPUT, "C has shape %s, which does not broadcast to the product's, %s",
                 bt_shape_text(add, p), bt_shape_text(c->out[0], q));
}

static bt_status infer(bt_call* c) {
  BT_TRY(check_types(c));
  BT_TRY(bt_need_rank(c, 0, 2));
  BT_TRY(bt_need_rank(c, 1, 2));
  const bt_tensor *a = c->in[0], *b = c->in[1];
  int64_t dims[2] = {-1, -1};
  if (bt_has_rank(a)) dims[0] = rows_of(c);
  if (bt_has_rank(b)) dims[1] = cols_of(c);
  if (bt_has_rank(a) && bt_has_rank(b) && bt_clash(depth_a(c), depth_b(c)))
    return bt_fail(c, BT_BAD_INPUT,
                   "A has rows of %" PRId64 " and B columns of %" PRId64 " (transA=%d, transB=%d)",
                   depth_a(c), depth_b(c), c->attr[TRANS_A].i != 0, c->attr[TRANS_B].i != 0);
  bt_set_shape(c->out[0], bt_product_type(c), 2, dims);
  return check_addend(c, dims[0], dims[1]);
}

/* ---- planning ---- */

typedef struct plan {
  int64_t rows, cols, depth;
  int starts; /* sums start from C */
  bt_right right;
  bt_product product;
  int wide; /* A or Y have 16 bits */
  size_t a_at, pack_at, bias_at; /* parts of the scratch; the product's comes first */
} plan;

/* A product of integers that are not quantized. */
static int is_plain(const bt_call* c) {
  return bt_is_type(c->in[0]->dtype, BT_TYPES_PLAIN_PRODUCT) && !bt_is_q16(c->in[0]);
}

/* Sums may start from C: one value per column, nothing to multiply them by. */
static int starts_from_addend(const bt_call* c, int64_t cols) {
  if (c->attr[ALPHA].f != 1.0f) return 0;
  if (!bt_given(c, 2)) return 1;
  const bt_tensor* add = c->in[2];
  return add->rank > 0 && bt_count(add) == cols &&
         add->dims[add->rank - 1] == cols;
}

static bt_status begin_right(bt_call* c, bt_right* r) {
  const int64_t depth = depth_b(c), cols = cols_of(c);
  return c->attr[TRANS_B].i ? bt_right_begin(c, depth, cols, 1, depth, 0, r)
                            : bt_right_begin(c, depth, cols, cols, 1, 1, r);
}

/* beta * C in `room`, or C itself where nothing changes; NULL without C. */
static const void* scaled_bias(const bt_call* c, int64_t cols, float* room) {
  if (!bt_given(c, 2)) return NULL;
  const float beta = c->attr[BETA].f;
  if (beta == 1.0f) return c->in[2]->data;
  const float* add = c->in[2]->data;
  for (int64_t j = 0; j < cols; ++j) room[j] = add[j] * beta;
  return room;
}

static bt_status load(bt_call* c) {
  const bt_tensor *b = c->in[1], *add = bt_given(c, 2) ? c->in[2] : NULL;
  if (b->dtype != BT_F32 && b->dtype != BT_I8) return BT_OK;
  if (!b->constant || !b->data || (add && (!add->constant || !add->data)) || bt_count(b) == 0)
    return BT_OK;
  bt_right right;
  BT_TRY(begin_right(c, &right));
  if (!starts_from_addend(c, right.cols)) return bt_right_load(c, &right, 1, NULL);
  float* room = bt_alloc_scratch(c, (size_t)right.cols * sizeof *room);
  if (!room) return bt_fail_memory(c);
  const bt_status status = bt_right_load(c, &right, 1, scaled_bias(c, right.cols, room));
  bt_free_scratch(room);
  if (add) c->loaded |= 4;
  return status;
}

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

static bt_status prepare(bt_call* c) {
  const bt_tensor* a = c->in[0];
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  *p = (plan){.rows = rows_of(c), .cols = cols_of(c), .depth = depth_b(c)};
  p->starts = starts_from_addend(c, p->cols);
  if (bt_count(c->out[0]) == 0 || is_plain(c)) return BT_OK;
  if ((a->dtype == BT_I8 || bt_is_q16(a)) && !p->starts)
    return bt_fail(c, BT_UNSUPPORTED, "C must have one value per column where values are quantized");
  BT_TRY(begin_right(c, &p->right));
  p->wide = bt_is_product_s16(c);
  BT_TRY(bt_right_product(c, &p->right, p->starts ? c->attr[LO].f : -INFINITY,
                          p->starts ? c->attr[HI].f : INFINITY, &p->product));
  p->product.rows = p->rows;
  p->a_at = align(p->wide ? bt_right_scratch_s16(c, &p->product)
                          : bt_product_scratch(bt_call_kernels(c), &p->product) * (size_t)bt_threads(c));
  p->bias_at = p->a_at + (c->attr[TRANS_A].i ? align(bt_bytes(a)) : 0);
  p->pack_at = p->bias_at + (c->weights ? 0 : align((size_t)p->cols * sizeof(float)));
  c->scratch_bytes = p->pack_at + (c->weights ? 0 : p->right.matrix_bytes);
  return BT_OK;
}

/* ---- y = y * alpha + beta * C ---- */

typedef struct finish {
  const bt_kernels* k;
  bt_tensor *y, add;
  int64_t cols, step[BT_MAX_RANK]; /* of C, by row and column */
  float alpha, beta, lo, hi;
} finish;

#define FLOAT_ROWS(name, T)                                                      \
  static void name(const finish* f, int64_t begin, int64_t end) {                \
    const T alpha = (T)f->alpha, beta = (T)f->beta;                              \
    for (int64_t i = begin; i < end; ++i) {                                      \
      T* y = (T*)f->y->data + i * f->cols;                                       \
      const T* add = (const T*)f->add.data + i * f->step[0];                     \
      for (int64_t j = 0; j < f->cols; ++j)                                      \
        y[j] = y[j] * alpha + add[j * f->step[1]] * beta;                        \
    }                                                                            \
  }
FLOAT_ROWS(rows_f32, float)
FLOAT_ROWS(rows_f64, double)

static void rows_int(const finish* f, int64_t begin, int64_t end) {
  const int exact = f->alpha == 1.0f && f->beta == 1.0f;
  for (int64_t i = begin; i < end; ++i)
    for (int64_t j = 0; j < f->cols; ++j) {
      const int64_t at = i * f->cols + j, from = i * f->step[0] + j * f->step[1];
      if (exact)
        bt_put_int(f->y, at, (int64_t)((uint64_t)bt_get_int(f->y, at) +
                                       (uint64_t)bt_get_int(&f->add, from)));
      else
        bt_put(f->y, at, bt_get(f->y, at) * (double)f->alpha +
                             bt_get(&f->add, from) * (double)f->beta);
    }
}

static void finish_part(void* arg, int64_t begin, int64_t end, int thread) {
  const finish* f = arg;
  (void)thread;
  if (f->y->dtype == BT_F32) {
    float* y = (float*)f->y->data + begin * f->cols;
    rows_f32(f, begin, end);
    f->k->clamp(y, y, (size_t)((end - begin) * f->cols), f->lo, f->hi);
  } else if (f->y->dtype == BT_F64) {
    rows_f64(f, begin, end);
  } else {
    rows_int(f, begin, end);
  }
}

static void scale_and_add(bt_call* c, const plan* p) {
  static const uint64_t zero; /* in every type */
  finish f = {.k = bt_call_kernels(c), .y = c->out[0], .cols = p->cols, .alpha = c->attr[ALPHA].f,
              .beta = c->attr[BETA].f, .lo = c->attr[LO].f, .hi = c->attr[HI].f};
  if (bt_given(c, 2)) {
    f.add = *c->in[2];
    bt_broadcast_strides(c->in[2], c->out[0], f.step);
  } else {
    f.add = (bt_tensor){.dtype = c->out[0]->dtype, .data = (void*)(uintptr_t)&zero};
    f.beta = 1.0f;
  }
  bt_parallel(c, p->rows, 1 + 8192 / p->cols, finish_part, &f);
}

/* ---- running ---- */

static void run_plain(bt_call* c, const plan* p) {
  const int ta = c->attr[TRANS_A].i != 0, tb = c->attr[TRANS_B].i != 0;
  const bt_dtype type = c->in[0]->dtype;
  bt_plain_start(type, c->out[0]->data, p->rows, p->cols, NULL);
  bt_plain_product_run(
      c, &(bt_plain_product){.type = type, .rows = p->rows, .cols = p->cols, .depth = p->depth,
                             .a = c->in[0]->data, .b = c->in[1]->data, .y = c->out[0]->data,
                             .a_row = ta ? 1 : p->depth, .a_depth = ta ? p->rows : 1,
                             .b_depth = tb ? 1 : p->cols, .b_col = tb ? p->depth : 1,
                             .y_row = p->cols});
  scale_and_add(c, p);
}

static bt_status run(bt_call* c) {
  const plan* p = c->plan;
  const bt_tensor* a = c->in[0];
  unsigned char* scratch = c->scratch;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  if (is_plain(c)) {
    run_plain(c, p);
    return BT_OK;
  }
  bt_product product = p->product;
  product.a = a->data;
  if (c->attr[TRANS_A].i) {
    bt_channels_last(c, a->data, scratch + p->a_at, 1, p->depth, p->rows, bt_dtype_size(a->dtype));
    product.a = scratch + p->a_at;
  }
  if (p->wide) {
    bt_right_run_s16(c, &p->right, &product, c->weights, product.a, c->out[0]->data, scratch);
    if (c->out[0]->dtype == BT_F32) bt_clamp_output(c, c->attr[LO].f, c->attr[HI].f);
    return BT_OK;
  }
  product.panels = c->weights;
  if (!product.panels) {
    float* bias = (float*)(void*)(scratch + p->bias_at);
    bt_right_pack(c, &p->right, c->in[1]->data, p->starts ? scaled_bias(c, p->cols, bias) : NULL,
                  scratch + p->pack_at);
    product.panels = scratch + p->pack_at;
  }
  product.c = c->out[0]->data;
  bt_product_run(c, &product, scratch);
  if (!p->starts) scale_and_add(c, p);
  else if (product.s8 && product.store == BT_STORE_F32)
    bt_clamp_output(c, c->attr[LO].f, c->attr[HI].f);
  return BT_OK;
}

static int64_t macs(const bt_call* c) {
  return bt_dim_mul(bt_count(c->out[0]), c->in[1]->rank == 2 ? depth_b(c) : -1);
}

const bt_op bt_op_gemm = {
    .name = "Gemm", .summary = "Matrix product with factors, an addend and a fused clamp.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .quant = BT_QUANT_MACS, .infer = infer, .load = load, .prepare = prepare, .run = run,
    .macs = macs};
