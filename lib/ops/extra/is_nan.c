/* SPDX-License-Identifier: Apache-2.0
   IsNaN: y = 1 where x is not a number, else 0. */
#include "ops/shared/float_test.h"

BT_FLOAT_TEST(v != v)

const bt_op bt_op_is_nan = {
    .name = "IsNaN", .summary = "Which elements are not numbers.", .in_min = 1, .in_max = 1,
    .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE | BT_OP_EXTRA,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
