/* SPDX-License-Identifier: Apache-2.0
   Dequantize (ours): the reals that the stored integers of input 0 stand for,
   y = float(q - zero) * scale. lower-to-integer puts it where an integer node feeds a float one. */
#include "kernels/kernels.h"
#include "ops/shared/scale_rows.h"
#include "runtime/shape.h"

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_BIT(BT_I8) | BT_BIT(BT_I16)));
  bt_set_shape(c->out[0], BT_F32, c->in[0]->rank, c->in[0]->dims);
  return BT_OK;
}

static bt_status prepare(bt_call* c) { return bt_need_scale_rows(c, c->in[0], "the input"); }

static void row(bt_call* c, int64_t at, size_t n, float scale, int32_t zero) {
  const bt_kernels* k = bt_call_kernels(c);
  float* y = (float*)c->out[0]->data + at;
  if (c->in[0]->dtype == BT_I16)
    k->dequantize_s16((const int16_t*)c->in[0]->data + at, y, n, scale, zero);
  else
    k->dequantize((const int8_t*)c->in[0]->data + at, y, n, scale, zero);
}

static bt_status run(bt_call* c) {
  bt_scale_rows(c, c->in[0], row);
  return BT_OK;
}

const bt_op bt_op_dequantize = {
    .name = "Dequantize", .summary = "The reals that quantized integers stand for.", .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_OWN, .layout = BT_LAYOUT_ELEMENTWISE,
    .infer = infer, .prepare = prepare, .run = run};
