/* SPDX-License-Identifier: Apache-2.0
   Gather: y[..., i, ...] = x[..., indices[i], ...] along one axis; the axes of the indices take its
   place. Indices count from the back where they are negative. */
#include <string.h>

#include "ops/shared/index.h"
#include "ops/shared/move.h"

enum { AXIS };
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *indices = c->in[1];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_TYPES_INDEX));
  if (!bt_has_rank(x)) return BT_OK;
  int axis = 0;
  BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
  BT_TRY(bt_check_known_indices(c, 1, x->dims[axis]));
  if (!bt_has_rank(indices)) return BT_OK;
  BT_TRY(bt_need_max_rank(c, x->rank - 1 + indices->rank));
  int64_t dims[BT_MAX_RANK];
  int rank = 0;
  for (int d = 0; d < axis; ++d) dims[rank++] = x->dims[d];
  for (int d = 0; d < indices->rank; ++d) dims[rank++] = indices->dims[d];
  for (int d = axis + 1; d < x->rank; ++d) dims[rank++] = x->dims[d];
  bt_set_shape(c->out[0], x->dtype, rank, dims);
  return BT_OK;
}

typedef struct job {
  const bt_tensor* indices;
  const unsigned char* x;
  unsigned char* y;
  int64_t outer, count, length, block; /* positions before the axis; indices; axis; bytes of one entry */
} job;

#define GATHER(T)                                                              \
  for (int64_t k = 0; k < n; ++k)                                              \
    memcpy(y + k * (int64_t)sizeof(T), x + from[k] * (int64_t)sizeof(T), sizeof(T))

static void copy_entries(const unsigned char* x, unsigned char* y, const int64_t* from, int64_t n,
                         int64_t block) {
  switch (block) {
    case 1: GATHER(uint8_t); break;
    case 2: GATHER(uint16_t); break;
    case 4: GATHER(uint32_t); break;
    default:
      for (int64_t k = 0; k < n; ++k)
        memcpy(y + k * block, x + from[k] * block, (size_t)block);
  }
}

#define INDICES 256 /* looked up at a time */

/* The entries of indices [first, end), at positions [begin, stop) before the axis. */
static void gather(const job* j, int64_t begin, int64_t stop, int64_t first, int64_t end) {
  for (; first < end; first += INDICES) {
    const int64_t n = end - first < INDICES ? end - first : INDICES;
    int64_t from[INDICES];
    for (int64_t k = 0; k < n; ++k) from[k] = bt_index_at(j->indices, first + k, j->length);
    for (int64_t i = begin; i < stop; ++i)
      copy_entries(j->x + i * j->length * j->block, j->y + (i * j->count + first) * j->block, from,
                   n, j->block);
  }
}

static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  (void)thread;
  if (j->outer == 1) gather(j, 0, 1, begin, end);
  else gather(j, begin, end, 0, j->count);
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *indices = c->in[1];
  const int axis = (int)(c->attr[AXIS].i < 0 ? c->attr[AXIS].i + x->rank : c->attr[AXIS].i);
  const bt_sides s = bt_sides_of(x, axis);
  BT_TRY(bt_check_indices(c, 1, s.length));
  job j = {.indices = indices, .x = x->data, .y = c->out[0]->data, .outer = s.outer,
           .count = bt_count(indices), .length = s.length,
           .block = s.inner * (int64_t)bt_dtype_size(x->dtype)};
  if (j.block == 0 || j.count == 0) return BT_OK;
  const int64_t bytes = s.outer == 1 ? j.block : bt_dim_mul(j.block, j.count);
  bt_parallel(c, s.outer == 1 ? j.count : s.outer, 1 + 16384 / bytes, part, &j);
  return BT_OK;
}

const bt_op bt_op_gather = {
    .name = "Gather", .summary = "Entries of one axis, by index.", .attrs = attrs, .in_min = 2,
    .in_max = 2, .out_min = 1, .out_max = 1, .layout = BT_LAYOUT_AXIS, .quant = BT_QUANT_SAME,
    .infer = infer, .run = run};
