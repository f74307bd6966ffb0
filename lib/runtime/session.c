/* SPDX-License-Identifier: Apache-2.0
   Sessions: the public functions that run a model. */
#include "runtime/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "runtime/shape.h"

static _Thread_local char last_error[BT_MESSAGE];

const char* bt_last_error(void) { return last_error; }

bt_status bt_report(bt_status status, const char* format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(last_error, sizeof last_error, format, args);
  va_end(args);
  return status;
}

bt_status bt_pick_kernels(const char* name, const bt_kernels** kernels) {
  const char* source = "the session's options";
  if (!name) {
    name = getenv("BANTAM_KERNELS");
    source = "BANTAM_KERNELS";
  }
  if (!name || !name[0]) {
    *kernels = bt_kernels_best();
    return BT_OK;
  }
  *kernels = bt_kernels_named(name);
  if (*kernels) return BT_OK;
  int known = 0;
  for (int i = 0; bt_kernels_known(i); ++i) known |= strcmp(bt_kernels_known(i), name) == 0;
  char list[200] = "";
  for (int i = 0; bt_kernels_at(i); ++i)
    snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "",
             bt_kernels_at(i)->name);
  return bt_report(BT_USAGE, "%s asks for kernels \"%.40s\", which %s; here run: %s", source, name,
                   known ? "this CPU or this build cannot run" : "do not exist", list);
}

bt_status bt_session_from_graph(const bt_graph* graph, const bt_session_options* options,
                                bt_session** session) {
  static const bt_session_options defaults = {0};
  if (!options) options = &defaults;
  *session = NULL;
  const bt_kernels* kernels = NULL;
  BT_TRY(bt_pick_kernels(options->kernels, &kernels));
  bt_session* s = calloc(1, sizeof *s);
  if (!s) return bt_report(BT_NO_MEMORY, "out of memory");
  s->env.kernels = kernels;
  s->env.pool = bt_pool_create(options->threads);
  s->env.max_bytes = options->max_bytes;
  s->env.max_turns = options->max_turns;
  s->env.seed = options->seed;
  s->env.infer_graph = bt_frame_infer_graph;
  s->env.run_graph = bt_frame_run_graph;
  s->inputs = calloc((size_t)graph->n_inputs + 1, sizeof *s->inputs);
  s->input_pointers = calloc((size_t)graph->n_inputs + 1, sizeof *s->input_pointers);
  bt_status status = s->inputs && s->input_pointers ? BT_OK : BT_NO_MEMORY;
  for (int i = 0; i < graph->n_inputs && status == BT_OK; ++i) {
    s->inputs[i].rank = -1;
    s->inputs[i].dtype = graph->values[graph->inputs[i]].dtype;
    s->inputs[i].quant = graph->values[graph->inputs[i]].quant;
    s->input_pointers[i] = &s->inputs[i];
  }
  if (status == BT_OK) status = bt_frame_create(&s->env, graph, &s->main);
  if (status != BT_OK) {
    bt_report(status, "%s", s->env.message[0] ? s->env.message : "out of memory");
    bt_session_destroy(s);
    return status;
  }
  *session = s;
  return BT_OK;
}

void bt_session_destroy(bt_session* s) {
  if (!s) return;
  while (s->env.frames) {
    bt_frame* next = s->env.frames->next;
    bt_frame_destroy(s->env.frames);
    s->env.frames = next;
  }
  bt_pool_destroy(s->env.pool);
  free(s->inputs);
  free((void*)s->input_pointers);
  free(s);
}

bt_status bt_set_input(bt_session* s, int index, const void* data, int rank, const int64_t* dims) {
  const bt_graph* g = s->main->graph;
  if (index < 0 || index >= g->n_inputs)
    return bt_report(BT_USAGE, "input %d does not exist; the model has %d", index, g->n_inputs);
  const bt_value* v = &g->values[g->inputs[index]];
  if (rank < 0 || rank > BT_MAX_RANK)
    return bt_report(BT_BAD_INPUT, "input %d: rank %d is not supported", index, rank);
  bt_tensor want = {.rank = v->rank}, have = {.rank = rank};
  memcpy(want.dims, v->dims, sizeof want.dims);
  if (rank > 0) memcpy(have.dims, dims, (size_t)rank * sizeof *dims);
  int fits = v->rank < 0 || v->rank == rank;
  for (int d = 0; fits && d < v->rank; ++d) fits = !bt_clash(want.dims[d], dims[d]);
  for (int d = 0; d < rank; ++d) fits = fits && dims[d] >= 0;
  if (!fits) {
    char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
    return bt_report(BT_BAD_INPUT, "input %d has shape %s; the model takes %s", index,
                     bt_shape_text(&have, p), bt_shape_text(&want, q));
  }
  bt_tensor* t = &s->inputs[index];
  bt_set_shape(t, v->dtype, rank, dims);
  if (bt_count(t) > INT64_MAX / 32)
    return bt_report(BT_BAD_INPUT, "input %d has more elements than can be counted (overflow)", index);
  t->data = (void*)(uintptr_t)data; /* read only */
  return BT_OK;
}

static bt_status check_inputs(const bt_session* s) {
  for (int i = 0; i < s->main->graph->n_inputs; ++i)
    if (s->inputs[i].rank < 0) return bt_report(BT_USAGE, "input %d was not set", i);
  return BT_OK;
}

static bt_status finish(const bt_session* s, bt_status status) {
  return status == BT_OK ? BT_OK
                         : bt_report(status, "%s", s->env.message[0] ? s->env.message : "out of memory");
}

bt_status bt_plan(bt_session* s) {
  BT_TRY(check_inputs(s));
  s->env.message[0] = 0;
  return finish(s, bt_frame_plan(s->main, s->input_pointers));
}

bt_status bt_run(bt_session* s) {
  BT_TRY(check_inputs(s));
  s->env.message[0] = 0;
  s->env.turns = 0;
  s->env.random = s->env.seed;
  return finish(s, bt_frame_run(s->main, s->input_pointers));
}

bt_status bt_get_output(const bt_session* s, int index, bt_array* out) {
  const bt_graph* g = s->main->graph;
  if (index < 0 || index >= g->n_outputs)
    return bt_report(BT_USAGE, "output %d does not exist; the model has %d", index, g->n_outputs);
  const bt_tensor* t = bt_frame_output(s->main, index);
  *out = (bt_array){.data = t->data, .dtype = (int)t->dtype, .rank = t->rank};
  if (!s->main->planned || t->rank < 0 || (!t->data && bt_count(t) > 0))
    return bt_report(BT_USAGE, "there are no outputs before the first run");
  memcpy(out->dims, t->dims, sizeof out->dims);
  out->bytes = bt_bytes(t);
  return BT_OK;
}

size_t bt_arena_bytes(const bt_session* s) {
  size_t bytes = 0;
  for (const bt_frame* f = s->env.frames; f; f = f->next) bytes += bt_frame_bytes(f);
  return bytes;
}

const char* bt_kernels_in_use(const bt_session* s) { return s->env.kernels->name; }
