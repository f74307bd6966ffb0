/* SPDX-License-Identifier: Apache-2.0
   QuantizeLinear: y = saturate(round(x / scale) + zero), halves to even, with one scale for the
   tensor, for each index of an axis, or for each block of one. The type of y is that of the zero
   points, else output_dtype, else u8. The quotient is rounded to the type of the scale or to
   `precision`. Tiny floats are not rounded to integers, and saturate as Cast does. */
#include <inttypes.h>

#include "ops/shared/linear_quant.h"
#include "runtime/shape.h"

enum { X, SCALE, ZERO };
enum { AXIS, BLOCK_SIZE, OUTPUT_DTYPE, PRECISION, SATURATE };
static const bt_attr_spec attrs[] = {
    {.name = "axis", .kind = BT_INT, .i = 1},  {.name = "block_size", .kind = BT_INT},
    {.name = "output_dtype", .kind = BT_INT},  {.name = "precision", .kind = BT_INT},
    {.name = "saturate", .kind = BT_INT, .i = 1}, {0}};

#define STORED                                                                         \
  (BT_BIT(BT_I8) | BT_BIT(BT_U8) | BT_BIT(BT_I16) | BT_BIT(BT_U16) | BT_TYPES_SMALL_INT | \
   (BT_TYPES_TINY_FLOAT & ~BT_BIT(BT_F8E8M0)))
#define REAL (BT_BIT(BT_F32) | BT_TYPES_HALF)

static bt_status stored_type(bt_call* c, bt_dtype* type) {
  const int64_t wanted = c->attr[OUTPUT_DTYPE].i;
  if (wanted < 0 || wanted >= BT_DTYPE_COUNT || (wanted && !bt_is_type((bt_dtype)wanted, STORED)))
    return bt_fail(c, BT_BAD_INPUT, "output_dtype is %" PRId64 ", which is no type to quantize to",
                   wanted);
  *type = bt_given(c, ZERO) ? c->in[ZERO]->dtype : wanted ? (bt_dtype)wanted : BT_U8;
  if (wanted && (bt_dtype)wanted != *type)
    return bt_fail(c, BT_BAD_INPUT, "output_dtype is %s, but the zero points are %s",
                   bt_dtype_name((bt_dtype)wanted), bt_dtype_name(*type));
  return BT_OK;
}

/* Scales that are known already: nothing can be divided by 0, NaN or infinity. */
static bt_status check_scales(bt_call* c) {
  const bt_tensor* s = c->in[SCALE];
  const int64_t n = s->data && bt_has_shape(s) ? bt_count(s) : 0;
  for (int64_t i = 0; i < n; ++i) {
    const double v = bt_get(s, i);
    if (!(v > 0 && v <= 1.7e308))
      return bt_fail(c, BT_BAD_INPUT, "scale %" PRId64 " is %g; a positive number is needed", i, v);
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  bt_linear a;
  bt_dtype type = BT_NONE;
  BT_TRY(bt_need_type(c, X, REAL | BT_BIT(BT_I32)));
  BT_TRY(bt_need_type(c, SCALE, REAL | BT_BIT(BT_I32) | BT_BIT(BT_F8E8M0)));
  BT_TRY(bt_need_type(c, ZERO, STORED));
  BT_TRY(check_scales(c));
  const int64_t precision = c->attr[PRECISION].i;
  if (precision && precision != BT_F32 && precision != BT_F16 && precision != BT_BF16)
    return bt_fail(c, BT_UNSUPPORTED,
                   "precision is %" PRId64 "; 1 (f32), 10 (f16) and 16 (bf16) are supported",
                   precision);
  BT_TRY(stored_type(c, &type));
  BT_TRY(bt_linear_read(c, AXIS, BLOCK_SIZE, &a));
  bt_set_shape(c->out[0], type, c->in[X]->rank, c->in[X]->dims);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  bt_linear* a = bt_keep_plan(c, sizeof *a);
  if (!a) return bt_fail_memory(c);
  BT_TRY(bt_linear_read(c, AXIS, BLOCK_SIZE, a));
  c->plan = a;
  c->scratch_bytes = bt_linear_bytes(a);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  bt_linear* a = c->plan;
  const bt_dtype wanted = (bt_dtype)c->attr[PRECISION].i;
  bt_linear_load(a, c, c->out[0]->dtype, c->scratch);
  bt_linear_quantize(c, a, c->in[X], c->out[0], wanted ? wanted : c->in[SCALE]->dtype,
                     c->attr[SATURATE].i != 0);
  return BT_OK;
}

const bt_op bt_op_quantize_linear = {
    .name = "QuantizeLinear", .summary = "Numbers to integers in units of a scale.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1, .layout = BT_LAYOUT_AXIS,
    .infer = infer, .prepare = prepare, .run = run};
