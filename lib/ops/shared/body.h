/* SPDX-License-Identifier: Apache-2.0
   What If, Loop and Scan share: the lists handed to the graph inside, the types that its values keep
   from turn to turn, values carried from one turn to the next, and results handed to the node's
   outputs. */
#ifndef BANTAM_OPS_SHARED_BODY_H_
#define BANTAM_OPS_SHARED_BODY_H_
#include "runtime/op.h"

/* The inputs and outputs of one graph. `own` holds tensors that the operator itself makes for the
   graph's inputs: own[i] belongs to in[i]. The carried values ("states") are inputs first_in ... and
   outputs first_out ... */
typedef struct bt_body {
  const struct bt_graph* graph;
  int n_in, n_out, first_in, first_out, states;
  const bt_tensor** in;
  bt_tensor *own, *out;
} bt_body;

size_t bt_body_bytes(const bt_body* b);
/* Places the lists, emptied, in memory of bt_body_bytes; all inputs then point to `own`. */
void bt_body_place(bt_body* b, void* memory);

/* Makes `type` cover `other` too: lengths that differ become unknown, and so does a rank. True if
   that changed it. */
int bt_widen(bt_tensor* type, const bt_tensor* other);

/* Types of the graph's outputs, where the states' types in `own` are those of the first turn. They
   are widened until a turn keeps them. */
bt_status bt_body_infer(bt_call* c, bt_body* b);

/* A state's bytes, in one of two buffers: what a turn wrote may lie in the buffer that it read. */
typedef struct bt_carry {
  void* buffer[2];
  size_t capacity[2];
  int side;
} bt_carry;
/* Copies what a turn left; `now` becomes the copy. */
bt_status bt_carry_take(bt_call* c, bt_carry* carry, const bt_tensor* from, bt_tensor* now);
void bt_carry_free(bt_carry* carry);

/* Output i of the node becomes a copy of `value`. */
bt_status bt_give_output(bt_call* c, int i, const bt_tensor* value);

/* Allocates output i of these dims, or checks that it was planned with them. */
bt_status bt_fit_output(bt_call* c, int i, bt_dtype dtype, int rank, const int64_t* dims);

/* The shape of output k of a graph that never ran: the planned one if there is one, else the
   declared one, with 0 for every unknown length. */
void bt_shape_of_none(const bt_body* b, int k, bt_tensor* shape);

#endif
