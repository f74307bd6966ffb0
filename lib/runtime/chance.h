/* SPDX-License-Identifier: Apache-2.0
   The binary range coder under the adaptive coders of .btm files: a probability that learns, and the
   decoder. A coder is written once, over a function that codes one bit, and serves both sides: here the
   function takes the bit from the stream, in formats/native it puts it there. */
#ifndef BANTAM_RUNTIME_CHANCE_H_
#define BANTAM_RUNTIME_CHANCE_H_
#include "runtime/reader.h"

/* One coder, compiled for each side with the functions of that side in place. */
#define BT_INLINE __attribute__((always_inline))

/* The probability of a 1, in the upper 22 bits, and in the lower 10 how many bits it has seen. */
typedef uint32_t bt_likely;
#define BT_LIKELY_START (1u << 31)
#define BT_LIKELY_SEEN 500u /* and no more are counted */

/* How far a probability moves towards the next bit, of 65536, by the bits seen so far: 1 / (seen + 2), but
   not less than 1 / (most + 2). The first bits weigh much; in the end it follows slowly. */
typedef struct bt_likely_rates {
  uint32_t of[BT_LIKELY_SEEN + 1];
} bt_likely_rates;

static inline void bt_likely_start(bt_likely_rates* rates, uint32_t most) {
  for (uint32_t i = 0; i <= BT_LIKELY_SEEN; ++i) rates->of[i] = 65536 / ((i < most ? i : most) + 2);
}

/* In 16 bits. Rounding keeps it between 7 and 65528: no bit is certain. */
static inline uint32_t bt_likely_of(bt_likely c) { return c >> 16; }

static inline BT_INLINE void bt_likely_learn(bt_likely* c, const bt_likely_rates* rates, int bit) {
  const uint32_t seen = *c & 1023, p = *c >> 10;
  const uint32_t goal = (0u - (uint32_t)bit) & ((1u << 22) - 1);
  const int64_t step = ((int64_t)goal - (int64_t)p) * (int64_t)rates->of[seen] / 65536;
  *c = (uint32_t)((int64_t)p + step) << 10 | (seen + (seen < BT_LIKELY_SEEN));
}

/* One of the two sides. `bit` codes a bit, a 1 with probability p / 65536, and returns it; `flat` codes the
   n lowest bits (at most 16) of a number of which nothing is known. A decoder ignores what it is given. */
typedef struct bt_bit_coder {
  int (*bit)(void* coder, uint32_t p, int bit);
  uint32_t (*flat)(void* coder, int n, uint32_t v);
} bt_bit_coder;

/* The decoder. Zeros at the end of a stream, four at the most, are not stored. */
typedef struct bt_range_decoder {
  const unsigned char *at, *end;
  uint32_t range, code;
  int missing; /* bytes behind the end that were asked for */
} bt_range_decoder;

static inline uint32_t bt_range_byte(bt_range_decoder* d) {
  if (d->at != d->end) return *d->at++;
  ++d->missing;
  return 0;
}

static inline void bt_range_start(bt_range_decoder* d, const unsigned char* stream, const unsigned char* end) {
  *d = (bt_range_decoder){.at = stream, .end = end, .range = 0xFFFFFFFFu};
  for (int i = 0; i < 4; ++i) d->code = d->code << 8 | bt_range_byte(d);
}

static inline int bt_range_ran_out(const bt_range_decoder* d) { return d->missing > 4; }

static inline void bt_range_refill(bt_range_decoder* d) {
  while (d->range < 1u << 24) {
    d->range <<= 8;
    d->code = d->code << 8 | bt_range_byte(d);
  }
}

/* Written without a branch on the bit, which nobody could predict. */
static inline BT_INLINE int bt_range_bit(void* decoder, uint32_t p, int ignored) {
  (void)ignored;
  bt_range_decoder* d = (bt_range_decoder*)decoder;
  const uint32_t bound = (d->range >> 16) * p;
  const uint32_t is_one = d->code < bound, mask = 0u - is_one;
  d->code -= bound & ~mask;
  d->range = (bound & mask) | ((d->range - bound) & ~mask);
  bt_range_refill(d);
  return (int)is_one;
}

static inline BT_INLINE uint32_t bt_range_flat(void* decoder, int n, uint32_t ignored) {
  (void)ignored;
  bt_range_decoder* d = (bt_range_decoder*)decoder;
  d->range >>= n;
  uint32_t v = d->code / d->range;
  if (v >> n) v = (1u << n) - 1; /* only in a damaged stream */
  d->code -= v * d->range;
  bt_range_refill(d);
  return v;
}

#endif
