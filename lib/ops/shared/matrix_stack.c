/* SPDX-License-Identifier: Apache-2.0
   Stacks of matrices. */
#include "ops/shared/matrix_stack.h"

#include <inttypes.h>

#include "runtime/shape.h"

int64_t bt_matrix_depth(const bt_tensor* b) {
  return b->rank < 1 ? -1 : b->dims[b->rank > 1 ? b->rank - 2 : 0];
}
int64_t bt_matrix_cols(const bt_tensor* b) {
  return b->rank < 1 ? -1 : b->rank > 1 ? b->dims[b->rank - 1] : 1;
}
int64_t bt_matrix_rows(const bt_tensor* a) {
  return a->rank < 1 ? -1 : a->rank > 1 ? a->dims[a->rank - 2] : 1;
}

/* The leading axes alone. */
static bt_tensor leading(const bt_tensor* t) {
  bt_tensor s = *t;
  s.rank = t->rank > 2 ? t->rank - 2 : 0;
  return s;
}

bt_status bt_stack_infer(bt_call* c, bt_dtype type) {
  const bt_tensor *a = c->in[0], *b = c->in[1];
  BT_TRY(bt_need_rank_between(c, 0, 1, BT_MAX_RANK));
  BT_TRY(bt_need_rank_between(c, 1, 1, BT_MAX_RANK));
  if (!bt_has_rank(a) || !bt_has_rank(b)) {
    bt_set_unranked(c->out[0], type);
    return BT_OK;
  }
  if (bt_clash(a->dims[a->rank - 1], bt_matrix_depth(b))) {
    char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
    return bt_fail(c, BT_BAD_INPUT,
                   "the left operand, %s, has rows of %" PRId64 ", the right one, %s, columns of %" PRId64,
                   bt_shape_text(a, p), a->dims[a->rank - 1], bt_shape_text(b, q),
                   bt_matrix_depth(b));
  }
  bt_tensor left = leading(a), right = leading(b), out = {.rank = 0};
  BT_TRY(bt_broadcast(c, &left, &right, &out));
  if (a->rank > 1) out.dims[out.rank++] = bt_matrix_rows(a);
  if (b->rank > 1) out.dims[out.rank++] = bt_matrix_cols(b);
  bt_set_shape(c->out[0], type, out.rank, out.dims);
  return BT_OK;
}

void bt_stack_begin(const bt_call* c, bt_stack* s) {
  const bt_tensor *a = c->in[0], *b = c->in[1];
  bt_tensor left = leading(a), right = leading(b), out = {.rank = 0};
  out.rank = left.rank > right.rank ? left.rank : right.rank;
  for (int d = 0; d < out.rank; ++d) out.dims[d] = c->out[0]->dims[d];
  *s = (bt_stack){.rank = out.rank, .items = 1, .rows = bt_matrix_rows(a),
                  .cols = bt_matrix_cols(b), .depth = bt_matrix_depth(b)};
  bt_broadcast_strides(&left, &out, s->a_step);
  bt_broadcast_strides(&right, &out, s->b_step);
  for (int d = 0; d < s->rank; ++d) {
    s->dims[d] = out.dims[d];
    s->a_step[d] *= s->rows * s->depth;
    s->b_step[d] *= s->depth * s->cols;
  }
  for (; s->rank > 0; --s->rank) {
    const int d = s->rank - 1;
    if (s->dims[d] == 1) continue;
    if (s->b_step[d] != 0 || s->a_step[d] != s->rows * s->depth) break;
    s->rows *= s->dims[d];
  }
  for (int d = 0; d < s->rank; ++d) s->items *= s->dims[d];
}

void bt_stack_locate(const bt_stack* s, int64_t item, int64_t* a, int64_t* b) {
  *a = *b = 0;
  for (int d = s->rank - 1; d >= 0; --d) {
    const int64_t i = item % s->dims[d];
    item /= s->dims[d];
    *a += i * s->a_step[d];
    *b += i * s->b_step[d];
  }
}
