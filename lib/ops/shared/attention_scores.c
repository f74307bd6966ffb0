/* SPDX-License-Identifier: Apache-2.0
   Rows of attention scores. */
#include "ops/shared/attention_scores.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "runtime/shape.h"

static void add_mask(const bt_scores* s, int64_t i, float* row) {
  const bt_tensor* mask = s->mask;
  const int64_t place[4] = {s->batch, s->head, i, 0};
  int64_t strides[BT_MAX_RANK], at = 0;
  bt_strides(mask, strides);
  for (int d = 0; d < mask->rank - 1; ++d)
    if (mask->dims[d] != 1) at += place[4 - mask->rank + d] * strides[d];
  const int64_t length = mask->rank ? mask->dims[mask->rank - 1] : 1;
  const int64_t step = length == 1 ? 0 : 1;
  for (int64_t j = 0; j < s->total; ++j) {
    const int64_t from = at + j * step;
    if (step && j >= length) row[j] = -INFINITY;
    else if (mask->dtype == BT_F32) row[j] += ((const float*)mask->data)[from];
    else if (!((const uint8_t*)mask->data)[from]) row[j] = -INFINITY;
  }
}

static void copy_out(const bt_scores* s, int mode, int64_t i, const float* row) {
  if (!s->out || s->mode != mode) return;
  float* to = s->out + ((s->batch * s->heads + s->head) * s->queries + i) * s->total;
  memcpy(to, row, (size_t)s->total * sizeof *to);
}

/* cap * tanh(score / cap). A masked key stays masked, which the formula alone would undo. */
static void cap_scores(const bt_scores* s, float* row) {
  const bt_kernels* k = bt_call_kernels(s->c);
  float block[256];
  for (int64_t at = 0; at < s->total; at += 256) {
    const int64_t left = s->total - at, n = left < 256 ? left : 256;
    k->binary[BT_DIV](row + at, &s->softcap, block, (size_t)n, BT_B_ONE);
    k->unary[BT_TANH](block, block, (size_t)n);
    for (int64_t j = 0; j < n; ++j)
      if (row[at + j] != -INFINITY) row[at + j] = block[j] * s->softcap;
  }
}

void bt_scores_finish(const bt_scores* s, int64_t i, float* row) {
  const bt_kernels* k = bt_call_kernels(s->c);
  const size_t n = (size_t)s->total;
  k->binary[BT_MUL](row, &s->scale, row, n, BT_B_ONE);
  copy_out(s, 0, i, row);
  if (s->mask) add_mask(s, i, row);
  const int64_t seen = s->causal ? i + s->offset + 1 : s->total;
  const int64_t first_hidden = seen < s->valid ? seen : s->valid;
  for (int64_t j = first_hidden < 0 ? 0 : first_hidden; j < s->total; ++j) row[j] = -INFINITY;
  copy_out(s, 1, i, row);
  if (s->softcap != 0.0f) cap_scores(s, row);
  copy_out(s, 2, i, row);
  const float sum = k->sum_exp(row, row, n, k->max_of(row, n));
  k->binary[BT_DIV](row, &sum, row, n, BT_B_ONE);
  copy_out(s, 3, i, row);
}
