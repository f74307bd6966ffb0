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
#ifdef __cplusplus
}
#endif
#endif
