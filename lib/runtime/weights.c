/* SPDX-License-Identifier: Apache-2.0
   Decoding of stored constants: symbols first, then the mapping to elements. */
#include "runtime/weights.h"

#include <stdlib.h>

#include "runtime/adaptive.h"
#include "runtime/crc.h"
#include "runtime/frame.h"
#include "runtime/rans.h"
#include "runtime/session.h"

/* ---- records ---- */

static int64_t count_of(int rank, const int64_t* dims) {
  int64_t n = 1;
  for (int i = 0; i < rank; ++i) {
    if (dims[i] < 0 || (dims[i] > 0 && n > (INT64_MAX / 32) / dims[i])) return -1;
    n *= dims[i];
  }
  return n;
}

static int is_raw(const bt_stored* s) { return s->coding == BT_CODE_STORED || s->coding == BT_CODE_INLINE; }

static int mapping_fits(const bt_stored* s) {
  switch (s->mapping) {
    case BT_MAP_RAW: return is_raw(s);
    case BT_MAP_INT: return bt_is_int(s->dtype) || s->dtype == BT_BOOL;
    case BT_MAP_REAL: return s->dtype == BT_F32 && s->quant;
    case BT_MAP_BOOK: return s->book_entries >= 1 && s->book_entries <= 65536;
    case BT_MAP_PLANES: return s->coding == BT_CODE_RANS;
    case BT_MAP_HALF: return s->dtype == BT_F32 && s->coding == BT_CODE_BITS && s->bits == 16;
    default: return 0;
  }
}

/* Where its bytes are, and whether their number can be right. */
static int read_place(bt_reader* r, bt_shelf* shelf, bt_stored* s) {
  const uint64_t bytes = (uint64_t)s->count * bt_dtype_size(s->dtype);
  if (s->coding == BT_CODE_INLINE) {
    s->size = bytes;
    s->bytes = shelf->is_packed ? bt_read_bytes(r, bytes) : NULL;
    return s->bytes != NULL;
  }
  const uint64_t offset = shelf->is_packed ? shelf->end + (uint64_t)bt_read_zigzag(r) : bt_read_varint(r);
  s->size = bt_read_varint(r);
  s->has_crc = !shelf->is_packed;
  if (s->has_crc) s->crc = (uint32_t)bt_read_le(r, 4);
  if (r->failed || offset > shelf->weights_size || s->size > shelf->weights_size - offset) return 0;
  s->bytes = shelf->weights + offset;
  shelf->end = offset + s->size;
  switch (s->coding) { /* so that nothing large is allocated for what a few bytes claim */
    case BT_CODE_STORED: return s->size == bytes;
    case BT_CODE_BITS: return s->size == ((uint64_t)s->count * s->bits + 7) / 8 && s->bits > 0;
    case BT_CODE_SPARSE: return s->size >= ((uint64_t)s->count + 7) / 8;
    case BT_CODE_RANS: return s->size >= (uint64_t)s->count / BT_RANS_BLOCK * (4 * BT_RANS_LANES);
    case BT_CODE_ADAPTIVE: return s->size >= (uint64_t)s->count / 65536; /* 2^-12.7 bits at the least */
    default: return 0;
  }
}

int bt_stored_read(bt_reader* r, bt_shelf* shelf, bt_stored* s) {
  memset(s, 0, sizeof *s);
  s->dtype = (bt_dtype)bt_read_le(r, 1);
  s->rank = (int)bt_read_le(r, 1);
  if (r->failed || !bt_is_type(s->dtype < BT_DTYPE_COUNT ? s->dtype : BT_NONE, BT_TYPES_ANY) ||
      s->rank > BT_MAX_RANK)
    return 0;
  for (int i = 0; i < s->rank; ++i) {
    const uint64_t d = bt_read_varint(r);
    if (d > (uint64_t)INT64_MAX / 32) return 0;
    s->dims[i] = (int64_t)d;
  }
  s->count = count_of(s->rank, s->dims);
  const uint64_t quant = bt_read_varint(r);
  if (s->count < 0 || quant > (uint64_t)shelf->n_quants) return 0;
  if (quant) s->quant = &shelf->quants[quant - 1];
  if (s->quant && s->quant->n > 1 && (s->quant->axis >= s->rank || s->dims[s->quant->axis] != s->quant->n))
    return 0;
  s->mapping = (uint8_t)bt_read_le(r, 1);
  s->coding = (uint8_t)bt_read_le(r, 1);
  if (s->mapping == BT_MAP_INT || s->mapping == BT_MAP_REAL) s->low = bt_read_zigzag(r);
  if (s->mapping == BT_MAP_BOOK) {
    s->book_entries = (uint32_t)bt_read_count(r, 1);
    const uint64_t span = bt_read_varint(r);
    s->book_span = span == 0 || span > (uint64_t)s->count ? s->count + 1 : (int64_t)span;
    const uint64_t palettes = (uint64_t)(s->count / s->book_span + (s->count % s->book_span != 0));
    const uint64_t entry = bt_dtype_size(s->dtype), room = (uint64_t)(r->end - r->at);
    if (s->book_entries && palettes > room / entry / s->book_entries) return 0;
    s->book = bt_read_bytes(r, palettes * s->book_entries * entry);
  }
  if (s->coding == BT_CODE_BITS || s->coding == BT_CODE_SPARSE) s->bits = (uint8_t)bt_read_le(r, 1);
  if (s->coding == BT_CODE_SPARSE) s->sparse_zero = (uint32_t)bt_read_varint(r);
  return !r->failed && mapping_fits(s) && s->bits <= 32 && read_place(r, shelf, s);
}

