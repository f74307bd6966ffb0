/* SPDX-License-Identifier: Apache-2.0
   The coder for bytes of any kind: graph, names, scales and records of a .btm file, which are too short
   for tables and repeat each other. Each bit is predicted from several contexts - the byte before, the
   last two, three, four and six, the ones two and four back, none - and the predictions are mixed in
   the logistic domain by weights that learn as they go (Mahoney, "Adaptive weighing of context models
   for lossless data compression", 2005). Integers only: the same on every machine. */
#ifndef BANTAM_RUNTIME_MIXTURE_H_
#define BANTAM_RUNTIME_MIXTURE_H_
#include <stddef.h>

#include "runtime/chance.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BT_MIXTURE_CONTEXTS 8
#define BT_MIXTURE_SLOT_BITS_MAX 18
#define BT_MIXTURE_SEEN 30        /* bits, for bt_likely_start */
#define BT_MIXTURE_SLOWNESS 14000 /* of the weights */

typedef struct bt_mixture {
  bt_likely_rates rates;
  int16_t stretch[4096];                   /* ln(p / (1 - p)) in 1/256, by p in 1/4096 */
  int32_t weight[8][BT_MIXTURE_CONTEXTS];  /* in 1/65536, by the bit's place in its byte */
  bt_likely* slots;                        /* 1 << slot_bits of them, by hash of context and bits so far */
  int slot_bits;
  uint32_t hash[BT_MIXTURE_CONTEXTS];
  uint64_t past; /* the last eight bytes, the last one lowest */
} bt_mixture;

/* Slots enough for n bytes. */
static inline int bt_mixture_slot_bits(uint64_t n) {
  int bits = 12;
  while (bits < BT_MIXTURE_SLOT_BITS_MAX && n * 16 >> bits) ++bits;
  return bits;
}

/* slots: room for 1 << slot_bits. */
void bt_mixture_start(bt_mixture* m, bt_likely* slots, int slot_bits);
/* 1 / (1 + exp(-x / 256)) in 1/65536, between 22 and 65513. */
int bt_squash(int x);

static inline void bt_mixture_learn_byte(bt_mixture* m, uint32_t byte) {
  static const uint64_t seen[BT_MIXTURE_CONTEXTS] = {0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFF, 0xFF00, 0xFF000000};
  m->past = m->past << 8 | byte;
  for (uint32_t i = 0; i < BT_MIXTURE_CONTEXTS; ++i) {
    const uint64_t h = ((m->past & seen[i]) + i + 1) * 0x9E3779B97F4A7C15u;
    m->hash[i] = (uint32_t)(h >> 32);
  }
}

/* Codes one byte, and returns it; a decoder passes 0. */
static inline BT_INLINE uint32_t bt_mixture_code(bt_mixture* m, const bt_bit_coder* code, void* coder, uint32_t byte) {
  uint32_t so_far = 1;
  for (int place = 7; place >= 0; --place) {
    int32_t input[BT_MIXTURE_CONTEXTS], *weight = m->weight[place];
    bt_likely* slot[BT_MIXTURE_CONTEXTS];
    int64_t sum = 0;
    for (int i = 0; i < BT_MIXTURE_CONTEXTS; ++i) {
      const uint32_t h = (m->hash[i] + so_far * 0x2545F491u) * 0x9E3779B1u;
      slot[i] = &m->slots[h >> (32 - m->slot_bits)];
      input[i] = m->stretch[*slot[i] >> 20];
      sum += (int64_t)input[i] * weight[i];
    }
    const int p = bt_squash((int)(sum / 65536));
    const int bit = code->bit(coder, (uint32_t)p, (int)(byte >> place & 1));
    const int32_t error = (bit << 16) - p;
    for (int i = 0; i < BT_MIXTURE_CONTEXTS; ++i) {
      weight[i] += input[i] * error / BT_MIXTURE_SLOWNESS;
      bt_likely_learn(slot[i], &m->rates, bit);
    }
    so_far = so_far << 1 | (uint32_t)bit;
  }
  bt_mixture_learn_byte(m, so_far & 0xFF);
  return so_far & 0xFF;
}

/* Decodes n bytes out of the whole stream; 0 where it is damaged or memory is out. */
int bt_mixture_decode(const unsigned char* stream, size_t size, unsigned char* out, size_t n);

#ifdef __cplusplus
}
#endif
#endif
