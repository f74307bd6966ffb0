/* SPDX-License-Identifier: Apache-2.0
   The rANS decoder. */
#include "runtime/rans.h"

#define TOTAL (1u << BT_RANS_BITS)
#define LOW (1u << 16) /* a state lies in [2^16, 2^32) */

typedef struct bit_reader {
  bt_reader* r;
  uint32_t held;
  int count;
} bit_reader;

static uint32_t take_bits(bit_reader* b, int n) {
  while (b->count < n) {
    b->held |= (uint32_t)bt_read_le(b->r, 1) << b->count;
    b->count += 8;
    if (b->r->failed) return 0;
  }
  const uint32_t v = b->held & ((1u << n) - 1u);
  b->held >>= n;
  b->count -= n;
  return v;
}

int bt_rans_read_table(bt_reader* r, uint16_t frequency[256]) {
  memset(frequency, 0, 256 * sizeof *frequency);
  const uint64_t alphabet = bt_read_varint(r);
  if (r->failed || alphabet < 1 || alphabet > 256) return 0;
  bit_reader b = {.r = r};
  uint32_t sum = 0;
  for (unsigned s = 0; s + 1 < alphabet; ++s) {
    const int bits = (int)take_bits(&b, 4);
    if (bits > BT_RANS_BITS) return 0;
    frequency[s] = bits == 0 ? 0 : (uint16_t)(1u << (bits - 1) | (bits > 1 ? take_bits(&b, bits - 1) : 0));
    sum += frequency[s];
  }
  if (r->failed || sum >= TOTAL) return 0;
  frequency[alphabet - 1] = (uint16_t)(TOTAL - sum); /* the last one occurs, and takes the rest */
  return 1;
}

/* Of the symbol that a state belongs to, in one word: frequency - 1, place of the state in its range, symbol. */
static uint32_t slot_of(uint32_t frequency, uint32_t offset, uint32_t symbol) {
  return (frequency - 1) << 20 | offset << 8 | symbol;
}

/* One symbol; the state may fall below LOW. */
static inline uint32_t step(const uint32_t* slots, uint32_t x, unsigned char* symbol) {
  const uint32_t slot = slots[x & (TOTAL - 1)];
  *symbol = (unsigned char)slot;
  return ((slot >> 20) + 1) * (x >> BT_RANS_BITS) + (slot >> 8 & (TOTAL - 1));
}

static int decode_block(const uint32_t* slots, const unsigned char* p, size_t size, unsigned char* out,
                        size_t n) {
  if (size < 4 * BT_RANS_LANES) return 0;
  uint32_t state[BT_RANS_LANES];
  for (int k = 0; k < BT_RANS_LANES; ++k) state[k] = (uint32_t)bt_load_le(p + 4 * k, 4);
  const unsigned char* at = p + 4 * BT_RANS_LANES;
  const unsigned char* end = p + size;
  size_t i = 0;
  /* while a word is left for every lane, without a branch on whether it takes one */
  for (; n - i >= BT_RANS_LANES && end - at >= 2 * BT_RANS_LANES; i += BT_RANS_LANES)
    for (int k = 0; k < BT_RANS_LANES; ++k) {
      const uint32_t x = step(slots, state[k], &out[i + (size_t)k]), takes = x < LOW, mask = 0u - takes;
      const uint32_t more = x << 16 | (uint32_t)at[0] | (uint32_t)at[1] << 8;
      state[k] = x ^ ((x ^ more) & mask);
      at += 2 * takes;
    }
  for (; i < n; ++i) {
    uint32_t* x = &state[i % BT_RANS_LANES];
    *x = step(slots, *x, &out[i]);
    if (*x < LOW) {
      if (end - at < 2) return 0;
      *x = *x << 16 | (uint32_t)at[0] | (uint32_t)at[1] << 8;
      at += 2;
    }
  }
  for (int k = 0; k < BT_RANS_LANES; ++k)
    if (state[k] != LOW) return 0; /* the encoder started there */
  return at == end;
}

int bt_rans_decode(const unsigned char* stream, size_t size, unsigned char* out, size_t n) {
  bt_reader r = {stream, stream + size, 0};
  uint16_t frequency[256];
  if (!bt_rans_read_table(&r, frequency)) return 0;
  uint32_t slots[TOTAL];
  uint32_t at = 0;
  for (int s = 0; s < 256; ++s)
    for (uint16_t k = 0; k < frequency[s]; ++k)
      slots[at++] = slot_of(frequency[s], k, (uint32_t)s);
  for (size_t i = 0; i < n; i += BT_RANS_BLOCK) {
    const uint64_t bytes = bt_read_varint(&r);
    const unsigned char* block = bt_read_bytes(&r, bytes);
    const size_t count = n - i < BT_RANS_BLOCK ? n - i : BT_RANS_BLOCK;
    if (!block || !decode_block(slots, block, bytes, out + i, count)) return 0;
  }
  return !r.failed && r.at == r.end;
}