int bt_stored_is_ready(const bt_stored* s) {
  return is_raw(s) && (uintptr_t)s->bytes % bt_dtype_size(s->dtype) == 0;
}

/* ---- symbols ---- */

static uint32_t bits_at(const unsigned char* p, uint64_t index, int bits) {
  uint64_t v = 0;
  const uint64_t first = index * (uint64_t)bits;
  const int need = (int)((first % 8 + (uint64_t)bits + 7) / 8);
  for (int i = 0; i < need; ++i) v |= (uint64_t)p[first / 8 + (uint64_t)i] << (8 * i);
  return (uint32_t)(v >> (first % 8)) & (bits == 32 ? 0xFFFFFFFFu : (1u << bits) - 1u);
}

/* Walks the symbols of BT_CODE_BITS and BT_CODE_SPARSE one by one. */
typedef struct symbol_walk {
  const bt_stored* s;
  uint64_t next, values; /* values: symbols behind the bitmap so far */
  const unsigned char* packed;
  uint64_t packed_count;
} symbol_walk;

static int walk_start(symbol_walk* w, const bt_stored* s) {
  *w = (symbol_walk){.s = s, .packed = s->bytes, .packed_count = (uint64_t)s->count};
  if (s->coding != BT_CODE_SPARSE) return 1;
  const uint64_t map = ((uint64_t)s->count + 7) / 8;
  uint64_t set = 0;
  for (uint64_t i = 0; i < map; ++i)
    for (unsigned b = s->bytes[i]; b; b &= b - 1) ++set;
  w->packed = s->bytes + map;
  w->packed_count = set;
  return s->size == map + (set * s->bits + 7) / 8;
}

static uint32_t walk_next(symbol_walk* w) {
  const bt_stored* s = w->s;
  const uint64_t i = w->next++;
  if (s->coding == BT_CODE_BITS) return bits_at(s->bytes, i, s->bits);
  if (!(s->bytes[i / 8] >> (i % 8) & 1) || w->values >= w->packed_count) return s->sparse_zero;
  return s->bits ? bits_at(w->packed, w->values++, s->bits) : 0;
}

static void walk_take(symbol_walk* w, uint32_t* symbols, size_t n) {
  if (w->s->coding == BT_CODE_BITS && w->s->bits == 8) { /* bytes, as most weights are */
    const unsigned char* bytes = w->s->bytes + w->next;
    for (size_t i = 0; i < n; ++i) symbols[i] = bytes[i];
    w->next += n;
    return;
  }
  for (size_t i = 0; i < n; ++i) symbols[i] = walk_next(w);
}

/* ---- elements ---- */

/* Where the elements go, in order. */
typedef struct sink {
  const bt_stored* s;
  unsigned char* out;
  size_t element;
  int64_t next;
  int64_t inner, channels;     /* of the quant's axis */
  int64_t channel, in_channel; /* BT_MAP_REAL: of the next element, and how many follow with its scale */
} sink;

static int put_book(sink* k, const uint32_t* symbols, size_t n) {
  const bt_stored* s = k->s;
  int64_t palette = k->next / s->book_span, left = s->book_span - k->next % s->book_span;
  for (size_t i = 0; i < n; ++i) {
    if (symbols[i] >= s->book_entries) return 0;
    const size_t at = (size_t)palette * s->book_entries + symbols[i];
    memcpy(k->out + ((size_t)k->next + i) * k->element, s->book + at * k->element, k->element);
    if (--left == 0) ++palette, left = s->book_span;
  }
  return 1;
}

static void put_real(sink* k, const uint32_t* symbols, size_t n) {
  const bt_quant* q = k->s->quant;
  float* out = (float*)(void*)k->out + k->next;
  while (n > 0) {
    const size_t run = (int64_t)n < k->in_channel ? n : (size_t)k->in_channel;
    const float scale = q->scale[k->channel];
    const uint64_t zero = (uint64_t)k->s->low - (uint64_t)(int64_t)(q->zero ? q->zero[k->channel] : 0);
    for (size_t i = 0; i < run; ++i) out[i] = (float)(int64_t)(zero + symbols[i]) * scale;
    symbols += run, out += run, n -= run;
    k->in_channel -= (int64_t)run;
    if (k->in_channel > 0) continue;
    k->in_channel = k->inner;
    if (++k->channel == k->channels) k->channel = 0;
  }
}

