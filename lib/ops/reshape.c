/* SPDX-License-Identifier: Apache-2.0
   Reshape: the same elements in another shape. Input 1 holds the new lengths: 0 copies the length of
   the input at that place (unless allowzero is 1), -1 stands for what is left, once. */
#include <inttypes.h>

#include "runtime/shape.h"

enum { ALLOWZERO };
static const bt_attr_spec attrs[] = {{.name = "allowzero", .kind = BT_INT}, {0}};

/* Replaces the -1 at `at`: the input's count over the product of the others. Equal unknown lengths
   on both sides cancel, so that [N,64,12] -> [N,-1] is [N,768]. */
static bt_status fill_rest(bt_call* c, const bt_tensor* x, int64_t* dims, int rank, int at) {
  int64_t have = 1, need = 1;
  int used[BT_MAX_RANK] = {0};
  for (int i = 0; i < x->rank; ++i) {
    if (bt_known(x->dims[i])) {
      have = bt_dim_mul(have, x->dims[i]);
      continue;
    }
    int found = 0;
    for (int k = 0; k < rank && !found; ++k)
      if (k != at && !used[k] && dims[k] == x->dims[i] && dims[k] != -1) used[k] = found = 1;
    if (!found) have = -1;
    if (have < 0) break;
  }
  for (int k = 0; k < rank; ++k)
    if (k != at && !used[k]) need = bt_dim_mul(need, dims[k]);
  dims[at] = -1;
  if (need == 0)
    return bt_fail(c, BT_BAD_INPUT, "Reshape cannot infer a length beside a length of 0");
  if (have >= 0 && need > 0) {
    if (have % need)
      return bt_fail(c, BT_BAD_INPUT, "Reshape cannot split %" PRId64 " elements into rows of %" PRId64,
                     have, need);
    dims[at] = have / need;
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *shape = c->in[1];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_vector(c, 1, -1, "the new shape"));
  if (shape->rank != 1 || !bt_known(shape->dims[0])) return BT_OK;
  const int64_t n = shape->dims[0];
  BT_TRY(bt_need_max_rank(c, n));
  int64_t dims[BT_MAX_RANK];
  int rest = -1, certain = bt_has_rank(x);
  for (int i = 0; i < n; ++i) dims[i] = -1;
  for (int i = 0; i < n && bt_has_partial(c, 1); ++i) {
    const int64_t v = bt_value_at(c, 1, i);
    if (bt_is_symbol(v)) {
      dims[i] = bt_symbol_dim(v);
      if (dims[i] == -1) certain = 0; /* could itself be -1 or 0 */
    } else if (v == -1) {
      if (rest >= 0) return bt_fail(c, BT_BAD_INPUT, "Reshape has two lengths of -1");
      rest = i;
    } else if (v < -1) {
      return bt_fail(c, BT_BAD_INPUT, "Reshape to a negative length, %" PRId64, v);
    } else if (v == 0 && !c->attr[ALLOWZERO].i) {
      if (bt_has_rank(x) && i >= x->rank)
        return bt_fail(c, BT_BAD_INPUT, "Reshape copies length %d of an input of rank %d", i, x->rank);
      dims[i] = bt_has_rank(x) ? x->dims[i] : -1;
    } else {
      dims[i] = v;
    }
  }
  if (rest >= 0 && certain) BT_TRY(fill_rest(c, x, dims, (int)n, rest));
  bt_set_shape(c->out[0], x->dtype, (int)n, dims);
  const int64_t before = bt_has_rank(x) ? bt_count(x) : -1, after = bt_count(c->out[0]);
  if (bt_clash(before, after)) {
    char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
    return bt_fail(c, BT_BAD_INPUT, "Reshape from %s to %s changes the number of elements",
                   bt_shape_text(x, p), bt_shape_text(c->out[0], q));
  }
  return BT_OK;
}

const bt_op bt_op_reshape = {
    .name = "Reshape", .summary = "The same elements in another shape.", .attrs = attrs,
    .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_VIEW,
    .quant = BT_QUANT_SAME, .infer = infer};
