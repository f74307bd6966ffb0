/* SPDX-License-Identifier: Apache-2.0
   The order of numbers, and a stable sort (the C library's sorts are not stable). */
#include "ops/shared/order.h"

#include <string.h>

#include "runtime/shape.h"

/* Floats of `bits` bits with `fraction` of them behind the exponent. */
static uint64_t float_key(uint64_t v, int bits, int fraction) {
  const uint64_t sign = (uint64_t)1 << (bits - 1), size = v & (sign - 1);
  const uint64_t infinity = (sign - 1) >> fraction << fraction;
  if (size > infinity) return UINT64_MAX;
  return v & sign ? sign - size : sign + size; /* both zeros give `sign` */
}

uint64_t bt_order_key(const bt_tensor* t, int64_t k) {
  switch (t->dtype) {
    case BT_F32: return float_key(((const uint32_t*)t->data)[k], 32, 23);
    case BT_F64: return float_key(((const uint64_t*)t->data)[k], 64, 52);
    case BT_F16: return float_key(((const uint16_t*)t->data)[k], 16, 10);
    case BT_BF16: return float_key(((const uint16_t*)t->data)[k], 16, 7);
    case BT_U64: return ((const uint64_t*)t->data)[k];
    default: return (uint64_t)bt_get_int(t, k) ^ (uint64_t)1 << 63;
  }
}

/* Joins two sorted runs, [0, middle) and [middle, n) of `from`. */
static void join(const int64_t* from, int64_t middle, int64_t n, int64_t* to, bt_compare_fn compare,
                 const void* self) {
  int64_t a = 0, b = middle;
  for (int64_t i = 0; i < n; ++i)
    to[i] = b >= n || (a < middle && compare(self, from[a], from[b]) <= 0) ? from[a++] : from[b++];
}

void bt_sort(int64_t* list, int64_t n, int64_t* room, bt_compare_fn compare, const void* self) {
  int64_t *from = list, *to = room;
  for (int64_t run = 1; run < n; run *= 2) {
    for (int64_t at = 0; at < n; at += 2 * run) {
      const int64_t left = n - at;
      join(from + at, run < left ? run : left, 2 * run < left ? 2 * run : left, to + at, compare,
           self);
    }
    int64_t* swap = from;
    from = to;
    to = swap;
  }
  if (from != list && n > 0) memcpy(list, from, (size_t)n * sizeof *list);
}
