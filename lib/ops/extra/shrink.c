/* SPDX-License-Identifier: Apache-2.0
   Shrink: y = x + bias below -lambd, x - bias above lambd, 0 between (and for NaN). Integers are
   computed as doubles and truncated. */
#include "ops/shared/unary.h"

enum { BIAS, LAMBD };
static const bt_attr_spec attrs[] = {{.name = "bias", .kind = BT_FLOAT},
                                     {.name = "lambd", .kind = BT_FLOAT, .f = 0.5f},
                                     {0}};

static double one(const bt_call* c, double v) {
  const double bias = (double)c->attr[BIAS].f, lambd = (double)c->attr[LAMBD].f;
  return v < -lambd ? v + bias : v > lambd ? v - bias : 0;
}
static float shrink(float v, float bias, float lambd) {
  return v < -lambd ? v + bias : v > lambd ? v - bias : 0.0f;
}
BT_ROW(const float bias = c->attr[BIAS].f; const float lambd = c->attr[LAMBD].f,
       shrink(v, bias, lambd))

static void whole(const bt_call* c, const void* x, void* y, int64_t n) {
  const bt_tensor from = {.dtype = c->in[0]->dtype, .data = (void*)(uintptr_t)x};
  bt_tensor to = {.dtype = from.dtype, .data = y};
  for (int64_t i = 0; i < n; ++i) bt_put(&to, i, one(c, bt_get(&from, i)));
}
#define EACH(type) [BT_I##type] = whole, [BT_U##type] = whole
static const bt_map_fn integers[BT_DTYPE_COUNT] = {EACH(8), EACH(16), EACH(32), EACH(64)};
BT_UNARY_NUMBER(BT_TYPES_NUMBER)

const bt_op bt_op_shrink = {
    BT_UNARY_FIELDS_EXTRA, .name = "Shrink", .attrs = attrs,
    .summary = "0 around 0, and x brought nearer to 0 elsewhere."};
