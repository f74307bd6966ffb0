/* SPDX-License-Identifier: Apache-2.0
   Compress: the entries of an axis for which the condition (input 1, bool) holds; without an axis,
   those of the flattened input. The condition may be shorter than the axis. */
#include <string.h>

#include "ops/shared/index.h"
#include "ops/shared/move.h"

enum { AXIS };
#define NO_AXIS INT64_MIN
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT, .i = NO_AXIS}, {0}};

/* The input seen from the axis. */
static bt_status read_sides(bt_call* c, int* axis, bt_sides* s) {
  const bt_tensor* x = c->in[0];
  *axis = 0;
  if (c->attr[AXIS].i == NO_AXIS) {
    *s = (bt_sides){.outer = 1, .length = bt_count(x), .inner = 1};
    return BT_OK;
  }
  BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", axis));
  *s = bt_sides_of(x, *axis);
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *condition = c->in[1];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_BOOL)));
  BT_TRY(bt_need_vector(c, 1, -1, "the condition"));
  if (!bt_has_rank(x)) {
    if (c->attr[AXIS].i == NO_AXIS) bt_set_vector(c->out[0], x->dtype, -1);
    return BT_OK;
  }
  int axis = 0;
  bt_sides s;
  BT_TRY(read_sides(c, &axis, &s));
  if (condition->rank == 1 && bt_known(s.length) && condition->dims[0] > s.length)
    return bt_fail(c, BT_BAD_INPUT, "the condition has %lld entries; the axis has a length of %lld",
                   (long long)condition->dims[0], (long long)s.length);
  int64_t kept = -1; /* known as soon as the condition is */
  if (bt_has_values(c, 1)) {
    kept = 0;
    for (int64_t i = 0; i < condition->dims[0]; ++i)
      kept += ((const uint8_t*)condition->data)[i] != 0;
  }
  if (c->attr[AXIS].i == NO_AXIS) {
    bt_set_vector(c->out[0], x->dtype, kept);
  } else {
    bt_set_like(c->out[0], x);
    c->out[0]->dims[axis] = kept;
  }
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *condition = c->in[1];
  const uint8_t* keep = condition->data;
  int axis = 0;
  bt_sides s;
  BT_TRY(read_sides(c, &axis, &s));
  const int64_t block = s.inner * (int64_t)bt_dtype_size(x->dtype);
  unsigned char* y = c->out[0]->data;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  for (int64_t o = 0; o < s.outer; ++o)
    for (int64_t i = 0; i < condition->dims[0]; ++i) {
      if (!keep[i]) continue;
      memcpy(y, bt_element(x, (o * s.length + i) * s.inner), (size_t)block);
      y += block;
    }
  return BT_OK;
}

const bt_op bt_op_compress = {
    .name = "Compress", .summary = "Entries of an axis, by a condition.", .attrs = attrs,
    .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .quant = BT_QUANT_SAME, .infer = infer,
    .run = run};
