/* SPDX-License-Identifier: Apache-2.0
   Cast: the same numbers in the type `to` (a number of ONNX's TensorProto.DataType); convert.h has
   the rules. round_mode is for f8e8m0, saturate for the other 8-bit floats and for that one. */
#include <inttypes.h>

#include "ops/shared/convert.h"

enum { TO = BT_CAST_SATURATE + 1 };
static const bt_attr_spec attrs[] = {
    BT_CAST_ATTRS, {.name = "to", .kind = BT_INT, .required = 1}, {0}};

static bt_status infer(bt_call* c) {
  const int64_t to = c->attr[TO].i;
  if (to <= BT_NONE || to >= BT_DTYPE_COUNT)
    return bt_fail(c, BT_BAD_INPUT, "to is %" PRId64 ", which is no type", to);
  return bt_cast_infer(c, (bt_dtype)to);
}

const bt_op bt_op_cast = {
    .name = "Cast", .summary = "The same numbers in another type.", .attrs = attrs, .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = bt_cast_run};
