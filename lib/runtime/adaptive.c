/* SPDX-License-Identifier: Apache-2.0
   The decoder of rows of numbers. */
#include "runtime/adaptive.h"

#include <stdlib.h>

int bt_numbers_start(bt_numbers* r, const unsigned char* stream, size_t size, uint64_t n) {
  memset(r, 0, sizeof *r);
  bt_reader head = {stream, stream + size, 0};
  const uint64_t zero = bt_read_varint(&head), row = bt_read_varint(&head), shades = bt_read_le(&head, 1);
  if (head.failed || zero > UINT32_MAX || row > n || shades > BT_ADAPTIVE_SHADES) return 0;
  r->zero = (int64_t)zero;
  r->model = malloc(sizeof *r->model + (size_t)row * sizeof(uint32_t));
  if (!r->model) return 0;
  bt_adaptive_start(r->model, (uint32_t)shades, (uint32_t*)(void*)(r->model + 1), (size_t)row);
  bt_range_start(&r->d, head.at, head.end);
  return 1;
}

int bt_numbers_take(bt_numbers* r, uint32_t* symbols, size_t n) {
  static const bt_bit_coder coder = {bt_range_bit, bt_range_flat};
  bt_range_decoder d = r->d; /* a copy, so that it stays in registers */
  for (size_t i = 0; i < n; ++i) {
    const int64_t symbol = r->zero + bt_adaptive_code(r->model, &coder, &d, 0);
    if (symbol < 0 || symbol > UINT32_MAX || bt_range_ran_out(&d)) return 0;
    symbols[i] = (uint32_t)symbol;
  }
  r->d = d;
  return 1;
}

int bt_numbers_end(bt_numbers* r) {
  free(r->model);
  r->model = NULL;
  return r->d.at == r->d.end;
}
