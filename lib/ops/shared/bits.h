/* SPDX-License-Identifier: Apache-2.0
   Row functions on the bits of integers: one for each size, whatever the sign. */
#ifndef BANTAM_OPS_SHARED_BITS_H_
#define BANTAM_OPS_SHARED_BITS_H_
#include "ops/shared/elementwise.h"

/* prefix_1, prefix_2, prefix_4, prefix_8 (bytes) from an expression of a and b, both uint64_t. */
#define BT_ROWS2_BITS(prefix, expression)                                                  \
  BT_ROW2_MIXED(prefix##_1, uint8_t, uint8_t, uint64_t, uint64_t, uint8_t, expression)     \
  BT_ROW2_MIXED(prefix##_2, uint16_t, uint16_t, uint64_t, uint64_t, uint16_t, expression)  \
  BT_ROW2_MIXED(prefix##_4, uint32_t, uint32_t, uint64_t, uint64_t, uint32_t, expression)  \
  BT_ROW2_MIXED(prefix##_8, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, expression)

/* The one for an integer type. */
#define BT_BITS_PICK(prefix, dtype)           \
  (bt_dtype_size(dtype) == 1   ? prefix##_1   \
   : bt_dtype_size(dtype) == 2 ? prefix##_2   \
   : bt_dtype_size(dtype) == 4 ? prefix##_4   \
                               : prefix##_8)

#endif
