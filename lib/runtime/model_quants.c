/* SPDX-License-Identifier: Apache-2.0
   Reading a .btm file: scales and zero points. */
#include "runtime/adaptive.h"
#include "runtime/model.h"

/* The scales' numbers of BT_QUANT_STREAM. */
static int take_scales(bt_reader* r, bt_numbers* numbers, uint64_t* taken, int n, float* scale) {
  const uint64_t middle = bt_read_varint(r);
  *taken += (uint64_t)n;
  if (!numbers->model || middle > 65535 || *taken > BT_PACK_NUMBERS_MAX) return 0;
  for (int k = 0; k < n; ++k) {
    uint32_t symbol;
    if (!bt_numbers_take(numbers, &symbol, 1)) return 0;
    const uint32_t bits = (uint32_t)(middle + symbol - 32768) << 16;
    memcpy(&scale[k], &bits, sizeof bits);
  }
  return 1;
}

static bt_status read_quants(bt_model* m, bt_numbers* numbers) {
  bt_reader r = bt_section_reader(m, BT_SECTION_QUANT);
  uint64_t taken = 0;
  if (r.at == r.end) return BT_OK;
  const int n = bt_read_count(&r, 4);
  m->quants = bt_blocks_get(&m->memory, (size_t)n * sizeof *m->quants);
  if (!m->quants) return bt_no_memory();
  for (int i = 0; i < n; ++i) {
    bt_quant* q = &m->quants[i];
    q->axis = bt_read_count(&r, 0) - 1;
    const uint64_t count = bt_read_varint(&r);
    const unsigned form = (unsigned)bt_read_le(&r, 1);
    const uint64_t most = form & BT_QUANT_STREAM ? BT_PACK_NUMBERS_MAX : (uint64_t)(r.end - r.at) / 2;
    if (r.failed || count < 1 || count > most) return bt_damaged("section QPRM");
    q->n = (int)count;
    float* scale = bt_blocks_get(&m->memory, (size_t)q->n * sizeof *scale);
    int32_t* zero = form & BT_QUANT_ZEROS ? bt_blocks_get(&m->memory, (size_t)q->n * sizeof *zero) : NULL;
    if (!scale || (form & BT_QUANT_ZEROS && !zero)) return bt_no_memory();
    if (form & BT_QUANT_STREAM && !take_scales(&r, numbers, &taken, q->n, scale)) return bt_damaged("section QPRM");
    for (int k = 0; k < q->n && !(form & BT_QUANT_STREAM); ++k) {
      const uint32_t bits = form & BT_QUANT_SHORT ? (uint32_t)bt_read_le(&r, 2) << 16 : (uint32_t)bt_read_le(&r, 4);
      memcpy(&scale[k], &bits, sizeof bits);
    }
    for (int k = 0; k < q->n; ++k)
      if (!(scale[k] > 0.0f && scale[k] < 3.0e38f)) return bt_damaged("a scale is not a positive number");
    for (int k = 0; zero && k < q->n; ++k) {
      const int64_t z = bt_read_zigzag(&r);
      if (z < -65536 || z > 65536) return bt_damaged("a zero point is out of range");
      zero[k] = (int32_t)z;
    }
    q->scale = scale;
    q->zero = zero;
    if (r.failed || q->axis >= BT_MAX_RANK || (q->axis < 0 && q->n != 1)) return bt_damaged("section QPRM");
  }
  m->n_quants = n;
  return r.at == r.end ? BT_OK : bt_damaged("section QPRM");
}

bt_status bt_read_quants(bt_model* m, bt_reader scales) {
  bt_numbers numbers = {0};
  const int has_stream = scales.at != scales.end;
  if (has_stream && !bt_numbers_start(&numbers, scales.at, (size_t)(scales.end - scales.at), 0)) return bt_damaged("section PACK");
  const bt_status status = read_quants(m, &numbers);
  const int is_used_up = !has_stream || bt_numbers_end(&numbers);
  return status != BT_OK || is_used_up ? status : bt_damaged("section PACK is too long");
}
