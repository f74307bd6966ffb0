/* SPDX-License-Identifier: Apache-2.0
   An open .btm file from inside. */
#ifndef BANTAM_RUNTIME_MODEL_H_
#define BANTAM_RUNTIME_MODEL_H_
#include "runtime/frame.h"
#include "runtime/layout.h"
#include "runtime/weights.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bt_section {
  uint32_t name, flags, crc;
  uint64_t offset, size, raw;
} bt_section;

struct bt_model {
  const unsigned char* bytes;
  size_t size;
  void* mapping; /* of bt_open_file; unmapped or freed by bt_close */
  size_t mapping_size;
  bt_section sections[BT_SECTION_MAX];
  int n_sections;
  bt_blocks memory; /* everything below */
  uint64_t unfolded; /* bytes of all constants once they are decoded, counted per use */
  bt_quant* quants;
  int n_quants;
  bt_stored* tensors;
  int n_tensors;
  const bt_op** ops;
  int n_ops;
  const char** symbols;
  int n_symbols;
  bt_graph graph;
};

/* NULL where the file has no such section. */
const bt_section* bt_find_section(const bt_model* model, uint32_t name);
bt_reader bt_section_reader(const bt_model* model, uint32_t name);
/* Shape as layout.h has it; 0 where damaged. */
int bt_read_shape(bt_reader* r, int n_symbols, int* rank, int64_t dims[BT_MAX_RANK]);

#ifdef __cplusplus
}
#endif
#endif
