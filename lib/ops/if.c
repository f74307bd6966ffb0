/* SPDX-License-Identifier: Apache-2.0
   If: runs one of two graphs, by a condition of one element. Inputs behind the condition are what the
   graphs take from outside; both get all of them. Only the branch that is taken has to fit the
   shapes: exporters write branches that make no sense for the shapes of a given model. */
#include "ops/shared/body.h"
#include "ops/shared/elementwise.h"
#include "runtime/shape.h"

enum { ELSE_BRANCH, THEN_BRANCH };
static const bt_attr_spec attrs[] = {{.name = "else_branch", .kind = BT_GRAPH, .required = 1},
                                     {.name = "then_branch", .kind = BT_GRAPH, .required = 1},
                                     {0}};

static bt_status infer_branch(bt_call* c, int branch, bt_tensor* types) {
  return bt_infer_graph(c, c->attr[branch].u.graph, c->in + 1, c->n_in - 1, types, c->n_out);
}

/* Into types[0, n_out); types[n_out, 2 n_out) is room for the other branch. */
static bt_status infer_both(bt_call* c, bt_tensor* types) {
  bt_tensor* other = types + c->n_out;
  const bt_status yes = infer_branch(c, THEN_BRANCH, types);
  if (yes != BT_OK && yes != BT_BAD_INPUT) return yes;
  const bt_status no = infer_branch(c, ELSE_BRANCH, other);
  if (no != BT_OK && (no != BT_BAD_INPUT || yes != BT_OK)) return no;
  for (int i = 0; i < c->n_out; ++i) {
    if (yes == BT_OK && no == BT_OK && types[i].dtype != other[i].dtype)
      return bt_fail(c, BT_BAD_INPUT, "output %d is %s in one branch and %s in the other", i,
                     bt_dtype_name(types[i].dtype), bt_dtype_name(other[i].dtype));
    if (yes != BT_OK) types[i] = other[i];
    else if (no == BT_OK) bt_widen(&types[i], &other[i]);
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_BIT(BT_BOOL)));
  BT_TRY(bt_need_one_element(c, 0, "the condition"));
  for (int i = 1; i < c->n_in; ++i)
    if (!c->in[i]) return bt_fail(c, BT_BAD_INPUT, "input %d is missing", i);
  bt_tensor* types = bt_alloc_scratch(c, 2 * (size_t)c->n_out * sizeof *types);
  if (!types) return bt_fail_memory(c);
  const bt_status status =
      bt_has_values(c, 0) ? infer_branch(c, bt_get_int(c->in[0], 0) ? THEN_BRANCH : ELSE_BRANCH, types)
                          : infer_both(c, types);
  for (int i = 0; i < c->n_out && status == BT_OK; ++i) bt_set_like(c->out[i], &types[i]);
  bt_free_scratch(types);
  return status;
}

static bt_status prepare(bt_call* c) {
  c->scratch_bytes = (size_t)c->n_out * sizeof(bt_tensor);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  bt_tensor* results = c->scratch;
  const int branch = bt_get_int(c->in[0], 0) ? THEN_BRANCH : ELSE_BRANCH;
  BT_TRY(bt_run_graph(c, c->attr[branch].u.graph, c->in + 1, c->n_in - 1, results, c->n_out));
  for (int i = 0; i < c->n_out; ++i) BT_TRY(bt_give_output(c, i, &results[i]));
  return BT_OK;
}

const bt_op bt_op_if = {
    .name = "If", .summary = "One of two graphs, by a condition.", .attrs = attrs, .in_min = 1,
    .in_max = BT_MANY, .out_min = 1, .out_max = BT_MANY, .flags = BT_OP_SUBGRAPH, .infer = infer,
    .prepare = prepare, .run = run};
