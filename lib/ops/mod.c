/* SPDX-License-Identifier: Apache-2.0
   Mod: the remainder of a / b, broadcast: with fmod = 0 it has the sign of b, with fmod = 1 that of
   a (as in C). Floats need fmod = 1, and there the result is exact. An integer b of 0 is an
   error. */
#include <inttypes.h>
#include <math.h>

#include "ops/shared/arithmetic.h"

enum { FMOD };
static const bt_attr_spec attrs[] = {{.name = "fmod", .kind = BT_INT}, {0}};

static int64_t remainder_of_a(int64_t a, int64_t b) { return b == -1 ? 0 : a % b; }
static int64_t remainder_of_b(int64_t a, int64_t b) {
  const int64_t r = remainder_of_a(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
BT_ROWS2_SIGNED(floored, remainder_of_b(a, b))
BT_ROWS2_SIGNED(truncated, remainder_of_a(a, b))
BT_ROWS2_UNSIGNED(both, a % b)
BT_ROW2(row_f32, float, float, fmodf(a, b))
BT_ROW2(row_f64, double, double, fmod(a, b))
static const bt_row2_fn rows[2][BT_DTYPE_COUNT] = {
    {BT_OF_SIGNED(floored), BT_OF_UNSIGNED(both)},
    {BT_OF_SIGNED(truncated), BT_OF_UNSIGNED(both), [BT_F32] = row_f32, [BT_F64] = row_f64}};

static bt_status infer(bt_call* c) {
  const int64_t mode = c->attr[FMOD].i;
  if (mode != 0 && mode != 1)
    return bt_fail(c, BT_BAD_INPUT, "fmod is %" PRId64 "; 0 or 1 is needed", mode);
  if (mode == 0 && bt_is_float(c->in[0]->dtype))
    return bt_fail(c, BT_BAD_INPUT, "fmod is 0; it must be 1 for floats");
  return bt_binary_infer(c, BT_TYPES_NUMBER, BT_NONE);
}

static bt_status run(bt_call* c) {
  if (bt_is_int(c->in[1]->dtype)) BT_TRY(bt_need_divisor(c, 1));
  bt_binary_run(c, c->in[0], c->in[1], c->out[0], rows[c->attr[FMOD].i][c->in[0]->dtype]);
  return BT_OK;
}

const bt_op bt_op_mod = {
    .name = "Mod", .summary = "Remainder of a division, broadcast.", .attrs = attrs, .in_min = 2,
    .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
