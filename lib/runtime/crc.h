/* SPDX-License-Identifier: Apache-2.0
   CRC-32 (the polynomial of zlib and PNG), against accidents. */
#ifndef BANTAM_RUNTIME_CRC_H_
#define BANTAM_RUNTIME_CRC_H_
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
uint32_t bt_crc32(const void* data, size_t size);
/* Of what `crc` is of (0: of nothing), and these bytes behind it. */
uint32_t bt_crc32_more(uint32_t crc, const void* data, size_t size);
#ifdef __cplusplus
}
#endif
#endif
