/* SPDX-License-Identifier: Apache-2.0
   Static range asymmetric numeral systems (Duda 2013) for symbols 0..255: the decoder, and what the
   encoder in formats/native must know.

   Stream: varint alphabet a (symbols 0..a-1); the frequencies of all symbols but the last one that
   occurs, as described at bt_rans_read_table; then blocks of BT_RANS_BLOCK symbols (the last one may
   be shorter): varint bytes of the block, then the block. A block holds the BT_RANS_LANES final states
   of the encoder, 4 bytes each, and 16-bit words that the lanes take in turn when their state falls
   below 2^16. Symbol i belongs to lane i % BT_RANS_LANES. Blocks are independent of each other. */
#ifndef BANTAM_RUNTIME_RANS_H_
#define BANTAM_RUNTIME_RANS_H_
#include "runtime/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BT_RANS_BITS 12 /* frequencies add up to 1 << 12 */
#define BT_RANS_LANES 4
#define BT_RANS_BLOCK 65536

/* Decodes n symbols into out; 0 where the stream is damaged. Reads exactly `size` bytes. */
int bt_rans_decode(const unsigned char* stream, size_t size, unsigned char* out, size_t n);

/* Frequencies: a bit-packed list, Golomb-coded around the previous one would gain little, so each is
   written as a nibble count of its bits and then these bits without the leading 1: 0 costs 4 bits,
   1 too, a frequency of 40 costs 4 + 5. The row is padded to a whole byte. */
int bt_rans_read_table(bt_reader* r, uint16_t frequency[256]);

#ifdef __cplusplus
}
#endif
#endif
