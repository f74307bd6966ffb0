/* SPDX-License-Identifier: Apache-2.0
   Dropout: y = x in inference. With training_mode (input 2) each element is dropped (0) with
   probability `ratio` (input 1, default 1/2) and divided by 1 - ratio otherwise. Output 1 says
   which elements are kept. Random bits come from the session's stream, whatever the attribute seed
   says, so that the session's seed determines the whole run. */
#include <string.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/requant.h"

enum { RATIO = 1, TRAINING = 2 };
static const bt_attr_spec attrs[] = {{.name = "seed", .kind = BT_INT}, {0}};

#define TYPES                                                                          \
  (BT_TYPES_FLOAT | BT_BIT(BT_F8E4M3FN) | BT_BIT(BT_F8E4M3FNUZ) | BT_BIT(BT_F8E5M2) | \
   BT_BIT(BT_F8E5M2FNUZ))

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  if (!bt_is_q8(x)) BT_TRY(bt_need_type(c, 0, TYPES));
  BT_TRY(bt_need_type(c, RATIO, TYPES));
  BT_TRY(bt_need_one_element(c, RATIO, "ratio"));
  BT_TRY(bt_need_type(c, TRAINING, BT_BIT(BT_BOOL)));
  BT_TRY(bt_need_one_element(c, TRAINING, "training_mode"));
  bt_set_like(c->out[0], x);
  if (c->n_out > 1) bt_set_shape(c->out[1], BT_BOOL, x->rank, x->dims);
  return BT_OK;
}

static void drop(bt_call* c, double ratio) {
  const bt_tensor* x = c->in[0];
  uint8_t* mask = bt_wants(c, 1) ? c->out[1]->data : NULL;
  const int64_t n = bt_count(x);
  for (int64_t i = 0; i < n; ++i) {
    const int keep = (double)(bt_random(c) >> 11) * 0x1p-53 >= ratio;
    if (mask) mask[i] = (uint8_t)keep;
    if (bt_wants(c, 0)) bt_put(c->out[0], i, keep ? bt_get(x, i) / (1.0 - ratio) : 0.0);
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int training = bt_given(c, TRAINING) && bt_scalar_int(c->in[TRAINING]) != 0;
  const double ratio = bt_given(c, RATIO) ? bt_scalar(c->in[RATIO]) : 0.5;
  if (training && !(ratio >= 0 && ratio < 1))
    return bt_fail(c, BT_BAD_INPUT, "ratio is %g; a number from 0 on and below 1 is needed", ratio);
  if (training && bt_is_q8(x))
    return bt_fail(c, BT_UNSUPPORTED, "training_mode is not supported on quantized values");
  if (training) {
    drop(c, ratio);
    return BT_OK;
  }
  if (bt_wants(c, 0)) bt_copy_values(c->out[0], x);
  if (bt_wants(c, 1) && bt_count(x) > 0) memset(c->out[1]->data, 1, (size_t)bt_count(x));
  return BT_OK;
}

const bt_op bt_op_dropout = {
    .name = "Dropout", .summary = "The input itself, except in training.", .attrs = attrs,
    .in_min = 1, .in_max = 3, .out_min = 1, .out_max = 2, .flags = BT_OP_RANDOM | BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_SAME, .infer = infer, .run = run};
