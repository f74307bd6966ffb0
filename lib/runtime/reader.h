/* SPDX-License-Identifier: Apache-2.0
   Reads numbers and strings from bytes, never past their end: after the first failure everything is 0
   and `failed` stays set, so that callers may check once. */
#ifndef BANTAM_RUNTIME_READER_H_
#define BANTAM_RUNTIME_READER_H_
#include <stdint.h>
#include <string.h>

typedef struct bt_reader {
  const unsigned char *at, *end;
  int failed;
} bt_reader;

static inline uint64_t bt_load_le(const unsigned char* p, int n) {
  uint64_t v = 0;
  for (int i = n - 1; i >= 0; --i) v = v << 8 | p[i];
  return v;
}

static inline const unsigned char* bt_read_bytes(bt_reader* r, uint64_t n) {
  if (r->failed || n > (uint64_t)(r->end - r->at)) {
    r->failed = 1;
    return NULL;
  }
  const unsigned char* p = r->at;
  r->at += n;
  return p;
}

static inline uint64_t bt_read_le(bt_reader* r, int n) {
  const unsigned char* p = bt_read_bytes(r, (uint64_t)n);
  return p ? bt_load_le(p, n) : 0;
}

static inline uint64_t bt_read_varint(bt_reader* r) {
  uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const unsigned char* p = bt_read_bytes(r, 1);
    if (!p) return 0;
    v |= (uint64_t)(*p & 0x7F) << shift;
    if (*p < 0x80) return v;
  }
  r->failed = 1;
  return 0;
}

static inline int64_t bt_read_zigzag(bt_reader* r) {
  const uint64_t v = bt_read_varint(r);
  return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static inline float bt_read_float(bt_reader* r) {
  const uint32_t bits = (uint32_t)bt_read_le(r, 4);
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

/* A count of things of at least `least` bytes each: more than the bytes left is a lie. */
static inline int bt_read_count(bt_reader* r, int least) {
  const uint64_t n = bt_read_varint(r);
  if (n > (uint64_t)(r->end - r->at) / (uint64_t)(least ? least : 1) || n > 0x3FFFFFFF) r->failed = 1;
  return r->failed ? 0 : (int)n;
}

#endif
