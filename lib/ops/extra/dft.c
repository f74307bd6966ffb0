/* SPDX-License-Identifier: Apache-2.0
   DFT: the discrete Fourier transform along an axis (input 2, default -2) of a tensor whose last
   axis holds real numbers (length 1) or complex ones (2). Input 1 is the length of the transform:
   the signal is cut or filled with zeros. With onesided only the first half + 1 of the results of a
   real signal are given; the others are their conjugates. Computed in doubles. */
#include <inttypes.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/fourier.h"
#include "runtime/shape.h"

enum { X, DFT_LENGTH, AXIS };
enum { INVERSE, ONESIDED };
static const bt_attr_spec attrs[] = {
    {.name = "inverse", .kind = BT_INT}, {.name = "onesided", .kind = BT_INT}, {0}};

/* -1 where an input is not known yet. */
static bt_status read_axis(bt_call* c, int* axis) {
  const int rank = c->in[X]->rank;
  *axis = rank - 2;
  if (!bt_given(c, AXIS)) return BT_OK;
  *axis = -1;
  if (!bt_has_values(c, AXIS)) return BT_OK;
  BT_TRY(bt_need_axis(c, bt_scalar_int(c->in[AXIS]), rank, "axis", axis));
  if (*axis == rank - 1)
    return bt_fail(c, BT_BAD_INPUT, "axis is the last one, which holds the parts of the numbers");
  return BT_OK;
}

static bt_status read_length(bt_call* c, int axis, int64_t* length) {
  *length = -1;
  if (!bt_given(c, DFT_LENGTH)) {
    *length = c->in[X]->dims[axis];
  } else if (bt_has_partial(c, DFT_LENGTH)) {
    BT_TRY(bt_value_dim(c, DFT_LENGTH, 0, "dft_length", length));
  }
  if (*length == 0) return bt_fail(c, BT_BAD_INPUT, "a transform needs a length above 0");
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[X];
  int axis = -1;
  int64_t length = -1, dims[BT_MAX_RANK];
  BT_TRY(bt_need_type(c, X, BT_TYPES_FLOAT));
  BT_TRY(bt_need_type(c, DFT_LENGTH, BT_TYPES_INDEX));
  BT_TRY(bt_need_type(c, AXIS, BT_TYPES_INDEX));
  BT_TRY(bt_need_one_element(c, DFT_LENGTH, "dft_length"));
  BT_TRY(bt_need_one_element(c, AXIS, "axis"));
  if (!bt_has_rank(x)) return BT_OK;
  BT_TRY(bt_need_rank_between(c, X, 2, BT_MAX_RANK));
  const int64_t parts = x->dims[x->rank - 1];
  if (bt_known(parts) && parts != 1 && parts != 2)
    return bt_fail(c, BT_BAD_INPUT, "the last axis has length %" PRId64 "; 1 (real) or 2 (complex) "
                   "is needed", parts);
  if (parts == 2 && c->attr[ONESIDED].i)
    return bt_fail(c, BT_BAD_INPUT, "onesided needs a real signal; this one is complex");
  BT_TRY(read_axis(c, &axis));
  if (axis >= 0) BT_TRY(read_length(c, axis, &length));
  for (int d = 0; d < x->rank; ++d) dims[d] = axis < 0 ? -1 : x->dims[d];
  if (axis >= 0) dims[axis] = c->attr[ONESIDED].i && bt_known(length) ? length / 2 + 1
                              : c->attr[ONESIDED].i                   ? -1
                                                                      : length;
  dims[x->rank - 1] = 2;
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  return BT_OK;
}

typedef struct plan {
  int axis;
  int64_t length, room; /* doubles of one thread */
} plan;

static bt_status prepare(bt_call* c) {
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  BT_TRY(read_axis(c, &p->axis));
  BT_TRY(read_length(c, p->axis, &p->length));
  p->room = bt_fourier_room(p->length);
  const int64_t all = bt_dim_add(bt_fourier_table(p->length), bt_dim_mul(p->room, bt_threads(c)));
  if (all > INT64_MAX / 16) return bt_fail_memory(c);
  c->scratch_bytes = (size_t)all * sizeof(double);
  return BT_OK;
}

typedef struct job {
  const bt_call* c;
  const plan* p;
  const bt_fourier* f;
  double* rooms;
} job;

/* Parts are signals: all places before and behind the axis. */
static void run_signals(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_tensor *x = j->c->in[X], *y = j->c->out[0];
  bt_tensor to = *y;
  const int axis = j->p->axis;
  const int64_t n = j->p->length, parts = x->dims[x->rank - 1], in = x->dims[axis];
  const int64_t out = y->dims[axis], inner = bt_extent(x, axis + 1, x->rank - 1);
  const int64_t used = in < n ? in : n;
  const int inverse = j->c->attr[INVERSE].i != 0;
  double* v = j->rooms + thread * j->p->room;
  for (int64_t s = begin; s < end; ++s) {
    const int64_t outer = s / inner, k = s % inner;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = ((outer * in + i) * inner + k) * parts;
      v[2 * i] = i < used ? bt_get(x, at) : 0.0;
      v[2 * i + 1] = i < used && parts == 2 ? bt_get(x, at + 1) : 0.0;
    }
    bt_fourier_run(j->f, v, inverse);
    for (int64_t i = 0; i < out; ++i)
      for (int part = 0; part < 2; ++part) {
        const double sum = v[2 * i + part];
        bt_put(&to, ((outer * out + i) * inner + k) * 2 + part, inverse ? sum / (double)n : sum);
      }
  }
}

static bt_status run(bt_call* c) {
  const plan* p = c->plan;
  const bt_tensor* y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  bt_fourier f;
  bt_fourier_begin(&f, p->length, c->scratch);
  job j = {.c = c, .p = p, .f = &f,
           .rooms = (double*)c->scratch + bt_fourier_table(p->length)};
  bt_parallel(c, bt_count(y) / 2 / y->dims[p->axis], 4096 / p->length + 1, run_signals, &j);
  return BT_OK;
}

const bt_op bt_op_dft = {
    .name = "DFT", .summary = "The discrete Fourier transform along an axis.", .attrs = attrs,
    .in_min = 1, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .prepare = prepare, .run = run};
