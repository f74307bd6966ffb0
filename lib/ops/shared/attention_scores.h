/* SPDX-License-Identifier: Apache-2.0
   What happens to a row of attention scores between the two products: scale, masks, cap, softmax. */
#ifndef BANTAM_OPS_SHARED_ATTENTION_SCORES_H_
#define BANTAM_OPS_SHARED_ATTENTION_SCORES_H_
#include "runtime/op.h"

/* The scores of one head: [queries, total]. */
typedef struct bt_scores {
  const bt_call* c;
  const bt_tensor* mask; /* bool or f32, broadcast to [batch, heads, queries, total]; NULL: none */
  int64_t batch, head;   /* this one */
  int64_t heads, queries, total;
  int64_t valid;  /* keys behind these are masked */
  int causal;     /* query i sees the keys up to i + offset */
  int64_t offset;
  float scale, softcap; /* softcap 0: none */
  int mode;             /* which scores `out` gets: 0 scaled, 1 masked, 2 capped, 3 softmax */
  float* out;           /* [batch, heads, queries, total]; NULL: not wanted */
} bt_scores;

/* Turns the products of query `i` with all keys into their weights. */
void bt_scores_finish(const bt_scores* s, int64_t i, float* row);

#endif
