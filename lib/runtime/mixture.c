/* SPDX-License-Identifier: Apache-2.0
   The decoder of mixed bytes. */
#include "runtime/mixture.h"

#include <stdlib.h>

int bt_squash(int x) {
  /* 65536 / (1 + exp(-k / 2)) for k = -16 ... 16; straight lines between */
  static const uint16_t at[33] = {22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108,
                                4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
                                62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};
  if (x >= 2047) return 65513;
  if (x <= -2047) return 22;
  const int k = (x + 2048) >> 7, w = (x + 2048) & 127;
  return (at[k] * (128 - w) + at[k + 1] * w + 64) >> 7;
}

void bt_mixture_start(bt_mixture* m, bt_likely* slots, int slot_bits) {
  bt_likely_start(&m->rates, BT_MIXTURE_SEEN);
  int p = 0;
  for (int x = -2047; x <= 2047; ++x) /* the inverse of bt_squash */
    for (const int up_to = bt_squash(x) >> 4; p <= up_to; ++p) m->stretch[p] = (int16_t)x;
  for (; p < 4096; ++p) m->stretch[p] = 2047;
  for (int b = 0; b < 8; ++b)
    for (int i = 0; i < BT_MIXTURE_CONTEXTS; ++i) m->weight[b][i] = 65536 * 3 / 10;
  for (size_t i = 0; i < (size_t)1 << slot_bits; ++i) slots[i] = BT_LIKELY_START;
  m->slots = slots;
  m->slot_bits = slot_bits;
  m->past = 0;
  bt_mixture_learn_byte(m, 0);
}

int bt_mixture_decode(const unsigned char* stream, size_t size, unsigned char* out, size_t n) {
  static const bt_bit_coder coder = {bt_range_bit, bt_range_flat};
  const int slot_bits = bt_mixture_slot_bits(n);
  bt_mixture* m = malloc(sizeof *m + ((size_t)1 << slot_bits) * sizeof(bt_likely));
  if (!m) return 0;
  bt_mixture_start(m, (bt_likely*)(void*)(m + 1), slot_bits);
  bt_range_decoder d;
  bt_range_start(&d, stream, stream + size);
  for (size_t i = 0; i < n && !bt_range_ran_out(&d); ++i) out[i] = (unsigned char)bt_mixture_code(m, &coder, &d, 0);
  free(m);
  return !bt_range_ran_out(&d) && d.at == d.end;
}
