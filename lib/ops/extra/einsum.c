/* SPDX-License-Identifier: Apache-2.0
   Einsum: products of any number of tensors, summed over the labels that the output does not name.

   Operands are taken in from left to right. Two of them are brought into the form of a stack of
   matrices, [both][left only][summed] and [both][summed][right only], where labels that one alone has
   and nobody needs are added up on the way; the product of the matrices is the next left operand.
   Floats take the product kernels; all integers are computed in 64 bits, of which the low ones are
   kept. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/einsum_equation.h"
#include "ops/shared/plain_product.h"
#include "ops/shared/product.h"
#include "runtime/shape.h"

enum { EQUATION };
static const bt_attr_spec attrs[] = {{.name = "equation", .kind = BT_TEXT, .required = 1}, {0}};

typedef uint64_t label_set; /* bit i stands for label i */
#define BIT(label) ((label_set)1 << (label))

static bt_status infer(bt_call* c) {
  int ranks = 1;
  for (int i = 0; i < c->n_in; ++i) {
    if (!bt_given(c, i)) return bt_fail(c, BT_BAD_INPUT, "input %d is missing", i);
    BT_TRY(bt_need_type(c, i, BT_TYPES_NUMBER));
    BT_TRY(bt_need_same_type(c, 0, i));
    ranks = ranks && bt_has_rank(c->in[i]);
  }
  bt_set_unranked(c->out[0], c->in[0]->dtype);
  if (!ranks) return BT_OK;
  bt_equation e;
  BT_TRY(bt_equation_read(c, c->attr[EQUATION].u.text, &e));
  int64_t dims[BT_MAX_RANK];
  for (int d = 0; d < e.output.rank; ++d) dims[d] = e.length[e.output.label[d]];
  bt_set_shape(c->out[0], c->in[0]->dtype, e.output.rank, dims);
  return BT_OK;
}

/* ---- tensors with labelled axes ---- */

typedef struct labelled {
  const void* data;
  bt_dtype type;
  label_set labels;
  int64_t stride[BT_EINSUM_LABELS]; /* in elements; 0 where it repeats */
} labelled;

/* A list of labels, the last one fastest. */
typedef struct order {
  int n;
  int8_t label[BT_EINSUM_LABELS];
  int64_t count; /* product of their lengths */
} order;

static void append(order* o, label_set labels, const int64_t* length) {
  for (int label = 0; label < BT_EINSUM_LABELS; ++label) {
    if (!(labels & BIT(label))) continue;
    o->label[o->n++] = (int8_t)label;
    o->count = bt_dim_mul(o->count, length[label]);
  }
}

static order order_of(label_set labels, const int64_t* length) {
  order o = {.count = 1};
  append(&o, labels, length);
  return o;
}

static labelled operand(const bt_call* c, const bt_equation* e, int i) {
  const bt_tensor* x = c->in[i];
  labelled t = {.data = x->data, .type = x->dtype};
  int64_t strides[BT_MAX_RANK];
  bt_strides(x, strides);
  for (int d = 0; d < x->rank; ++d) {
    const int label = e->operand[i].label[d];
    t.labels |= BIT(label);
    if (x->dims[d] != 1) t.stride[label] += strides[d]; /* a repeated label walks the diagonal */
  }
  return t;
}

/* ---- bringing one into order ---- */

typedef struct job {
  const labelled* from;
  const order *kept, *summed;
  const int64_t* length;
  bt_dtype type; /* of `to`: f32, f64, or i64 for all integers */
  void* to;
} job;

/* Offset in `from` of element i of a list. */
static int64_t offset_of(const job* j, const order* o, int64_t i) {
  int64_t at = 0;
  for (int k = o->n - 1; k >= 0; --k) {
    const int64_t n = j->length[o->label[k]];
    at += i % n * j->from->stride[o->label[k]];
    i /= n;
  }
  return at;
}

#define ADD_UP(T, R, AT)                                                                    \
  {                                                                                         \
    T* to = (T*)j->to + row * n;                                                            \
    for (int64_t i = 0; i < n; ++i) {                                                       \
      R sum = 0;                                                                            \
      for (int64_t k = 0; k < j->summed->count; ++k) {                                      \
        const int64_t at = first + i * step + (alone ? 0 : offset_of(j, j->summed, k));     \
        sum += (AT);                                                                        \
      }                                                                                     \
      to[i] = (T)sum;                                                                       \
    }                                                                                       \
  }

