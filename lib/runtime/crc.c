/* SPDX-License-Identifier: Apache-2.0
   CRC-32 by eight table look-ups for eight bytes ("slicing by 8"); the tables are made once. */
#include "runtime/crc.h"

#include <stdatomic.h>

static uint32_t table[8][256];
static atomic_int ready;

static void make_table(void) {
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c >> 1) ^ (0xEDB88320u & (0u - (c & 1u)));
    table[0][i] = c;
  }
  for (int t = 1; t < 8; ++t)
    for (int i = 0; i < 256; ++i)
      table[t][i] = (table[t - 1][i] >> 8) ^ table[0][table[t - 1][i] & 0xFF];
  atomic_store(&ready, 1); /* two threads may both fill it, with the same numbers */
}

uint32_t bt_crc32(const void* data, size_t size) { return bt_crc32_more(0, data, size); }

uint32_t bt_crc32_more(uint32_t crc, const void* data, size_t size) {
  const unsigned char* p = data;
  if (!atomic_load(&ready)) make_table();
  uint32_t c = ~crc;
  for (; size >= 8; size -= 8, p += 8) {
    c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    c = table[7][c & 0xFF] ^ table[6][c >> 8 & 0xFF] ^ table[5][c >> 16 & 0xFF] ^ table[4][c >> 24] ^
        table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
  }
  for (; size; --size, ++p) c = (c >> 8) ^ table[0][(c ^ *p) & 0xFF];
  return ~c;
}
