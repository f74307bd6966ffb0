/* SPDX-License-Identifier: Apache-2.0
   Quantize (ours): floats to the stored integers of output 0, whose value carries scale and zero
   point: q = rint(clamp(x * (1 / scale), -128 - zero, 127 - zero)) + zero; NaN becomes the zero
   point. They are i8, or i16 with the bounds of that type. lower-to-integer puts it where a float node feeds an integer one. */
#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/scale_rows.h"
#include "runtime/shape.h"

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_BIT(BT_F32) | BT_TYPES_HALF));
  bt_set_shape(c->out[0], c->out[0]->dtype == BT_I16 ? BT_I16 : BT_I8, c->in[0]->rank, c->in[0]->dims);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  BT_TRY(bt_need_scale_rows(c, c->out[0], "the output"));
  const bt_quant* q = c->out[0]->quant;
  for (int i = 0; i < q->n; ++i)
    if (!isfinite(1.0f / q->scale[i]))
      return bt_fail(c, BT_UNSUPPORTED, "scale %g of the output is too small to be inverted",
                     (double)q->scale[i]);
  return BT_OK;
}

static void row(bt_call* c, int64_t at, size_t n, float scale, int32_t zero) {
  const bt_kernels* k = bt_call_kernels(c);
  const float* x = (const float*)c->in[0]->data + at;
  if (c->out[0]->dtype == BT_I16)
    k->quantize_s16(x, (int16_t*)c->out[0]->data + at, n, 1.0f / scale, zero);
  else
    k->quantize(x, (int8_t*)c->out[0]->data + at, n, 1.0f / scale, zero);
}

static bt_status run(bt_call* c) {
  bt_scale_rows(c, c->out[0], row);
  return BT_OK;
}

const bt_op bt_op_quantize = {
    .name = "Quantize", .summary = "Floats to the integers of a quantized value.", .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_OWN,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .prepare = prepare, .run = run};
