/* SPDX-License-Identifier: Apache-2.0
   Equations of Einsum: "bij, bjk -> bik", with "..." for axes that are not named. */
#ifndef BANTAM_OPS_SHARED_EINSUM_EQUATION_H_
#define BANTAM_OPS_SHARED_EINSUM_EQUATION_H_
#include "runtime/op.h"

#define BT_EINSUM_TERMS 64
/* Labels: A-Z, a-z, then the axes of the ellipsis, aligned at the last one. */
#define BT_EINSUM_LABELS (52 + BT_MAX_RANK)

typedef struct bt_term {
  int rank;
  int8_t label[BT_MAX_RANK];
} bt_term;

typedef struct bt_equation {
  int n; /* operands */
  bt_term operand[BT_EINSUM_TERMS], output;
  int64_t length[BT_EINSUM_LABELS]; /* -1: unknown */
} bt_equation;

/* Reads an equation for the inputs of the call, whose ranks are known. A length of 1 broadcasts. */
bt_status bt_equation_read(bt_call* c, const char* text, bt_equation* e);

#endif
