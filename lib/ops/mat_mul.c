/* SPDX-License-Identifier: Apache-2.0
   MatMul: the product of two matrices, or of stacks of them whose leading axes broadcast. A vector
   on the left is a row, one on the right a column, and that axis is not in the result.

   Input 2, our own addition, is a bias for the columns; the clamp is ours too.
   Quantized: A and Y are i8 with a scale and a zero point, B is i8 with one scale per column (the
   last axis) and no zero points, the bias is i32 with scale a_scale * b_scale. Y may be f32. A and Y
   may also be i16 with zero point 0; beside an A of 16 bits the bias is i64.
   A constant B is packed at load. Otherwise each thread packs the matrices that it multiplies by,
   or all threads one matrix after the other where there are fewer matrices than threads. */
#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/arithmetic.h"
#include "ops/shared/matrix_stack.h"
#include "ops/shared/plain_product.h"
#include "ops/shared/requant.h"
#include "ops/shared/right_operand.h"
#include "runtime/shape.h"

static const bt_attr_spec attrs[] = {BT_CLAMP_ATTRS, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor* b = c->in[1];
  BT_TRY(bt_need_product_types(c, BT_TYPES_PRODUCT | BT_TYPES_PLAIN_PRODUCT));
  BT_TRY(bt_need_clamp_type(c));
  BT_TRY(bt_stack_infer(c, bt_product_type(c)));
  return bt_need_vector(c, 2, bt_matrix_cols(b), "the bias");
}

/* ---- planning ---- */

typedef struct plan {
  bt_stack stack;
  bt_right right;
  bt_product product;
  size_t work_at, pack_at, work_step, pack_step; /* parts of the scratch, each per thread */
  int by_item; /* threads take whole matrices */
  int wide;    /* A or Y have 16 bits: one matrix after the other */
} plan;

static bt_status begin_right(bt_call* c, bt_right* r) {
  const bt_tensor* b = c->in[1];
  const int64_t cols = bt_matrix_cols(b);
  return bt_right_begin(c, bt_matrix_depth(b), cols, cols, 1, b->rank > 1 ? b->rank - 1 : 0, r);
}

static bt_status load(bt_call* c) {
  const bt_tensor *b = c->in[1], *bias = bt_given(c, 2) ? c->in[2] : NULL;
  if (bt_is_type(b->dtype, BT_TYPES_PLAIN_PRODUCT)) return BT_OK; /* weights have no 16 bits */
  if (!b->constant || !b->data || (bias && (!bias->constant || !bias->data))) return BT_OK;
  if (bt_count(b) == 0) return BT_OK;
  bt_right right;
  BT_TRY(begin_right(c, &right));
  if (bias) c->loaded |= 4;
  return bt_right_load(c, &right, bt_extent(b, 0, b->rank - 2), bias ? bias->data : NULL);
}

/* A product of integers that are not quantized. */
static int is_plain(const bt_call* c) {
  return bt_is_type(c->in[0]->dtype, BT_TYPES_PLAIN_PRODUCT) && !bt_is_q16(c->in[0]);
}

static bt_status prepare(bt_call* c) {
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  bt_stack_begin(c, &p->stack);
  if (is_plain(c)) return BT_OK;
  const bt_kernels* k = bt_call_kernels(c);
  BT_TRY(begin_right(c, &p->right));
  const float lo = c->attr[BT_CLAMP_LO].f, hi = c->attr[BT_CLAMP_HI].f;
  p->wide = bt_is_product_s16(c);
  BT_TRY(bt_right_product(c, &p->right, lo, hi, &p->product));
  p->product.rows = p->stack.rows;
  if (p->wide) {
    c->scratch_bytes = bt_right_scratch_s16(c, &p->product);
    return BT_OK;
  }
  const int threads = bt_threads(c);
  p->by_item = p->stack.items >= threads;
  p->work_step = bt_product_scratch(k, &p->product);
  p->pack_step = c->weights ? 0 : p->right.matrix_bytes;
  p->work_at = p->pack_step * (size_t)(p->by_item ? threads : 1);
  c->scratch_bytes = p->work_at + p->work_step * (size_t)threads;
  return BT_OK;
}

/* ---- running ---- */

typedef struct job {
  const bt_call* c;
  const plan* p;
  const bt_kernels* k;
} job;

/* The product of one item whose right operand lies packed at `panels`, or among the weights. */
static bt_product product_of(const job* j, int64_t item, int64_t a, int64_t b, const void* panels) {
  const plan* p = j->p;
  const bt_tensor *x = j->c->in[0], *y = j->c->out[0];
  const bt_stack* s = &p->stack;
  bt_product product = p->product;
  product.a = (const unsigned char*)x->data + (size_t)a * bt_dtype_size(x->dtype);
  product.c = (unsigned char*)y->data + (size_t)(item * s->rows * s->cols) * bt_dtype_size(y->dtype);
  product.panels = panels;
  if (j->c->weights) { /* made of a matrix that is not empty */
    const size_t index = (size_t)(b / (s->depth * s->cols));
    product.panels = (const unsigned char*)j->c->weights + index * p->right.matrix_bytes;
  }
  return product;
}

