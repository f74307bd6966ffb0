/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/shared/body.h"

#include <string.h>

#include "runtime/graph.h"
#include "runtime/shape.h"

size_t bt_body_bytes(const bt_body* b) {
  return (size_t)b->n_in * (sizeof *b->own + sizeof *b->in) + (size_t)b->n_out * sizeof *b->out;
}

void bt_body_place(bt_body* b, void* memory) {
  if (bt_body_bytes(b)) memset(memory, 0, bt_body_bytes(b));
  b->own = memory;
  b->out = b->own + b->n_in;
  b->in = (const bt_tensor**)(void*)(b->out + b->n_out);
  for (int i = 0; i < b->n_in; ++i) b->in[i] = &b->own[i];
}

int bt_widen(bt_tensor* type, const bt_tensor* other) {
  if (type->rank < 0) return 0;
  if (type->rank != other->rank) {
    type->rank = -1;
    return 1;
  }
  int changed = 0;
  for (int d = 0; d < type->rank; ++d) {
    if (type->dims[d] == other->dims[d] || type->dims[d] == -1) continue;
    type->dims[d] = -1;
    changed = 1;
  }
  return changed;
}

static bt_status check_states(bt_call* c, const bt_body* b) {
  for (int k = 0; k < b->states; ++k) {
    const bt_dtype before = b->own[b->first_in + k].dtype, after = b->out[b->first_out + k].dtype;
    if (before != after)
      return bt_fail(c, BT_BAD_INPUT, "carried value %d is %s before the first turn and %s behind it", k,
                     bt_dtype_name(before), bt_dtype_name(after));
  }
  return BT_OK;
}

/* Two attempts keep what is known; the third gives up the shapes of all states, so that graphs inside
   graphs cost a bounded number of rounds. */
bt_status bt_body_infer(bt_call* c, bt_body* b) {
  for (int round = 0;; ++round) {
    BT_TRY(bt_infer_graph(c, b->graph, b->in, b->n_in, b->out, b->n_out));
    BT_TRY(check_states(c, b));
    int changed = 0;
    for (int k = 0; k < b->states; ++k)
      changed |= bt_widen(&b->own[b->first_in + k], &b->out[b->first_out + k]);
    if (!changed) return BT_OK;
    if (round == 1)
      for (int k = 0; k < b->states; ++k) b->own[b->first_in + k].rank = -1;
  }
}

bt_status bt_carry_take(bt_call* c, bt_carry* carry, const bt_tensor* from, bt_tensor* now) {
  const size_t bytes = bt_bytes(from);
  const int side = carry->side ^= 1;
  if (!carry->buffer[side] || carry->capacity[side] < bytes) {
    bt_free_scratch(carry->buffer[side]);
    carry->capacity[side] = 0;
    carry->buffer[side] = bt_alloc_scratch(c, bytes);
    if (!carry->buffer[side]) return bt_fail_memory(c);
    carry->capacity[side] = bytes;
  }
  if (bytes) memcpy(carry->buffer[side], from->data, bytes);
  *now = *from;
  now->data = carry->buffer[side];
  now->constant = 0;
  return BT_OK;
}

void bt_carry_free(bt_carry* carry) {
  for (int side = 0; side < 2; ++side) bt_free_scratch(carry->buffer[side]);
}

bt_status bt_fit_output(bt_call* c, int i, bt_dtype dtype, int rank, const int64_t* dims) {
  if (!bt_wants(c, i)) return BT_OK;
  const bt_tensor* y = c->out[i];
  if (y->dtype != dtype)
    return bt_fail(c, BT_BAD_INPUT, "output %d is %s; its graph promised %s", i, bt_dtype_name(dtype),
                   bt_dtype_name(y->dtype));
  if (!bt_has_shape(y)) return bt_set_output(c, i, rank, dims);
  bt_tensor wanted = {.dtype = dtype};
  bt_set_shape(&wanted, dtype, rank, dims);
  if (rank == y->rank && memcmp(dims, y->dims, (size_t)rank * sizeof *dims) == 0) return BT_OK;
  char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
  return bt_fail(c, BT_BAD_INPUT, "output %d has shape %s; it was planned as %s", i,
                 bt_shape_text(&wanted, p), bt_shape_text(y, q));
}

bt_status bt_give_output(bt_call* c, int i, const bt_tensor* value) {
  if (!bt_wants(c, i)) return BT_OK;
  BT_TRY(bt_fit_output(c, i, value->dtype, value->rank, value->dims));
  const size_t bytes = bt_bytes(value);
  if (bytes) memcpy(c->out[i]->data, value->data, bytes);
  return BT_OK;
}

void bt_shape_of_none(const bt_body* b, int k, bt_tensor* shape) {
  const bt_value* declared = &b->graph->values[b->graph->outputs[k]];
  if (!bt_has_rank(shape)) bt_set_shape(shape, declared->dtype, declared->rank, declared->dims);
  if (!bt_has_rank(shape)) shape->rank = 0;
  for (int d = 0; d < shape->rank; ++d)
    if (!bt_known(shape->dims[d])) shape->dims[d] = 0;
}
