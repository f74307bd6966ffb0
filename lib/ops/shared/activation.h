/* SPDX-License-Identifier: Apache-2.0
   The activation functions that recurrent cells choose by name, on rows of floats in place. */
#ifndef BANTAM_OPS_SHARED_ACTIVATION_H_
#define BANTAM_OPS_SHARED_ACTIVATION_H_
#include "kernels/kernels.h"
#include "runtime/op.h"

typedef enum bt_activation_kind {
  BT_ACT_AFFINE = 0,
  BT_ACT_ELU,
  BT_ACT_HARD_SIGMOID,
  BT_ACT_LEAKY_RELU,
  BT_ACT_RELU,
  BT_ACT_SCALED_TANH,
  BT_ACT_SIGMOID,
  BT_ACT_SOFTPLUS,
  BT_ACT_SOFTSIGN,
  BT_ACT_TANH,
  BT_ACT_THRESHOLDED_RELU,
  BT_ACT_COUNT
} bt_activation_kind;

typedef struct bt_activation {
  bt_activation_kind kind;
  float alpha, beta;
} bt_activation;

/* Finds a function by name, whatever the case of its letters, with the default alpha and beta.
   `uses` has bit 0 set if it has an alpha and bit 1 if it has a beta. NULL where there is none. */
int bt_activation_named(const char* name, bt_activation* a, int* uses);

void bt_activate(const bt_kernels* k, const bt_activation* a, float* x, size_t n);

#endif
