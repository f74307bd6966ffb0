/* SPDX-License-Identifier: Apache-2.0
   The frame of a .btm file: header, table of contents, checksums, and the sections inside of PACK. */
#include <string.h>

#include "runtime/crc.h"
#include "runtime/mixture.h"
#include "runtime/model.h"
#include "runtime/session.h"

bt_status bt_damaged(const char* what) { return bt_report(BT_BAD_INPUT, "the file is damaged: %s", what); }

bt_status bt_no_memory(void) { return bt_report(BT_NO_MEMORY, "out of memory"); }

static const uint32_t known_sections[] = {BT_SECTION_GRAPH, BT_SECTION_QUANT, BT_SECTION_TENSORS,
                                          BT_SECTION_WEIGHTS, BT_SECTION_NAMES, BT_SECTION_PLAN,
                                          BT_SECTION_META, BT_SECTION_TESTS, BT_SECTION_PACK};

static int is_known(uint32_t name) {
  for (size_t i = 0; i < sizeof known_sections / sizeof *known_sections; ++i)
    if (known_sections[i] == name) return 1;
  return 0;
}

const bt_section* bt_find_section(const bt_model* m, uint32_t name) {
  for (int i = 0; i < m->n_sections; ++i)
    if (m->sections[i].name == name) return &m->sections[i];
  return NULL;
}

bt_reader bt_section_reader(const bt_model* m, uint32_t name) {
  const bt_section* s = bt_find_section(m, name);
  const unsigned char* at = s ? s->bytes : m->bytes;
  return (bt_reader){at, s ? at + s->size : at, 0};
}

static bt_status read_section(bt_model* m, const unsigned char* p, int check_weights) {
  bt_section s = {.name = (uint32_t)bt_load_le(p, 4), .flags = (uint32_t)bt_load_le(p + 4, 4),
                  .offset = bt_load_le(p + 8, 8), .size = bt_load_le(p + 16, 8),
                  .raw = bt_load_le(p + 24, 8), .crc = (uint32_t)bt_load_le(p + 32, 4)};
  char name[5] = {0};
  for (int i = 0; i < 4; ++i) name[i] = p[i] >= ' ' && p[i] < 127 ? (char)p[i] : '?';
  if (s.offset > m->size || s.size > m->size - s.offset)
    return bt_report(BT_BAD_INPUT, "section %s lies outside of the file", name);
  if (!is_known(s.name) && (s.flags & BT_FLAG_CRITICAL))
    return bt_report(BT_UNSUPPORTED, "section %s is needed to run this file, but unknown to this reader", name);
  if (bt_find_section(m, s.name)) return bt_report(BT_BAD_INPUT, "section %s is there twice", name);
  s.bytes = m->bytes + s.offset;
  /* Weights have a checksum per tensor besides, which decoding verifies. */
  if ((s.name != BT_SECTION_WEIGHTS || check_weights) && bt_crc32(m->bytes + s.offset, s.size) != s.crc)
    return bt_report(BT_BAD_INPUT, "section %s is damaged: its checksum does not match", name);
  m->sections[m->n_sections++] = s;
  return BT_OK;
}

static bt_status read_all(bt_model* m, int check_weights) {
  const unsigned char* p = m->bytes;
  if (m->size < BT_HEADER_BYTES || memcmp(p, BT_MAGIC, 8) != 0)
    return bt_report(BT_BAD_INPUT, "not a .btm file: the first bytes are not its magic");
  if (bt_crc32(p, 60) != bt_load_le(p + 60, 4))
    return bt_report(BT_BAD_INPUT, "the header is damaged: its checksum does not match");
  if (bt_load_le(p + 8, 2) != BT_VERSION_MAJOR)
    return bt_report(BT_UNSUPPORTED, "the file has version %d.%d; this reader knows version %d",
                     (int)bt_load_le(p + 8, 2), (int)bt_load_le(p + 10, 2), BT_VERSION_MAJOR);
  const uint64_t count = bt_load_le(p + 12, 4);
  if (bt_load_le(p + 16, 8) != m->size)
    return bt_report(BT_BAD_INPUT, "the file has %zu bytes, its header says %llu: it is cut off or too long",
                     m->size, (unsigned long long)bt_load_le(p + 16, 8));
  if (count > BT_SECTION_MAX || m->size - BT_HEADER_BYTES < count * BT_SECTION_BYTES)
    return bt_report(BT_BAD_INPUT, "the table of contents does not fit");
  const unsigned char* toc = p + BT_HEADER_BYTES;
  if (bt_crc32(toc, count * BT_SECTION_BYTES) != bt_load_le(p + 24, 4))
    return bt_report(BT_BAD_INPUT, "the table of contents is damaged: its checksum does not match");
  for (uint64_t i = 0; i < count; ++i) BT_TRY(read_section(m, toc + i * BT_SECTION_BYTES, check_weights));
  return BT_OK;
}

/* The sections inside of PACK join the others. `numbers` becomes what is behind them: the scales. */
static bt_status unpack_sections(bt_model* m, bt_reader* numbers) {
  const bt_section* pack = bt_find_section(m, BT_SECTION_PACK);
  if (!pack) return BT_OK;
  bt_reader r = {pack->bytes, pack->bytes + pack->size, 0};
  const uint64_t size = bt_read_varint(&r), raw = pack->raw;
  const unsigned char* stream = bt_read_bytes(&r, size);
  if (!stream || raw > BT_PACK_MAX) return bt_damaged("section PACK");
  unsigned char* out = bt_blocks_get(&m->memory, (size_t)raw + 1);
  if (!out) return bt_no_memory();
  if (!bt_mixture_decode(stream, size, out, (size_t)raw)) return bt_damaged("section PACK does not decode");
  *numbers = r;
  m->is_packed = 1;
  for (r = (bt_reader){out, out + raw, 0}; r.at != r.end;) {
    bt_section s = {.is_packed = 1, .name = (uint32_t)bt_read_le(&r, 4)};
    s.size = bt_read_varint(&r);
    s.bytes = bt_read_bytes(&r, s.size);
    if (!s.bytes || m->n_sections == BT_SECTION_MAX || s.name == BT_SECTION_WEIGHTS || bt_find_section(m, s.name))
      return bt_damaged("a section inside of PACK");
    m->sections[m->n_sections++] = s;
  }
  const bt_section* w = bt_find_section(m, BT_SECTION_WEIGHTS);
  if (w && bt_crc32(w->bytes, w->size) != w->crc) /* no tensor has a checksum of its own */
    return bt_damaged("the checksum of section WGHT does not match");
  return BT_OK;
}

bt_status bt_read_sections(bt_model* m, int check_weights, bt_reader* numbers) {
  BT_TRY(read_all(m, check_weights));
  return unpack_sections(m, numbers);
}
