/* SPDX-License-Identifier: Apache-2.0
   Opening a .btm file. sections.c reads what is around its parts, model_quants.c the scales, model_graph.c
   the graph. The file may be damaged or hostile: every index, count and offset is checked. */
#include "runtime/model.h"

#include <stdlib.h>

static bt_status read_tensors(bt_model* m) {
  bt_reader r = bt_section_reader(m, BT_SECTION_TENSORS);
  if (r.at == r.end) return BT_OK;
  const int n = bt_read_count(&r, 7);
  const bt_section* w = bt_find_section(m, BT_SECTION_WEIGHTS);
  m->tensors = bt_blocks_get(&m->memory, (size_t)n * sizeof *m->tensors);
  if (!m->tensors) return bt_no_memory();
  bt_shelf shelf = {w ? w->bytes : m->bytes, w ? w->size : 0, m->quants, m->n_quants, m->is_packed, 0};
  for (int i = 0; i < n; ++i)
    if (!bt_stored_read(&r, &shelf, &m->tensors[i])) return bt_damaged("section TENS");
  m->n_tensors = n;
  return r.at == r.end ? BT_OK : bt_damaged("section TENS");
}

bt_status bt_open(const void* bytes, size_t size, const bt_open_options* options, bt_model** model) {
  static const bt_open_options defaults = {0};
  if (!options) options = &defaults;
  *model = NULL;
  bt_model* m = calloc(1, sizeof *m);
  if (!m) return bt_no_memory();
  m->bytes = bytes;
  m->size = size;
  bt_reader numbers = {0};
  bt_status status = bt_read_sections(m, !options->skip_checksums, &numbers);
  if (status == BT_OK && !bt_find_section(m, BT_SECTION_GRAPH)) status = bt_damaged("there is no section GRPH");
  if (status == BT_OK) status = bt_read_quants(m, numbers);
  if (status == BT_OK) status = read_tensors(m);
  bt_reader r = bt_section_reader(m, BT_SECTION_GRAPH);
  if (status == BT_OK) status = bt_read_operators(m, &r, options->ops ? options->ops : &bt_all_ops);
  if (status == BT_OK) status = bt_read_graph(m, &r);
  if (status == BT_OK && r.at != r.end) status = bt_damaged("section GRPH is too long");
  if (status == BT_OK) status = bt_read_names(m);
  if (status != BT_OK) {
    bt_close(m);
    return status;
  }
  *model = m;
  return BT_OK;
}
