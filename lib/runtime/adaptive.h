/* SPDX-License-Identifier: Apache-2.0
   Adaptive binary range coder for small tensors and low rates: no table travels with the symbols; the
   probabilities are learnt on the way, by encoder and decoder alike. Decoder; formats/native has the
   encoder, built on the same model.

   A symbol s stands for the number v = s - zero (varint zero at the start of the stream), which is coded
   as: is it 0 (context: how large the last two numbers and the one `row` symbols back were; varint row
   follows zero, 0: no rows), its sign, then |v| - 1 in unary up to BT_ADAPTIVE_UNARY with a context per
   step and size class, then the rest by an exponential Golomb code with adaptive bits. */
#ifndef BANTAM_RUNTIME_ADAPTIVE_H_
#define BANTAM_RUNTIME_ADAPTIVE_H_
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BT_ADAPTIVE_UNARY 14
#define BT_ADAPTIVE_CLASSES 8

/* A probability of a 1 in 16 bits, the mean of a fast and a slow average. */
typedef struct bt_chance {
  uint16_t fast, slow;
} bt_chance;

typedef struct bt_adaptive_model {
  bt_chance zero[BT_ADAPTIVE_CLASSES * 3];
  bt_chance sign[3];
  bt_chance unary[BT_ADAPTIVE_CLASSES][BT_ADAPTIVE_UNARY];
  bt_chance prefix[16], suffix[16];
} bt_adaptive_model;

void bt_adaptive_start(bt_adaptive_model* m);
static inline uint32_t bt_chance_of(const bt_chance* c) { /* of a 1, in (0, 2^16) */
  const uint32_t p = ((uint32_t)c->fast + c->slow) >> 1;
  return p < 64 ? 64 : p > 65535 - 64 ? 65535 - 64 : p;
}
static inline void bt_chance_learn(bt_chance* c, int bit) {
  c->fast = (uint16_t)(bit ? c->fast + ((65535 - c->fast) >> 4) : c->fast - (c->fast >> 4));
  c->slow = (uint16_t)(bit ? c->slow + ((65535 - c->slow) >> 7) : c->slow - (c->slow >> 7));
}
/* How large the neighbourhood of position i is, 0..BT_ADAPTIVE_CLASSES-1; v(k) are earlier numbers. */
int bt_adaptive_class(const int32_t* v, size_t i, size_t row);

/* Decodes n symbols (each below `alphabet`, at most 65536); 0 where the stream is damaged. `work` has
   room for n numbers. */
int bt_adaptive_decode(const unsigned char* stream, size_t size, uint32_t alphabet, uint16_t* out,
                       int32_t* work, size_t n);

#ifdef __cplusplus
}
#endif
#endif