static void put_int(sink* k, const uint32_t* symbols, size_t n) {
  const uint64_t low = (uint64_t)k->s->low;
  void* out = k->out + (size_t)k->next * k->element;
  for (size_t i = 0; i < n; ++i) {
    const uint64_t q = low + symbols[i];
    switch (k->element) {
      case 1: ((uint8_t*)out)[i] = (uint8_t)q; break;
      case 2: ((uint16_t*)out)[i] = (uint16_t)q; break;
      case 4: ((uint32_t*)out)[i] = (uint32_t)q; break;
      default: ((uint64_t*)out)[i] = q; break;
    }
  }
}

/* 0 where a symbol stands for nothing. */
static int put(sink* k, const uint32_t* symbols, size_t n) {
  int ok = 1;
  if (k->s->mapping == BT_MAP_BOOK) ok = put_book(k, symbols, n);
  else if (k->s->mapping == BT_MAP_REAL) put_real(k, symbols, n);
  else if (k->s->mapping == BT_MAP_INT) put_int(k, symbols, n);
  else
    for (size_t i = 0; i < n; ++i) ((float*)(void*)k->out)[(size_t)k->next + i] = bt_from_f16((uint16_t)symbols[i]);
  k->next += (int64_t)n;
  return ok;
}

static int decode_planes(const bt_stored* s, unsigned char* out, size_t element) {
  unsigned char* plane = malloc((size_t)s->count + 1);
  bt_reader r = {s->bytes, s->bytes + s->size, 0};
  int ok = plane != NULL;
  for (size_t b = 0; b < element && ok; ++b) {
    const uint64_t size = bt_read_varint(&r);
    const unsigned char* stream = bt_read_bytes(&r, size);
    ok = stream && bt_rans_decode(stream, size, plane, (size_t)s->count);
    for (int64_t i = 0; i < s->count && ok; ++i) out[(size_t)i * element + b] = plane[i];
  }
  free(plane);
  return ok && r.at == r.end;
}

#define CHUNK 256

static int decode_symbols(sink* k) {
  const bt_stored* s = k->s;
  const size_t n = (size_t)s->count;
  uint32_t symbols[CHUNK];
  unsigned char* bytes = NULL;
  symbol_walk walk = {0};
  bt_numbers numbers = {0};
  int ok = 1;
  if (s->coding == BT_CODE_RANS) {
    bytes = malloc(n + 1);
    ok = bytes && bt_rans_decode(s->bytes, s->size, bytes, n);
  } else {
    ok = s->coding == BT_CODE_ADAPTIVE ? bt_numbers_start(&numbers, s->bytes, s->size, n) : walk_start(&walk, s);
  }
  for (size_t i = 0; i < n && ok; i += CHUNK) {
    const size_t count = n - i < CHUNK ? n - i : CHUNK;
    if (bytes)
      for (size_t j = 0; j < count; ++j) symbols[j] = bytes[i + j];
    else if (s->coding == BT_CODE_ADAPTIVE) ok = bt_numbers_take(&numbers, symbols, count);
    else walk_take(&walk, symbols, count);
    ok = ok && put(k, symbols, count);
  }
  if (s->coding == BT_CODE_ADAPTIVE) ok = bt_numbers_end(&numbers) && ok;
  free(bytes);
  return ok;
}

bt_status bt_stored_decode(const bt_stored* s, void* out) {
  if (s->has_crc && bt_crc32(s->bytes, s->size) != s->crc)
    return bt_report(BT_BAD_INPUT, "a tensor is damaged: its checksum does not match");
  sink k = {.s = s, .out = out, .element = bt_dtype_size(s->dtype), .inner = 1, .channels = 1};
  if (s->quant && s->quant->n > 1) {
    k.channels = s->quant->n;
    for (int d = s->quant->axis + 1; d < s->rank; ++d) k.inner *= s->dims[d];
  } else {
    k.inner = s->count;
  }
  k.in_channel = k.inner;
  int ok = 1;
  if (is_raw(s)) memcpy(out, s->bytes, s->size);
  else if (s->mapping == BT_MAP_PLANES) ok = decode_planes(s, out, k.element);
  else ok = decode_symbols(&k);
  return ok ? BT_OK : bt_report(BT_BAD_INPUT, "a tensor is damaged: its code does not decode");
}

bt_status bt_decode(bt_env* env, const bt_value* v, void** data) {
  const bt_stored* s = v->stored;
  *data = bt_alloc((size_t)s->count * bt_dtype_size(s->dtype) + BT_ALIGN);
  if (!*data) return BT_NO_MEMORY;
  const bt_status status = bt_stored_decode(s, *data);
  if (status != BT_OK) {
    bt_release(*data);
    *data = NULL;
    strncpy(env->message, bt_last_error(), BT_MESSAGE - 1);
  }
  return status;
}
