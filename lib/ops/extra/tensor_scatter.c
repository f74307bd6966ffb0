/* SPDX-License-Identifier: Apache-2.0
   TensorScatter: a cache of keys or values with new entries written along an axis. Sequence b of
   the batch (axis 0) is written from write_indices[b] on (input 2, default 0); in mode circular
   what does not fit goes on from the start. */
#include <inttypes.h>
#include <string.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/index.h"
#include "ops/shared/move.h"

enum { CACHE, UPDATE, WHERE };
enum { AXIS, MODE };
static const bt_attr_spec attrs[] = {
    {.name = "axis", .kind = BT_INT, .i = -2},
    {.name = "mode", .kind = BT_ENUM, .words = "linear|circular"},
    {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[CACHE], *update = c->in[UPDATE];
  BT_TRY(bt_need_type(c, CACHE, BT_TYPES_ANY));
  BT_TRY(bt_need_same_type(c, CACHE, UPDATE));
  BT_TRY(bt_need_type(c, WHERE, BT_BIT(BT_I64)));
  bt_set_like(c->out[0], x);
  if (!bt_has_rank(x)) return BT_OK;
  int axis = 0;
  BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
  if (axis == 0)
    return bt_fail(c, BT_BAD_INPUT, "axis is that of the batch; it must be another one");
  BT_TRY(bt_need_rank(c, UPDATE, x->rank));
  BT_TRY(bt_need_vector(c, WHERE, x->dims[0], "write_indices"));
  for (int d = 0; d < update->rank; ++d)
    if (d == axis ? bt_known(x->dims[d]) && update->dims[d] > x->dims[d]
                  : bt_clash(x->dims[d], update->dims[d])) {
      char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
      return bt_fail(c, BT_BAD_INPUT, "updates of shape %s do not fit into a cache of %s",
                     bt_shape_text(update, p), bt_shape_text(x, q));
    }
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[CACHE], *update = c->in[UPDATE];
  const int axis = (int)(c->attr[AXIS].i < 0 ? c->attr[AXIS].i + x->rank : c->attr[AXIS].i);
  const bt_sides s = bt_sides_of(x, axis);
  const int64_t n = update->dims[axis], per_batch = bt_extent(x, 1, axis);
  const size_t block = (size_t)s.inner * bt_dtype_size(x->dtype);
  bt_copy_values(c->out[0], x);
  if (bt_count(update) == 0) return BT_OK;
  for (int64_t o = 0; o < s.outer; ++o) {
    const int64_t b = o / per_batch, at = bt_given(c, WHERE) ? bt_get_int(c->in[WHERE], b) : 0;
    if (at < 0 || at > (c->attr[MODE].i ? s.length - 1 : s.length - n))
      return bt_fail(c, BT_BAD_INPUT,
                     "write_indices[%" PRId64 "] is %" PRId64 "; %" PRId64
                     " entries "
                     "do not fit behind it into a cache of %" PRId64,
                     b, at, n, s.length);
    for (int64_t i = 0; i < n; ++i)
      memcpy(bt_element(c->out[0], (o * s.length + (at + i) % s.length) * s.inner),
             bt_element(update, (o * n + i) * s.inner), block);
  }
  return BT_OK;
}

const bt_op bt_op_tensor_scatter = {
    .name = "TensorScatter", .summary = "A cache with new entries written along an axis.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .run = run};
