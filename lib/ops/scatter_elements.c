/* SPDX-License-Identifier: Apache-2.0
   ScatterElements: a copy of the data in which y[index[i, j, k], j, k] has become updates[i, j, k]
   (for axis 0), or has been joined with it by `reduction`. Updates are taken in their order; the
   last one of the same place wins. */
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/index.h"
#include "ops/shared/move.h"
#include "ops/shared/scatter.h"

enum { DATA, INDICES, UPDATES };
enum { AXIS, REDUCTION };
static const bt_attr_spec attrs[] = {
    {.name = "axis", .kind = BT_INT},
    {.name = "reduction", .kind = BT_ENUM, .words = BT_REDUCTION_WORDS},
    {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[DATA], *indices = c->in[INDICES], *updates = c->in[UPDATES];
  BT_TRY(bt_scatter_infer(c, (bt_reduction)c->attr[REDUCTION].i));
  BT_TRY(bt_need_type(c, INDICES, BT_TYPES_INDEX));
  if (bt_has_rank(x)) {
    int axis = 0;
    BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
    BT_TRY(bt_need_inside(c, INDICES, axis));
  }
  if (!bt_has_rank(indices)) return BT_OK;
  BT_TRY(bt_need_rank(c, UPDATES, indices->rank));
  for (int d = 0; d < updates->rank; ++d)
    if (bt_clash(indices->dims[d], updates->dims[d])) {
      char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
      return bt_fail(c, BT_BAD_INPUT,
                     "indices and updates have shapes %s and %s; they must be equal",
                     bt_shape_text(indices, p), bt_shape_text(updates, q));
    }
  return BT_OK;
}

#define SET(T) *(T*)to = *(const T*)from
static void replace(void* to, const void* from, size_t size) {
  switch (size) {
    case 1: SET(uint8_t); break;
    case 2: SET(uint16_t); break;
    case 4: SET(uint32_t); break;
    default: SET(uint64_t); break;
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[DATA], *indices = c->in[INDICES], *updates = c->in[UPDATES];
  bt_tensor* y = c->out[0];
  const int axis = (int)(c->attr[AXIS].i < 0 ? c->attr[AXIS].i + x->rank : c->attr[AXIS].i);
  const bt_row2_fn row = bt_reduction_row((bt_reduction)c->attr[REDUCTION].i, x->dtype);
  const bt_kernels* k = bt_call_kernels(c);
  const int64_t length = x->dims[axis];
  const size_t size = bt_dtype_size(x->dtype);
  BT_TRY(bt_check_indices(c, INDICES, length));
  bt_copy_values(y, x);
  int64_t strides[1][BT_MAX_RANK];
  bt_strides(y, strides[0]);
  const int64_t step = strides[0][axis];
  strides[0][axis] = 0;
  bt_walk w;
  bt_walk_begin(&w, indices->rank, indices->dims, 1, strides);
  if (w.rows == 0) return BT_OK;
  int64_t at = 0;
  do {
    for (int64_t i = 0; i < w.inner; ++i, ++at) {
      void* to = bt_element(
          y, w.offset[0] + i * w.inner_stride[0] + bt_index_at(indices, at, length) * step);
      if (row) row(k, to, bt_element(updates, at), to, 1, 0, 0);
      else replace(to, bt_element(updates, at), size);
    }
  } while (bt_walk_next(&w));
  return BT_OK;
}

const bt_op bt_op_scatter_elements = {
    .name = "ScatterElements", .summary = "Single elements replaced or updated, by index.",
    .attrs = attrs, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .infer = infer, .run = run};