/* Parts are runs along the last label that is kept. */
static void arrange_rows(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  order outer = *j->kept;
  const int last = outer.n ? outer.label[--outer.n] : -1;
  const int64_t n = last < 0 ? 1 : j->length[last], step = last < 0 ? 0 : j->from->stride[last];
  const int alone = j->summed->n == 0;
  const bt_tensor t = {.dtype = j->from->type, .data = (void*)(uintptr_t)j->from->data};
  (void)thread;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t first = offset_of(j, &outer, row);
    if (j->type == BT_F32) ADD_UP(float, float, ((const float*)t.data)[at])
    else if (j->type == BT_F64) ADD_UP(double, double, ((const double*)t.data)[at])
    else ADD_UP(int64_t, uint64_t, (uint64_t)bt_get_int(&t, at))
  }
}

/* to = from with the labels of `kept` in their order, added up over `summed`. */
static void arrange(bt_call* c, const labelled* from, const order* kept, const order* summed,
                    const int64_t* length, bt_dtype type, void* to) {
  job j = {.from = from, .kept = kept, .summed = summed, .length = length, .type = type, .to = to};
  if (kept->count == 0) return;
  const int64_t n = kept->n ? length[kept->label[kept->n - 1]] : 1;
  bt_parallel(c, kept->count / n, 1 + 8192 / (n * (summed->count + 1)), arrange_rows, &j);
}

/* ---- steps ---- */

/* How two operands become one. */
typedef struct step {
  order left, right, result;     /* of the three matrices */
  order left_alone, right_alone; /* added up on the way */
  int64_t items, rows, cols, depth;
} step;

/* `needed`: labels of the output and of the operands to come. */
static step plan_step(label_set a, label_set b, label_set needed, const int64_t* length) {
  const order both = order_of(a & b & needed, length), sum = order_of(a & b & ~needed, length);
  const order rows = order_of(a & ~b & needed, length), cols = order_of(b & ~a & needed, length);
  step s = {.left = both, .right = both, .result = both, .items = both.count, .rows = rows.count,
            .cols = cols.count, .depth = sum.count};
  append(&s.left, a & ~b & needed, length);
  append(&s.left, a & b & ~needed, length);
  append(&s.right, a & b & ~needed, length);
  append(&s.right, b & ~a & needed, length);
  append(&s.result, a & ~b & needed, length);
  append(&s.result, b & ~a & needed, length);
  s.left_alone = order_of(a & ~b & ~needed, length);
  s.right_alone = order_of(b & ~a & ~needed, length);
  return s;
}

static label_set labels_of(const bt_term* t) {
  label_set set = 0;
  for (int d = 0; d < t->rank; ++d) set |= BIT(t->label[d]);
  return set;
}

/* What is still needed when operand i has been taken in. */
static label_set needed_after(const bt_equation* e, int i) {
  label_set set = labels_of(&e->output);
  for (int k = i + 1; k < e->n; ++k) set |= labels_of(&e->operand[k]);
  return set;
}

static bt_product product_of(const bt_kernels* k, const step* s) {
  return (bt_product){.rows = s->rows, .cols = (int)s->cols, .depth = (int)s->depth, .taps = 1,
                      .panel_bytes = bt_panel_f32(k, (int)s->depth), .c_stride = s->cols,
                      .a_stride = s->depth, .lo = -INFINITY, .hi = INFINITY, .fill = bt_dense_rows};
}

typedef struct plan {
  bt_equation e;
  bt_dtype type;
  size_t left, right, result; /* largest sizes in bytes; there are two results in turn */
  size_t pack, work;
} plan;

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

/* Grows *bytes to hold n values of 8 bytes. */
static bt_status hold(bt_call* c, int64_t n, size_t* bytes) {
  if (n < 0 || n > INT64_MAX / 64) return bt_fail_memory(c);
  const size_t needed = align((size_t)n * 8);
  if (needed > *bytes) *bytes = needed;
  return BT_OK;
}

