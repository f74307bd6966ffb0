/* SPDX-License-Identifier: Apache-2.0
   OneHot: a new axis of length `depth` (input 1), on which the entry that the index (input 0) names
   has the value "on" and all others "off" (input 2: off, on). An index outside of [-depth, depth)
   names none. */
#include <inttypes.h>
#include <string.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/move.h"

enum { INDICES, DEPTH, VALUES };
enum { AXIS };
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT, .i = -1}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *indices = c->in[INDICES], *values = c->in[VALUES];
  BT_TRY(bt_need_type(c, INDICES, BT_TYPES_NUMBER));
  BT_TRY(bt_need_type(c, DEPTH, BT_TYPES_NUMBER));
  BT_TRY(bt_need_type(c, VALUES, BT_TYPES_ANY));
  BT_TRY(bt_need_one_element(c, DEPTH, "depth"));
  BT_TRY(bt_need_vector(c, VALUES, 2, "values"));
  c->out[0]->dtype = values->dtype;
  int64_t depth = -1;
  if (bt_has_values(c, DEPTH)) {
    depth = bt_scalar_int(c->in[DEPTH]);
    if (depth < 0)
      return bt_fail(c, BT_BAD_INPUT, "depth is %" PRId64 "; it must not be negative", depth);
  } else if (bt_has_partial(c, DEPTH)) {
    BT_TRY(bt_value_dim(c, DEPTH, 0, "depth", &depth));
  }
  if (!bt_has_rank(indices)) return BT_OK;
  const int rank = indices->rank + 1;
  int axis = 0;
  BT_TRY(bt_need_max_rank(c, rank));
  BT_TRY(bt_need_axis(c, c->attr[AXIS].i, rank, "axis", &axis));
  int64_t dims[BT_MAX_RANK];
  for (int d = 0, from = 0; d < rank; ++d) dims[d] = d == axis ? depth : indices->dims[from++];
  bt_set_shape(c->out[0], values->dtype, rank, dims);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor *indices = c->in[INDICES], *y = c->out[0];
  const int axis = (int)(c->attr[AXIS].i < 0 ? c->attr[AXIS].i + y->rank : c->attr[AXIS].i);
  const int64_t n = bt_count(indices), depth = y->dims[axis],
                inner = bt_extent(y, axis + 1, y->rank);
  const size_t size = bt_dtype_size(y->dtype);
  bt_fill(y->data, bt_element(c->in[VALUES], 0), bt_count(y), size);
  for (int64_t i = 0; i < n; ++i) {
    int64_t hot = bt_get_int(indices, i);
    if (indices->dtype == BT_U64 && hot < 0) continue; /* above the range of i64 */
    if (hot < 0) hot += depth;
    if (hot < 0 || hot >= depth) continue;
    memcpy(bt_element(y, (i / inner * depth + hot) * inner + i % inner),
           bt_element(c->in[VALUES], 1), size);
  }
  return BT_OK;
}

const bt_op bt_op_one_hot = {
    .name = "OneHot", .summary = "Indices written as rows with one entry set.", .attrs = attrs,
    .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1, .infer = infer, .run = run};
