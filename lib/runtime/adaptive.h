/* SPDX-License-Identifier: Apache-2.0
   The coder for rows of numbers that resemble their neighbours in size: weights of a layer, biases,
   scales. No table travels with them. A number's size is expected to be the geometric mean of two running
   averages: of the numbers before it, and of those at the same place in earlier rows (the same input
   channel). That expectation is the context in which the number of binary digits and the two digits
   behind the leading 1 are coded; of later digits nothing is assumed.

   Stream: varint zero, varint row (numbers per row; 0: no rows), byte shades; then the numbers
   symbol - zero. */
#ifndef BANTAM_RUNTIME_ADAPTIVE_H_
#define BANTAM_RUNTIME_ADAPTIVE_H_
#include <stddef.h>

#include "runtime/chance.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BT_ADAPTIVE_SHADES 3   /* contexts per octave of the expected size, at most */
#define BT_ADAPTIVE_CLASSES 60 /* 2 * 159 * BT_ADAPTIVE_SHADES / 16 is the largest */
#define BT_ADAPTIVE_DIGITS 32
#define BT_ADAPTIVE_SIZE_MAX 65535u /* larger sizes count as this in the averages */

/* Running averages of the sizes, in 1/16. */
typedef struct bt_adaptive_sizes {
  uint32_t before;  /* of the numbers before */
  uint32_t* column; /* at every place in a row, UINT32_MAX: none yet */
  size_t row, place;
} bt_adaptive_sizes;

typedef struct bt_adaptive_model {
  bt_likely more[BT_ADAPTIVE_CLASSES][BT_ADAPTIVE_DIGITS];         /* has it more than so many digits? */
  bt_likely first[BT_ADAPTIVE_CLASSES][BT_ADAPTIVE_DIGITS + 1][3]; /* the two behind the leading 1 */
  bt_likely minus;
  bt_likely_rates rates;
  uint32_t shades; /* contexts per octave; 0: one context */
  bt_adaptive_sizes sizes;
} bt_adaptive_model;

/* column: room for `row` averages. */
static inline bt_adaptive_sizes bt_adaptive_no_sizes(uint32_t* column, size_t row) {
  for (size_t i = 0; i < row; ++i) column[i] = UINT32_MAX;
  return (bt_adaptive_sizes){0, column, row, 0};
}

static inline void bt_adaptive_start(bt_adaptive_model* m, uint32_t shades, uint32_t* column, size_t row) {
  bt_likely* all = (bt_likely*)m;
  for (size_t i = 0; i < offsetof(bt_adaptive_model, rates) / sizeof *all; ++i) all[i] = BT_LIKELY_START;
  bt_likely_start(&m->rates, BT_LIKELY_SEEN);
  m->shades = shades;
  m->sizes = bt_adaptive_no_sizes(column, row);
}

/* 8 log2(x), rounded down to the 8th of an octave; x > 0. */
static inline uint32_t bt_octaves(uint32_t x) {
  const uint32_t b = 31u - (uint32_t)__builtin_clz(x);
  return 8 * b + (uint32_t)((uint64_t)x << 3 >> b & 7);
}

/* The sum of both averages in 8ths of an octave: twice the expected size. */
static inline uint32_t bt_adaptive_expected(const bt_adaptive_sizes* m) {
  const uint32_t c = m->row ? m->column[m->place] : UINT32_MAX;
  const uint32_t b = bt_octaves(m->before + 2);
  return b + (c == UINT32_MAX ? b : bt_octaves(c + 2));
}

static inline void bt_adaptive_learn(bt_adaptive_sizes* m, uint32_t size) {
  const int32_t s = (int32_t)(size > BT_ADAPTIVE_SIZE_MAX ? BT_ADAPTIVE_SIZE_MAX : size) * 16;
  const int32_t before = (int32_t)m->before;
  if (m->row) {
    uint32_t* c = &m->column[m->place];
    *c = (uint32_t)(*c == UINT32_MAX ? (s + before) / 2 : (int32_t)*c + (s - (int32_t)*c) / 4);
    if (++m->place == m->row) m->place = 0;
  }
  m->before = (uint32_t)(before + (s - before) / 16);
}

static inline BT_INLINE int bt_adaptive_bit(bt_adaptive_model* m, bt_likely* c, const bt_bit_coder* code, void* coder, int bit) {
  bit = code->bit(coder, bt_likely_of(*c), bit);
  bt_likely_learn(c, &m->rates, bit);
  return bit;
}

/* From the likely number of digits up or down: two questions are enough for most numbers. */
static inline BT_INLINE int bt_adaptive_digits(bt_adaptive_model* m, uint32_t expected, uint32_t k, const bt_bit_coder* code, void* coder, uint32_t size) {
  int digits = expected < 64 ? 0 : (int)(expected >> 4) - 4;
  if (bt_adaptive_bit(m, &m->more[k][digits], code, coder, (size >> digits) != 0)) {
    do ++digits;
    while (digits < BT_ADAPTIVE_DIGITS && bt_adaptive_bit(m, &m->more[k][digits], code, coder, (size >> digits) != 0));
  } else {
    while (digits > 0 && !bt_adaptive_bit(m, &m->more[k][digits - 1], code, coder, (size >> (digits - 1)) != 0)) --digits;
  }
  return digits;
}

/* Codes a number whose size is below 2^32, and returns it; a decoder passes 0. */
static inline BT_INLINE int64_t bt_adaptive_code(bt_adaptive_model* m, const bt_bit_coder* code, void* coder, int64_t v) {
  const uint32_t expected = bt_adaptive_expected(&m->sizes), k = expected * m->shades >> 4;
  const uint32_t size = (uint32_t)(v < 0 ? -v : v);
  const int digits = bt_adaptive_digits(m, expected, k, code, coder, size);
  if (digits == 0) {
    bt_adaptive_learn(&m->sizes, 0);
    return 0;
  }
  const int minus = bt_adaptive_bit(m, &m->minus, code, coder, v < 0);
  uint32_t a = 1;
  int left = digits - 1;
  for (; left > 0 && a < 4; --left)
    a = a << 1 | (uint32_t)bt_adaptive_bit(m, &m->first[k][digits][a - 1], code, coder, (int)(size >> (left - 1) & 1));
  while (left > 0) {
    const int n = left < 16 ? left : 16;
    left -= n;
    a = a << n | code->flat(coder, n, size >> left & ((1u << n) - 1));
  }
  bt_adaptive_learn(&m->sizes, a);
  return minus ? -(int64_t)a : (int64_t)a;
}

/* The decoder: start, take all n numbers in pieces, end. 0 where the stream is damaged or memory is out;
   bt_numbers_end frees everything in any case. */
typedef struct bt_numbers {
  bt_range_decoder d;
  bt_adaptive_model* model;
  int64_t zero;
} bt_numbers;

int bt_numbers_start(bt_numbers* r, const unsigned char* stream, size_t size, uint64_t n);
int bt_numbers_take(bt_numbers* r, uint32_t* symbols, size_t n);
int bt_numbers_end(bt_numbers* r); /* the stream is used up */

#ifdef __cplusplus
}
#endif
#endif
