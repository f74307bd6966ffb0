/* SPDX-License-Identifier: Apache-2.0
   Models in files and what a model says of itself. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model.h"
#include "runtime/session.h"

#if !defined(BANTAM_NO_MMAP) && (defined(__unix__) || defined(__APPLE__))
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bt_status load_file(const char* path, void** data, size_t* size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    if (fd >= 0) close(fd);
    return bt_report(BT_IO, "cannot open %.300s", path);
  }
  *size = (size_t)info.st_size;
  *data = *size ? mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
  close(fd);
  if (*data == MAP_FAILED) return bt_report(*size ? BT_IO : BT_BAD_INPUT, "cannot map %.300s, or it is empty", path);
  return BT_OK;
}
static void unload_file(void* data, size_t size) { munmap(data, size); }
#else
static bt_status load_file(const char* path, void** data, size_t* size) {
  FILE* f = fopen(path, "rb");
  if (!f) return bt_report(BT_IO, "cannot open %.300s", path);
  long length = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
  *data = length > 0 ? bt_alloc((size_t)length) : NULL;
  *size = length > 0 ? (size_t)length : 0;
  rewind(f);
  const int ok = *data && fread(*data, 1, *size, f) == *size;
  fclose(f);
  if (!ok) {
    bt_release(*data);
    return bt_report(BT_IO, "cannot read %.300s", path);
  }
  return BT_OK;
}
static void unload_file(void* data, size_t size) {
  (void)size;
  bt_release(data);
}
#endif

bt_status bt_open_file(const char* path, const bt_open_options* options, bt_model** model) {
  void* data = NULL;
  size_t size = 0;
  *model = NULL;
  BT_TRY(load_file(path, &data, &size));
  const bt_status status = bt_open(data, size, options, model);
  if (status != BT_OK) {
    unload_file(data, size);
    return status;
  }
  (*model)->mapping = data;
  (*model)->mapping_size = size;
  return BT_OK;
}

void bt_close(bt_model* m) {
  if (!m) return;
  if (m->mapping) unload_file(m->mapping, m->mapping_size);
  bt_blocks_free(&m->memory);
  free(m);
}

bt_status bt_session_create(const bt_model* model, const bt_session_options* options, bt_session** session) {
  return bt_session_from_graph(&model->graph, options, session);
}

/* ---- ports ---- */

int bt_input_count(const bt_model* m) { return m->graph.n_inputs; }
int bt_output_count(const bt_model* m) { return m->graph.n_outputs; }

static void describe(const bt_value* v, bt_port* port) {
  *port = (bt_port){.name = v->name, .dtype = (int)v->dtype, .rank = v->rank};
  for (int d = 0; d < v->rank; ++d) port->dims[d] = v->dims[d] < 0 ? -1 : v->dims[d];
  if (v->quant && !bt_is_float(v->dtype)) {
    port->scale = v->quant->scale[0];
    port->zero = v->quant->zero ? v->quant->zero[0] : 0;
  }
}

bt_status bt_input_port(const bt_model* m, int i, bt_port* port) {
  if (i < 0 || i >= m->graph.n_inputs)
    return bt_report(BT_USAGE, "input %d does not exist; the model has %d", i, m->graph.n_inputs);
  describe(&m->graph.values[m->graph.inputs[i]], port);
  return BT_OK;
}

bt_status bt_output_port(const bt_model* m, int i, bt_port* port) {
  if (i < 0 || i >= m->graph.n_outputs)
    return bt_report(BT_USAGE, "output %d does not exist; the model has %d", i, m->graph.n_outputs);
  describe(&m->graph.values[m->graph.outputs[i]], port);
  return BT_OK;
}
