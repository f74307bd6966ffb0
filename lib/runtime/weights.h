/* SPDX-License-Identifier: Apache-2.0
   Constants that lie encoded in a file. */
#ifndef BANTAM_RUNTIME_WEIGHTS_H_
#define BANTAM_RUNTIME_WEIGHTS_H_
#include "runtime/graph.h"
#include "runtime/layout.h"
#include "runtime/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bt_stored {
  bt_dtype dtype;
  int rank;
  int64_t dims[BT_MAX_RANK];
  int64_t count;         /* elements */
  const bt_quant* quant; /* NULL: none */
  uint8_t mapping, coding;
  uint8_t bits;              /* BT_CODE_BITS, BT_CODE_SPARSE */
  int64_t low;               /* BT_MAP_INT, BT_MAP_REAL */
  uint32_t book_entries;     /* BT_MAP_BOOK: of one palette */
  int64_t book_span;         /* elements that share a palette */
  uint32_t sparse_zero;      /* BT_CODE_SPARSE: the symbol that the bitmap leaves out */
  const unsigned char* book; /* elements, not aligned */
  const unsigned char* bytes;
  uint64_t size;
  uint32_t crc;
  uint8_t has_crc;
} bt_stored;

/* What the records of TENS refer to. */
typedef struct bt_shelf {
  const unsigned char* weights; /* section WGHT */
  uint64_t weights_size;
  const bt_quant* quants;
  int n_quants;
  int is_packed; /* TENS lies in PACK */
  uint64_t end;  /* of the last tensor that was read, in WGHT */
} bt_shelf;

/* Reads one record of TENS. Fails on anything that does not fit together; the bytes themselves are not
   looked at. */
int bt_stored_read(bt_reader* r, bt_shelf* shelf, bt_stored* out);
/* The elements can be used where they lie: raw, and aligned as their type asks for. */
int bt_stored_is_ready(const bt_stored* s);
/* CRC, then all elements into out (count * bt_dtype_size bytes). BT_BAD_INPUT where damaged. */
bt_status bt_stored_decode(const bt_stored* s, void* out);

#ifdef __cplusplus
}
#endif
#endif
