/* SPDX-License-Identifier: Apache-2.0
   Loads that stop at the end of a row. A row may end where a mapping ends, so the last few bytes
   are put together from loads that lie inside. */
#ifndef BANTAM_KERNELS_TAIL_BYTES_H_
#define BANTAM_KERNELS_TAIL_BYTES_H_
#include <string.h>

#include "kernels/tables.h"

BT_INLINE uint32_t bt_load_u32(const void* p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

BT_INLINE uint64_t bt_load_u64(const void* p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* The n bytes at p (0..4), zeros above them. For little-endian machines. */
BT_INLINE uint32_t bt_load_up_to_4(const void* p, int n) {
  const uint8_t* b = p;
  if (n >= 4) return bt_load_u32(p);
  uint32_t v = 0;
  if (n > 0) v = b[0];
  if (n > 1) v |= (uint32_t)b[1] << 8;
  if (n > 2) v |= (uint32_t)b[2] << 16;
  return v;
}

/* The n bytes at p (0..8), zeros above them. For little-endian machines. */
BT_INLINE uint64_t bt_load_up_to_8(const void* p, int n) {
  const uint8_t* b = p;
  if (n >= 8) return bt_load_u64(p);
  if (n < 4) return bt_load_up_to_4(p, n);
  return bt_load_u32(b) | (uint64_t)bt_load_u32(b + n - 4) << 8 * (n - 4);
}

#endif
