/* SPDX-License-Identifier: Apache-2.0
   Byte layout of .btm files, shared by the reader here and the writer in formats/native.
   docs/native_format.md has the same in tables, with the promises about versions.

   All numbers are little-endian. "varint" is an unsigned number in groups of 7 bits, low groups first,
   bit 7 of a byte says that more follow. "zigzag" is a varint of (v << 1) ^ (v >> 63).
   "string" is a varint length and that many bytes. */
#ifndef BANTAM_RUNTIME_LAYOUT_H_
#define BANTAM_RUNTIME_LAYOUT_H_
#include <stdint.h>

/* ---- header: 64 bytes at the start of the file ----
    0  8  magic: a byte that is not ASCII, the name, and line ends that text transfer damages
    8  2  major version: readers refuse others
   10  2  minor version: readers accept all up to their own, and newer ones as far as they can
   12  4  number of sections
   16  8  file size
   24  4  CRC-32 of the table of contents
   28  32 zero
   60  4  CRC-32 of bytes 0..59 */
#define BT_MAGIC "\x93" "BTM\r\n\x1a\n"
#define BT_HEADER_BYTES 64
#define BT_VERSION_MAJOR 1
#define BT_VERSION_MINOR 0

/* ---- table of contents: behind the header, 40 bytes per section ----
    0  4  name, four characters
    4  4  flags
    8  8  offset from the start of the file
   16  8  bytes in the file
   24  8  bytes after decoding (equal where the section is not coded)
   32  4  CRC-32 of the bytes in the file
   36  4  zero */
#define BT_SECTION_BYTES 40
#define BT_SECTION_MAX 64
#define BT_FLAG_CRITICAL 1u /* a reader that does not know the section refuses the file */

#define BT_FOURCC(a, b, c, d) \
  ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define BT_SECTION_GRAPH BT_FOURCC('G', 'R', 'P', 'H')   /* operators, values, nodes */
#define BT_SECTION_QUANT BT_FOURCC('Q', 'P', 'R', 'M')   /* scales and zero points */
#define BT_SECTION_TENSORS BT_FOURCC('T', 'E', 'N', 'S') /* one record per constant */
#define BT_SECTION_WEIGHTS BT_FOURCC('W', 'G', 'H', 'T') /* their bytes */
#define BT_SECTION_NAMES BT_FOURCC('N', 'A', 'M', 'E')   /* names of inner values and nodes */
#define BT_SECTION_PLAN BT_FOURCC('P', 'L', 'A', 'N')    /* memory for stated shapes */
#define BT_SECTION_META BT_FOURCC('M', 'E', 'T', 'A')    /* JSON: recipe, hashes, summary */
#define BT_SECTION_TESTS BT_FOURCC('T', 'E', 'S', 'T')   /* test vectors */
#define BT_SECTION_PACK BT_FOURCC('P', 'A', 'C', 'K')    /* all of these but WGHT, entropy coded */

/* ---- PACK (critical) ----
   varint b, then b bytes of a stream of mixture.h that decodes to as many bytes as the table of contents
   says: sections, each with its name in 4 bytes and a varint size before it; then a stream of adaptive.h:
   the scales that QPRM leaves to it. Inside, TENS is shorter, as stated there, and needs WGHT's checksum. */
#define BT_PACK_MAX (1 << 18)         /* decoded bytes: a bound of time and memory; larger is left unpacked */
#define BT_PACK_NUMBERS_MAX (1 << 18) /* scales in its stream */

/* ---- QPRM ----
   varint n, then per entry: varint axis + 1; varint number of scales c; byte form;
   the scales: form bit 0: the upper 2 bytes of each float (its lower ones are zero), else 4 bytes;
   form bit 1: c zigzag zero points follow;
   form bit 2 (in PACK, with bit 0): only the middle m of the scales' 2-byte numbers is here, a varint; the
   next c symbols s of PACK's stream give them: m + s - 32768. */
#define BT_QUANT_SHORT 1u
#define BT_QUANT_ZEROS 2u
#define BT_QUANT_STREAM 4u

/* ---- TENS ----
   varint n, then per tensor: byte dtype; byte rank; varint lengths; varint quant index + 1;
   byte mapping; byte coding; then as the mapping and the coding say (see below);
   varint offset in WGHT; varint bytes there; 4 bytes CRC-32 of them. In PACK the offset is a zigzag,
   counted from the end of the tensor before, raw elements are not aligned, and there is no CRC-32;
   with BT_CODE_INLINE the elements come here instead.

   A constant is a row of symbols 0..m-1 and a mapping from symbols to elements. */
typedef enum bt_mapping {
  BT_MAP_RAW = 0, /* no symbols: the bytes in WGHT are the elements, aligned to 64 (but not in PACK) */
  BT_MAP_INT = 1, /* element = symbol + low (an integer type): zigzag low */
  BT_MAP_REAL = 2, /* element = scale[c] * (symbol + low - zero[c]) (a float type with a quant): zigzag low */
  BT_MAP_BOOK = 3, /* element = book[symbol]: varint entries, varint span, then the entries as elements:
                      one palette for every `span` elements in a row, or one in all where it is 0 */
  BT_MAP_PLANES = 4, /* the element's bytes, lowest first, are symbols of one plane each */
  BT_MAP_HALF = 5    /* element = the float whose half-precision bits are the symbol */
} bt_mapping;

typedef enum bt_coding {
  BT_CODE_BITS = 0,     /* byte k: k bits per symbol, low bits first, without gaps */
  BT_CODE_SPARSE = 1,   /* byte k, varint z: a bitmap of the symbols that are not z, then those in k bits */
  BT_CODE_RANS = 2,     /* rans.h */
  BT_CODE_ADAPTIVE = 3, /* adaptive.h */
  BT_CODE_STORED = 4,   /* the elements themselves (mapping BT_MAP_RAW) */
  BT_CODE_INLINE = 5    /* the same, behind this record in TENS instead of in WGHT (only in PACK) */
} bt_coding;

/* ---- GRPH ----
   varint number of operators, then a string each (those that the graph needs);
   varint number of symbols (names of unknown lengths), then a string each; then a graph:

   graph: varint values, then per value: byte: dtype in bits 0-4, bit 5: a quant index follows (varint),
            bit 6: a constant (only a varint follows: its place in TENS; dtype bits are 0);
          varint inputs, per input: varint value, string name, shape;
          varint outputs, per output: varint value, string name, shape;
          varint nodes, per node: varint operator, varint inputs, per input varint value + 1 (0: not
            given), varint outputs, per output varint value + 1, varint attributes, per attribute:
            varint index in the operator's schema, then the value as its kind says:
            int: zigzag; float: 4 bytes; enum: varint; text: string; ints: varint n, zigzags;
            floats: varint n, 4 bytes each; texts: varint n, strings; tensor: varint place in TENS;
            graph: a graph.
   shape: varint rank + 1 (0: any), then a zigzag per length: -1 unknown, -2 - i symbol i. */
#define BT_VALUE_QUANT 0x20u
#define BT_VALUE_CONSTANT 0x40u

/* ---- NAME ---- (the main graph) a string per value, then a string per node. */

/* ---- PLAN ---- varint plans, per plan: shapes of all inputs; varint bytes of the arena. */

/* ---- TEST ---- varint vectors, per vector: 8 bytes seed; per input: shape (all lengths known),
   4 bytes low, 4 bytes high (floats); 8 bytes hash of the outputs. See bt_self_test. */

#endif
