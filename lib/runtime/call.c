/* SPDX-License-Identifier: Apache-2.0
   What operators may ask of the executor while one of their functions runs. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernels/kernels.h"
#include "runtime/frame.h"
#include "runtime/half.h"
#include "runtime/shape.h"

/* Copies a name so that it is safe to print: one line, no control bytes, no escape sequences. */
static size_t quote(char* out, size_t size, const char* name) {
  size_t used = 0;
  for (const unsigned char* p = (const unsigned char*)name; *p && used + 8 < size; ++p) {
    if (*p < 0x20 || *p >= 0x7F || *p == '"' || *p == '\\')
      used += (size_t)snprintf(out + used, size - used, "\\x%02x", *p);
    else
      out[used++] = (char)*p;
    if (used > 100) {
      used += (size_t)snprintf(out + used, size - used, "...");
      break;
    }
  }
  out[used] = 0;
  return used;
}

bt_status bt_fail(bt_call* c, bt_status status, const char* format, ...) {
  char* text = c->env->message;
  size_t used = 0;
  if (c->name && c->name[0]) {
    char name[160];
    quote(name, sizeof name, c->name);
    used = (size_t)snprintf(text, BT_MESSAGE, "node \"%s\" (%s): ", name, c->op->name);
  } else if (c->op) {
    used = (size_t)snprintf(text, BT_MESSAGE, "%s: ", c->op->name);
  }
  va_list args;
  va_start(args, format);
  vsnprintf(text + used, BT_MESSAGE - used, format, args);
  va_end(args);
  return status;
}

bt_status bt_fail_memory(bt_call* c) { return bt_fail(c, BT_NO_MEMORY, "out of memory"); }

bt_status bt_check_size(bt_call* c, const bt_tensor* t) {
  const int64_t n = bt_count(t);
  const int64_t limit = INT64_MAX / 32; /* bytes of anything then fit an int64 */
  if (n > limit) {
    char text[BT_SHAPE_TEXT];
    return bt_fail(c, BT_BAD_INPUT, "shape %s has more elements than can be counted (overflow)",
                   bt_shape_text(t, text));
  }
  return BT_OK;
}

void* bt_keep(bt_call* c, size_t bytes) {
  return bt_blocks_get(&((bt_frame*)c->owner)->weights, bytes);
}

void* bt_keep_plan(bt_call* c, size_t bytes) {
  bt_frame* f = c->owner;
  const ptrdiff_t n = c->node;
  bt_step* s = &f->steps[n];
  return bt_blocks_get(s->dynamic ? &s->blocks : &f->plans, bytes);
}

void* bt_alloc_scratch(bt_call* c, size_t bytes) {
  (void)c;
  return bt_alloc(bytes);
}
void bt_free_scratch(void* p) { bt_release(p); }

int bt_wants(const bt_call* c, int i) {
  return i < c->n_out && c->out[i] != &((const bt_frame*)c->owner)->unused;
}

bt_status bt_check_bytes(bt_call* c, size_t bytes) {
  const size_t limit = c->env->max_bytes, held = c->env->held;
  if (!limit || (bytes <= limit && held <= limit - bytes)) return BT_OK;
  return bt_fail(c, BT_LIMIT, "%zu bytes beside %zu in use are above the memory limit of %zu",
                 bytes, held, limit);
}

bt_status bt_slot_grow(bt_call* c, bt_slot* s) {
  const size_t bytes = bt_bytes(&s->tensor);
  if (bytes > s->capacity || !s->buffer) {
    bt_release(s->buffer);
    s->buffer = NULL;
    c->env->held -= s->capacity;
    s->capacity = 0;
    BT_TRY(bt_check_bytes(c, bytes));
    s->buffer = bt_alloc(bytes + BT_ALIGN);
    if (!s->buffer) return bt_fail_memory(c);
    s->capacity = bytes + BT_ALIGN;
    c->env->held += s->capacity;
  }
  s->tensor.data = s->buffer;
  return BT_OK;
}

