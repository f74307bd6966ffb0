/* SPDX-License-Identifier: Apache-2.0
   FakeQuantize (ours): rounds floats to what their stored integers would give back. It stands behind
   annotated values when a quantized model is simulated.
     y = (clamp(rint(x / scale) + zero, lo, hi) - zero) * scale */
#include <math.h>
#include <string.h>

#include "ops/shared/elementwise.h"

enum { HI, LO, SCALE, ZERO };
static const bt_attr_spec attrs[] = {{.name = "hi", .kind = BT_INT, .i = 127},
                                     {.name = "lo", .kind = BT_INT, .i = -128},
                                     {.name = "scale", .kind = BT_FLOAT, .f = 1},
                                     {.name = "zero", .kind = BT_INT},
                                     {0}};

/* rint of what is smaller than 2^22, without a call: the sum has no room for fractions. The sign of a
   negative number that becomes 0 stays. */
static float round_small(float v) {
  const float no_fractions = 12582912.0f; /* 1.5 * 2^23 */
  const float whole = (v + no_fractions) - no_fractions;
  uint32_t bits, sign;
  memcpy(&bits, &whole, sizeof bits);
  memcpy(&sign, &v, sizeof sign);
  bits |= sign & 0x80000000u;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

static void row(const bt_call* c, const float* x, float* y, size_t n) {
  const float scale = c->attr[SCALE].f, zero = (float)c->attr[ZERO].i;
  const float lo = (float)c->attr[LO].i - zero, hi = (float)c->attr[HI].i - zero;
  const float most = 1 << 22;
  if (lo > -most && hi < most) { /* whole bounds: clamping first gives the same */
    for (size_t i = 0; i < n; ++i) {
      const float q = x[i] / scale;
      y[i] = round_small(q > lo ? (q < hi ? q : hi) : lo) * scale; /* NaN becomes the lowest value */
    }
    return;
  }
  for (size_t i = 0; i < n; ++i) {
    const float q = rintf(x[i] / scale);
    y[i] = (q > lo ? (q < hi ? q : hi) : lo) * scale;
  }
}

static bt_status infer(bt_call* c) { return bt_unary_infer(c, BT_BIT(BT_F32) | BT_TYPES_HALF); }
static bt_status run(bt_call* c) { return bt_unary_run(c, row, NULL); }

const bt_op bt_op_fake_quantize = {
    .name = "FakeQuantize", .summary = "Rounds floats as a quantized value would (simulation).",
    .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
    .flags = BT_OP_HALF | BT_OP_INPLACE | BT_OP_OWN, .layout = BT_LAYOUT_ELEMENTWISE,
    .infer = infer, .run = run};
