/* SPDX-License-Identifier: Apache-2.0
   Range: start, start + delta, start + 2 delta, ... as long as the limit (input 1) is not reached.
   Element i of floats is start + i * delta, computed in doubles and rounded once. */
#include <math.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/index.h"

enum { START, LIMIT, DELTA };

#define TYPES (BT_BIT(BT_F32) | BT_BIT(BT_F64) | BT_BIT(BT_I16) | BT_BIT(BT_I32) | BT_BIT(BT_I64))

static bt_status count_floats(bt_call* c, int64_t* n) {
  const double start = bt_scalar(c->in[START]), limit = bt_scalar(c->in[LIMIT]);
  const double delta = bt_scalar(c->in[DELTA]);
  if (delta == 0 || !isfinite(start) || !isfinite(limit) || delta != delta)
    return bt_fail(c, BT_BAD_INPUT, "no numbers lead from %g to %g in steps of %g", start, limit,
                   delta);
  const double count = ceil((limit - start) / delta);
  *n = count >= 9e18 ? INT64_MAX : count > 0 ? (int64_t)count : 0;
  return BT_OK;
}

static bt_status count_integers(bt_call* c, int64_t* n) {
  int64_t start = 0, limit = 0, delta = 0;
  const int has_start = bt_number_at(c, START, 0, &start),
            has_limit = bt_number_at(c, LIMIT, 0, &limit);
  const int has_delta = bt_number_at(c, DELTA, 0, &delta);
  *n = -1;
  if (has_delta && delta == 0) return bt_fail(c, BT_BAD_INPUT, "delta is 0");
  if (!has_start || !has_delta) return BT_OK;
  if (!has_limit) { /* 0, 1, ... up to a length: as many as that length */
    if (start == 0 && delta == 1 && bt_has_partial(c, LIMIT)) *n = bt_symbol_dim(limit);
    return BT_OK;
  }
  const int down = delta < 0;
  if (down ? limit >= start : limit <= start) {
    *n = 0;
    return BT_OK;
  }
  /* both differences fit into 64 bits without a sign, whatever the numbers are */
  const uint64_t way = down ? (uint64_t)start - (uint64_t)limit : (uint64_t)limit - (uint64_t)start;
  const uint64_t step = down ? 0 - (uint64_t)delta : (uint64_t)delta;
  const uint64_t count = (way - 1) / step + 1;
  *n = count > INT64_MAX ? INT64_MAX : (int64_t)count;
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  static const char* const names[] = {"start", "limit", "delta"};
  BT_TRY(bt_need_type(c, START, TYPES));
  for (int i = START; i <= DELTA; ++i) {
    BT_TRY(bt_need_same_type(c, START, i));
    BT_TRY(bt_need_one_element(c, i, names[i]));
  }
  int64_t n = -1;
  if (!bt_is_float(c->in[START]->dtype)) BT_TRY(count_integers(c, &n));
  else if (bt_has_values(c, START) && bt_has_values(c, LIMIT) && bt_has_values(c, DELTA))
    BT_TRY(count_floats(c, &n));
  bt_set_vector(c->out[0], c->in[START]->dtype, n);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  bt_tensor* y = c->out[0];
  const int64_t n = bt_count(y);
  if (bt_is_float(y->dtype)) {
    const double start = bt_scalar(c->in[START]), delta = bt_scalar(c->in[DELTA]);
    for (int64_t i = 0; i < n; ++i) bt_put(y, i, start + (double)i * delta);
  } else {
    const uint64_t start = (uint64_t)bt_scalar_int(c->in[START]);
    const uint64_t delta = (uint64_t)bt_scalar_int(c->in[DELTA]);
    for (int64_t i = 0; i < n; ++i) bt_put_int(y, i, (int64_t)(start + (uint64_t)i * delta));
  }
  return BT_OK;
}

const bt_op bt_op_range = {
    .name = "Range", .summary = "Numbers from a start to a limit in equal steps.", .in_min = 3,
    .in_max = 3, .out_min = 1, .out_max = 1, .infer = infer, .run = run};
