/* SPDX-License-Identifier: Apache-2.0
   Unique: the different entries of an axis (without an axis: the different elements), sorted or in
   order of their first appearance. Further outputs: where each appears first, which of them each
   entry of the input is, and how often each appears. All NaNs are one element, and so are both
   zeros. */
#include <string.h>

#include "ops/shared/index.h"
#include "ops/shared/move.h"
#include "ops/shared/order.h"

enum { Y, FIRST, INVERSE, COUNTS };
enum { AXIS, SORTED };
#define NO_AXIS INT64_MIN
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT, .i = NO_AXIS},
                                     {.name = "sorted", .kind = BT_INT, .i = 1},
                                     {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  int axis = 0;
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ORDERED));
  for (int i = FIRST; i < c->n_out; ++i) bt_set_vector(c->out[i], BT_I64, -1);
  if (c->attr[AXIS].i == NO_AXIS) {
    bt_set_vector(c->out[Y], x->dtype, -1);
  } else if (bt_has_rank(x)) {
    BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
    bt_set_like(c->out[Y], x);
    c->out[Y]->dims[axis] = -1;
  }
  return BT_OK;
}

typedef struct entries {
  const bt_tensor* x;
  int axis; /* -1: the flattened input */
  bt_sides sides;
} entries;

static entries read_entries(const bt_call* c) {
  const bt_tensor* x = c->in[0];
  if (c->attr[AXIS].i == NO_AXIS)
    return (entries){.x = x, .axis = -1, .sides = {.outer = 1, .length = bt_count(x), .inner = 1}};
  const int axis = (int)(c->attr[AXIS].i < 0 ? c->attr[AXIS].i + x->rank : c->attr[AXIS].i);
  return (entries){.x = x, .axis = axis, .sides = bt_sides_of(x, axis)};
}

/* Entries a and b, element by element. */
static int compare(const void* self, int64_t a, int64_t b) {
  const entries* e = self;
  const bt_sides* s = &e->sides;
  for (int64_t o = 0; o < s->outer; ++o)
    for (int64_t i = 0; i < s->inner; ++i) {
      const uint64_t p = bt_order_key(e->x, (o * s->length + a) * s->inner + i);
      const uint64_t q = bt_order_key(e->x, (o * s->length + b) * s->inner + i);
      if (p != q) return p < q ? -1 : 1;
    }
  return 0;
}
static int by_number(const void* self, int64_t a, int64_t b) {
  const int64_t* numbers = self;
  return numbers[a] < numbers[b] ? -1 : numbers[a] > numbers[b];
}

/* Five lists of one number per entry. */
static bt_status prepare(bt_call* c) {
  c->scratch_bytes = (size_t)read_entries(c).sides.length * 5 * sizeof(int64_t);
  return BT_OK;
}

/* Groups of equal entries: first[g] is the lowest member of g, count[g] their number, group[i] the
   group of entry i. Returns the number of groups. */
static int64_t make_groups(const entries* e, int64_t* first, int64_t* count, int64_t* group,
                           int64_t* order, int64_t* room) {
  const int64_t n = e->sides.length;
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  bt_sort(order, n, room, compare, e);
  int64_t groups = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (i == 0 || compare(e, order[i - 1], order[i]) != 0) { /* the sort is stable: the lowest */
      first[groups] = order[i];
      count[groups++] = 0;
    }
    ++count[groups - 1];
    group[order[i]] = groups - 1;
  }
  return groups;
}

static bt_status put_list(bt_call* c, int output, const int64_t* list, int64_t n) {
  if (!bt_wants(c, output)) return BT_OK;
  BT_TRY(bt_set_output(c, output, 1, &n));
  if (n) memcpy(c->out[output]->data, list, (size_t)n * sizeof *list);
  return BT_OK;
}

/* Output 0: the first members of the groups in the order of `groups`. */
static bt_status put_entries(bt_call* c, const entries* e, const int64_t* groups, int64_t n,
                             const int64_t* first) {
  if (!bt_wants(c, Y)) return BT_OK;
  const bt_sides* s = &e->sides;
  const size_t block = (size_t)s->inner * bt_dtype_size(e->x->dtype);
  int64_t dims[BT_MAX_RANK] = {n};
  for (int d = 0; d < e->x->rank && e->axis >= 0; ++d) dims[d] = d == e->axis ? n : e->x->dims[d];
  BT_TRY(bt_set_output(c, Y, e->axis < 0 ? 1 : e->x->rank, dims));
  for (int64_t o = 0; o < s->outer && block > 0; ++o)
    for (int64_t k = 0; k < n; ++k)
      memcpy(bt_element(c->out[Y], (o * n + k) * s->inner),
             bt_element(e->x, (o * s->length + first[groups[k]]) * s->inner), block);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const entries e = read_entries(c);
  const int64_t n = e.sides.length;
  int64_t *first = c->scratch, *count = first + n, *group = count + n, *order = group + n;
  int64_t* room = order + n;
  const int64_t groups = make_groups(&e, first, count, group, order, room);
  for (int64_t g = 0; g < groups; ++g) order[g] = g;
  if (!c->attr[SORTED].i) bt_sort(order, groups, room, by_number, first);
  BT_TRY(put_entries(c, &e, order, groups, first));
  for (int64_t k = 0; k < groups; ++k) room[k] = first[order[k]];
  BT_TRY(put_list(c, FIRST, room, groups));
  for (int64_t k = 0; k < groups; ++k) room[k] = count[order[k]];
  BT_TRY(put_list(c, COUNTS, room, groups));
  for (int64_t k = 0; k < groups; ++k) room[order[k]] = k; /* where each group went */
  for (int64_t i = 0; i < n; ++i) group[i] = room[group[i]];
  return put_list(c, INVERSE, group, n);
}

const bt_op bt_op_unique = {
    .name = "Unique", .summary = "The different entries of an axis.", .attrs = attrs, .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 4, .flags = BT_OP_EXTRA, .infer = infer,
    .prepare = prepare, .run = run};
