/* SPDX-License-Identifier: Apache-2.0
   A program in memory: what the reader makes of a .btm file, and what the tool makes of its own
   graph to run it. Plain arrays, read-only while sessions use them. */
#ifndef BANTAM_RUNTIME_GRAPH_H_
#define BANTAM_RUNTIME_GRAPH_H_
#include "runtime/op.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bt_stored; /* an encoded constant of a file: runtime/weights.h */

typedef struct bt_value {
  const char* name; /* never NULL; "" where names were stripped */
  bt_dtype dtype;
  int rank; /* of the declared shape; -1: unknown */
  int64_t dims[BT_MAX_RANK]; /* -1 and below: unknown, equal numbers are equal lengths */
  const bt_quant* quant;
  const void* data;               /* a constant whose bytes lie ready */
  const struct bt_stored* stored; /* a constant that must be decoded first */
} bt_value;

typedef struct bt_node {
  const bt_op* op;
  const char* name;
  int n_in, n_out;
  const int32_t* in; /* indexes of values; -1: not given */
  const int32_t* out;
  const bt_attr* attrs; /* in the order of op->attrs */
} bt_node;

typedef struct bt_graph {
  int n_values, n_nodes, n_inputs, n_outputs;
  const bt_value* values;
  const bt_node* nodes; /* in a valid order of execution */
  const int32_t* inputs;
  const int32_t* outputs;
} bt_graph;

static inline int bt_is_constant(const bt_value* v) { return v->data || v->stored; }

#ifdef __cplusplus
}
#endif
#endif
