/* SPDX-License-Identifier: Apache-2.0
   The order of numbers, for operators that sort: NaN is the largest, and all NaNs are equal, as are
   the two zeros. */
#ifndef BANTAM_OPS_SHARED_ORDER_H_
#define BANTAM_OPS_SHARED_ORDER_H_
#include "runtime/op.h"

#define BT_TYPES_ORDERED (BT_TYPES_NUMBER | BT_TYPES_SMALL_INT | BT_BIT(BT_BOOL))

/* A number without a sign that is larger for a larger element k, and equal for equal ones. */
uint64_t bt_order_key(const bt_tensor* t, int64_t k);

/* Sorts list[0 .. n) so that compare(self, a, b) <= 0 for every a in front of b; elements that are
   equal stay in their order. `room` has space for n more. */
typedef int (*bt_compare_fn)(const void* self, int64_t a, int64_t b);
void bt_sort(int64_t* list, int64_t n, int64_t* room, bt_compare_fn compare, const void* self);

#endif