static bt_status plan_steps(bt_call* c, plan* p) {
  const bt_kernels* k = bt_call_kernels(c);
  label_set left = labels_of(&p->e.operand[0]);
  for (int i = 1; i < p->e.n; ++i) {
    const step s = plan_step(left, labels_of(&p->e.operand[i]), needed_after(&p->e, i), p->e.length);
    BT_TRY(hold(c, s.left.count, &p->left));
    BT_TRY(hold(c, s.right.count, &p->right));
    BT_TRY(hold(c, s.result.count, &p->result));
    left = (left | labels_of(&p->e.operand[i])) & needed_after(&p->e, i);
    if (p->type != BT_F32) continue;
    if (s.cols > INT32_MAX / 2 || s.depth > INT32_MAX / 2)
      return bt_fail(c, BT_UNSUPPORTED, "a product over %" PRId64 " values is too long", s.depth);
    const bt_product product = product_of(k, &s);
    const size_t pack = bt_pack_f32(k, product.cols, product.depth, NULL, 0, 0, NULL, NULL);
    const size_t work = align(bt_product_scratch(k, &product)) * (size_t)bt_threads(c);
    if (pack > p->pack) p->pack = pack;
    if (work > p->work) p->work = work;
  }
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  BT_TRY(bt_equation_read(c, c->attr[EQUATION].u.text, &p->e));
  const bt_dtype type = c->in[0]->dtype;
  p->type = type == BT_F32 || type == BT_F64 ? type : BT_I64;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  BT_TRY(plan_steps(c, p));
  BT_TRY(hold(c, bt_count(c->out[0]), &p->result)); /* integers are narrowed at the end */
  c->scratch_bytes = p->left + p->right + 2 * p->result + p->pack + p->work;
  return BT_OK;
}

/* ---- running ---- */

static void multiply(bt_call* c, const plan* p, const step* s, const void* left, const void* right,
                     void* result, unsigned char* room) {
  const bt_kernels* k = bt_call_kernels(c);
  const size_t element = bt_dtype_size(p->type);
  if (p->type != BT_F32) memset(result, 0, (size_t)s->result.count * element);
  for (int64_t item = 0; item < s->items; ++item) {
    const unsigned char* a = (const unsigned char*)left + (size_t)(item * s->rows * s->depth) * element;
    const unsigned char* b = (const unsigned char*)right + (size_t)(item * s->depth * s->cols) * element;
    unsigned char* y = (unsigned char*)result + (size_t)(item * s->rows * s->cols) * element;
    if (p->type == BT_F32) {
      bt_product product = product_of(k, s);
      bt_pack_f32(k, product.cols, product.depth, (const float*)(const void*)b, 1, s->cols, NULL,
                  (float*)(void*)room);
      product.a = a, product.c = y, product.panels = room;
      bt_product_run(c, &product, room + p->pack);
    } else {
      bt_plain_product_run(
          c, &(bt_plain_product){.type = p->type, .rows = s->rows, .cols = s->cols, .depth = s->depth,
                                 .a = a, .b = b, .y = y, .a_row = s->depth, .a_depth = 1,
                                 .b_depth = s->cols, .b_col = 1, .y_row = s->cols});
    }
  }
}

/* A dense tensor with the labels of `o`. */
static labelled dense(const void* data, bt_dtype type, const order* o, const int64_t* length) {
  labelled t = {.data = data, .type = type};
  int64_t stride = 1;
  for (int i = o->n - 1; i >= 0; --i) {
    t.labels |= BIT(o->label[i]);
    t.stride[o->label[i]] = stride;
    stride *= length[o->label[i]];
  }
  return t;
}

static bt_status run(bt_call* c) {
  const plan* p = c->plan;
  const bt_equation* e = &p->e;
  bt_tensor* y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  unsigned char *left = c->scratch, *right = left + p->left, *results = right + p->right;
  labelled so_far = operand(c, e, 0);
  for (int i = 1; i < e->n; ++i) {
    const labelled next = operand(c, e, i);
    const step s = plan_step(so_far.labels, next.labels, needed_after(e, i), e->length);
    unsigned char* result = results + (i % 2 ? 0 : p->result);
    arrange(c, &so_far, &s.left, &s.left_alone, e->length, p->type, left);
    arrange(c, &next, &s.right, &s.right_alone, e->length, p->type, right);
    multiply(c, p, &s, left, right, result, results + 2 * p->result);
    so_far = dense(result, p->type, &s.result, e->length);
  }
  order kept = {.count = 1};
  for (int d = 0; d < e->output.rank; ++d) append(&kept, BIT(e->output.label[d]), e->length);
  const order summed = order_of(so_far.labels & ~labels_of(&e->output), e->length);
  const int whole = p->type == y->dtype;
  void* to = whole ? y->data : results + (e->n % 2 ? 0 : p->result);
  arrange(c, &so_far, &kept, &summed, e->length, p->type, to);
  for (int64_t i = 0; !whole && i < kept.count; ++i) bt_put_int(y, i, ((const int64_t*)to)[i]);
  return BT_OK;
}

const bt_op bt_op_einsum = {
    .name = "Einsum", .summary = "Products summed over labelled axes.", .attrs = attrs, .in_min = 1,
    .in_max = BT_EINSUM_TERMS, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_EXTRA,
    .infer = infer, .prepare = prepare, .run = run};
