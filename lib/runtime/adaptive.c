/* SPDX-License-Identifier: Apache-2.0
   The adaptive range decoder, and the model that it shares with the encoder. */
#include "runtime/adaptive.h"

#include <string.h>

#include "runtime/reader.h"

#define TOP (1u << 24)

void bt_adaptive_start(bt_adaptive_model* m) {
  bt_chance* all = (bt_chance*)m;
  for (size_t i = 0; i < sizeof *m / sizeof *all; ++i) all[i] = (bt_chance){1u << 15, 1u << 15};
}

static uint32_t size_of(int32_t v) { return (uint32_t)(v < 0 ? -(int64_t)v : v); }

int bt_adaptive_class(const int32_t* v, size_t i, size_t row) {
  uint32_t sum = 0;
  if (i > 0) sum += 2 * size_of(v[i - 1]);
  if (i > 1) sum += size_of(v[i - 2]);
  if (row && i >= row) sum += 2 * size_of(v[i - row]);
  static const uint16_t limits[BT_ADAPTIVE_CLASSES - 1] = {0, 2, 5, 10, 20, 50, 120};
  int k = 0;
  while (k < BT_ADAPTIVE_CLASSES - 1 && sum > limits[k]) ++k;
  return k;
}

typedef struct decoder {
  bt_reader r;
  uint32_t range, code;
} decoder;

static void start(decoder* d, const unsigned char* p, const unsigned char* end) {
  d->r = (bt_reader){p, end, 0};
  d->range = 0xFFFFFFFFu;
  d->code = 0;
  for (int i = 0; i < 4; ++i) d->code = d->code << 8 | (uint32_t)bt_read_le(&d->r, 1);
}

static int take(decoder* d, bt_chance* c) {
  const uint32_t bound = (d->range >> 16) * bt_chance_of(c);
  const int bit = d->code < bound;
  if (bit) {
    d->range = bound;
  } else {
    d->code -= bound;
    d->range -= bound;
  }
  bt_chance_learn(c, bit);
  while (d->range < TOP) {
    d->range <<= 8;
    d->code = d->code << 8 | (uint32_t)bt_read_le(&d->r, 1);
  }
  return bit;
}

static uint32_t take_golomb(decoder* d, bt_adaptive_model* m) {
  int k = 0;
  while (k < 15 && take(d, &m->prefix[k])) ++k;
  uint32_t v = 0;
  for (int i = k - 1; i >= 0; --i) v |= (uint32_t)take(d, &m->suffix[i]) << i;
  return v + (1u << k) - 1u;
}

int bt_adaptive_decode(const unsigned char* stream, size_t size, uint32_t alphabet, uint16_t* out,
                       int32_t* work, size_t n) {
  bt_reader head = {stream, stream + size, 0};
  const uint64_t zero = bt_read_varint(&head), row = bt_read_varint(&head);
  if (head.failed || zero >= alphabet || alphabet > 65536) return 0;
  bt_adaptive_model m;
  bt_adaptive_start(&m);
  decoder d;
  start(&d, head.at, head.end);
  for (size_t i = 0; i < n; ++i) {
    const int k = bt_adaptive_class(work, i, (size_t)row);
    const int last = i == 0 ? 0 : work[i - 1] > 0 ? 1 : work[i - 1] < 0 ? 2 : 0;
    int64_t v = 0;
    if (!take(&d, &m.zero[k * 3 + last])) {
      const int minus = take(&d, &m.sign[last]);
      uint32_t u = 0;
      while (u < BT_ADAPTIVE_UNARY && take(&d, &m.unary[k][u])) ++u;
      if (u == BT_ADAPTIVE_UNARY) u += take_golomb(&d, &m);
      v = minus ? -(int64_t)u - 1 : (int64_t)u + 1;
    }
    const int64_t symbol = v + (int64_t)zero;
    if (symbol < 0 || symbol >= alphabet || d.r.failed) return 0;
    work[i] = (int32_t)v;
    out[i] = (uint16_t)symbol;
  }
  return d.r.at == d.r.end;
}
