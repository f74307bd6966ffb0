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

/* A few bytes of code can stand for any number of equal elements, and many values for one tensor. A file
   may unfold to this factor of its size, plus a constant for small ones: far above any real model. */
#define BT_UNFOLD_FACTOR 1000u
#define BT_UNFOLD_FREE ((uint64_t)256 << 20)

typedef struct bt_section {
  uint32_t name, flags, crc;
  uint64_t offset, size, raw;
  const unsigned char* bytes;
  int is_packed; /* it lies inside of PACK: it has no offset and no checksum */
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
  int is_packed;     /* the small sections come from PACK */
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

/* The two ways to fail that need no more words. */
bt_status bt_damaged(const char* what);
bt_status bt_no_memory(void);

/* Header, table of contents and PACK of m->bytes; `numbers` becomes the second stream of PACK, empty where
   there is none. */
bt_status bt_read_sections(bt_model* m, int check_weights, bt_reader* numbers);
/* The parts, in this order: scales need `numbers`, operators and graph share the reader of section GRPH. Names are
   those of inner values and nodes, for messages and reports. */
bt_status bt_read_quants(bt_model* m, bt_reader numbers);
bt_status bt_read_operators(bt_model* m, bt_reader* r, const bt_op_table* table);
bt_status bt_read_graph(bt_model* m, bt_reader* r);
bt_status bt_read_names(bt_model* m);
/* NULL where the file has no such section. */
const bt_section* bt_find_section(const bt_model* model, uint32_t name);
bt_reader bt_section_reader(const bt_model* model, uint32_t name);
/* Shape as layout.h has it; 0 where damaged. */
int bt_read_shape(bt_reader* r, int n_symbols, int* rank, int64_t dims[BT_MAX_RANK]);

#ifdef __cplusplus
}
#endif
#endif