static const void* right_at(const bt_tensor* b, int64_t offset) {
  return (const unsigned char*)b->data + (size_t)offset * bt_dtype_size(b->dtype);
}
static const void* bias_of(const bt_call* c) { return bt_given(c, 2) ? c->in[2]->data : NULL; }

static void run_items(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const plan* p = j->p;
  unsigned char* scratch = j->c->scratch;
  unsigned char* pack = scratch + (size_t)thread * p->pack_step;
  unsigned char* work = scratch + p->work_at + (size_t)thread * p->work_step;
  int64_t packed = -1;
  for (int64_t item = begin; item < end; ++item) {
    int64_t a, b;
    bt_stack_locate(&p->stack, item, &a, &b);
    if (!j->c->weights && b != packed)
      bt_right_pack_part(j->k, &p->right, right_at(j->c->in[1], b), bias_of(j->c), 0,
                         p->right.panels, pack);
    packed = b;
    const bt_product product = product_of(j, item, a, b, pack);
    bt_product_part(j->k, &product, 0, product.rows, 0, p->right.panels, work);
  }
}

static void run_one_by_one(bt_call* c, const job* j) {
  const plan* p = j->p;
  unsigned char* scratch = c->scratch;
  for (int64_t item = 0; item < p->stack.items; ++item) {
    int64_t a, b;
    bt_stack_locate(&p->stack, item, &a, &b);
    if (!c->weights)
      bt_right_pack(c, &p->right, right_at(c->in[1], b), bias_of(c), scratch);
    const bt_product product = product_of(j, item, a, b, scratch);
    bt_product_run(c, &product, scratch + p->work_at);
  }
}

static void run_wide(bt_call* c, const plan* p) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  const bt_stack* s = &p->stack;
  for (int64_t item = 0; item < s->items; ++item) {
    int64_t a, b;
    bt_stack_locate(s, item, &a, &b);
    const size_t matrix = (size_t)(b / (s->depth * s->cols)) * p->right.matrix_bytes;
    const size_t to = (size_t)(item * s->rows * s->cols) * bt_dtype_size(y->dtype);
    bt_right_run_s16(c, &p->right, &p->product, (const unsigned char*)c->weights + matrix,
                     (const unsigned char*)x->data + (size_t)a * bt_dtype_size(x->dtype),
                     (unsigned char*)y->data + to, c->scratch);
  }
}

static void run_plain(bt_call* c, const bt_stack* s) {
  const bt_dtype type = c->in[0]->dtype;
  const size_t element = bt_dtype_size(type);
  bt_plain_product product = {.type = type, .rows = s->rows, .cols = s->cols, .depth = s->depth,
                              .a_row = s->depth, .a_depth = 1, .b_depth = s->cols, .b_col = 1,
                              .y_row = s->cols};
  bt_plain_start(type, c->out[0]->data, s->items * s->rows, s->cols, bias_of(c));
  for (int64_t item = 0; item < s->items; ++item) {
    int64_t a, b;
    bt_stack_locate(s, item, &a, &b);
    product.a = (const unsigned char*)c->in[0]->data + (size_t)a * element;
    product.b = right_at(c->in[1], b);
    product.y = (unsigned char*)c->out[0]->data + (size_t)(item * s->rows * s->cols) * element;
    bt_plain_product_run(c, &product);
  }
}

static int64_t macs_of(const bt_stack* s) { return s->rows * s->cols * s->depth; }

static bt_status run(bt_call* c) {
  const plan* p = c->plan;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  job j = {.c = c, .p = p, .k = bt_call_kernels(c)};
  if (is_plain(c)) {
    run_plain(c, &p->stack);
    return BT_OK;
  }
  if (p->wide)
    run_wide(c, p);
  else if (p->by_item)
    bt_parallel(c, p->stack.items, 1 + 200000 / (macs_of(&p->stack) + 1), run_items, &j);
  else
    run_one_by_one(c, &j);
  if (p->product.s8 && c->out[0]->dtype == BT_F32)
    bt_clamp_output(c, c->attr[BT_CLAMP_LO].f, c->attr[BT_CLAMP_HI].f);
  return BT_OK;
}

static int64_t macs(const bt_call* c) {
  return bt_dim_mul(bt_count(c->out[0]), bt_matrix_depth(c->in[1]));
}

const bt_op bt_op_mat_mul = {
    .name = "MatMul", .summary = "Matrix product of stacks of matrices, with a bias and a clamp.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .quant = BT_QUANT_MACS, .infer = infer, .load = load, .prepare = prepare, .run = run,
    .macs = macs};