bt_status bt_set_output(bt_call* c, int i, int rank, const int64_t* dims) {
  if (!bt_wants(c, i)) return BT_OK;
  bt_slot* s = (bt_slot*)c->out[i]; /* the tensor is the slot's first member */
  bt_set_shape(&s->tensor, s->tensor.dtype, rank, dims);
  BT_TRY(bt_check_size(c, &s->tensor));
  return bt_slot_grow(c, s);
}

int bt_threads(const bt_call* c) { return bt_pool_threads(c->env->pool); }
const bt_kernels* bt_call_kernels(const bt_call* c) { return c->env->kernels; }

void bt_parallel(bt_call* c, int64_t n, int64_t grain, bt_part_fn fn, void* arg) {
  if (n <= 0) return;
  const int64_t parts = grain > 0 ? n / grain : n;
  const int threads = bt_threads(c);
  bt_pool_run(c->env->pool, n, parts < 2 ? 1 : parts < threads ? (int)parts : threads, fn, arg);
}

bt_status bt_infer_graph(bt_call* c, const bt_graph* g, const bt_tensor* const* in, int n_in,
                         bt_tensor* out, int n_out) {
  return c->env->infer_graph(c, g, in, n_in, out, n_out);
}

bt_status bt_run_graph(bt_call* c, const bt_graph* g, const bt_tensor* const* in, int n_in,
                       bt_tensor* out, int n_out) {
  return c->env->run_graph(c, g, in, n_in, out, n_out);
}

bt_status bt_count_turn(bt_call* c) {
  bt_env* env = c->env;
  if (env->max_turns && ++env->turns > env->max_turns)
    return bt_fail(c, BT_LIMIT, "more than %" PRId64 " turns of loops in one run", env->max_turns);
  return BT_OK;
}

uint64_t bt_random(bt_call* c) { /* splitmix64: Steele, Lea, Flood 2014 */
  uint64_t z = (c->env->random += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

bt_status bt_call_infer(bt_call* c) {
  const bt_op* op = c->op;
  int given = c->n_in;
  while (given > 0 && !c->in[given - 1]) --given;
  if (given < op->in_min || (op->in_max != BT_MANY && given > op->in_max))
    return bt_fail(c, BT_BAD_INPUT, "has %d inputs; %s takes %s%d", given, op->name,
                   given < op->in_min ? "at least " : "at most ",
                   given < op->in_min ? op->in_min : op->in_max);
  for (int i = 0; i < op->in_min; ++i)
    if (!c->in[i]) return bt_fail(c, BT_BAD_INPUT, "input %d is missing", i);
  if (c->n_out < op->out_min || (op->out_max != BT_MANY && c->n_out > op->out_max))
    return bt_fail(c, BT_BAD_INPUT, "has %d outputs; %s has %s%d", c->n_out, op->name,
                   c->n_out < op->out_min ? "at least " : "at most ",
                   c->n_out < op->out_min ? op->out_min : op->out_max);
  for (int i = 0; i < c->n_out; ++i) {
    const bt_quant* quant = c->out[i]->quant;
    /* of a quantized output the graph says how it is stored */
    const int stored = quant && (c->out[i]->dtype == BT_I8 || c->out[i]->dtype == BT_I16);
    const bt_dtype type = c->n_in && c->in[0] ? c->in[0]->dtype : BT_F32;
    *c->out[i] = (bt_tensor){.quant = quant, .rank = -1, .dtype = stored ? c->out[i]->dtype : type};
  }
  BT_TRY(bt_needs_reals(c) ? bt_infer_reals(c) : op->infer(c));
  for (int i = 0; i < c->n_out; ++i) BT_TRY(bt_check_size(c, c->out[i]));
  return BT_OK;
}

const bt_op* bt_find_op(const bt_op_table* table, const char* name) {
  for (int i = 0; i < table->count; ++i)
    if (strcmp(table->ops[i]->name, name) == 0) return table->ops[i];
  return NULL;
}
