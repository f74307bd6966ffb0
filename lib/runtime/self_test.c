/* SPDX-License-Identifier: Apache-2.0
   Test vectors. */
#include "runtime/self_test.h"

#include <stdlib.h>

#include "runtime/session.h"
#include "runtime/shape.h"

static uint64_t mix(uint64_t z) { /* splitmix64's output function */
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void bt_test_input(uint64_t seed, int input, float low, float high, bt_tensor* t) {
  uint64_t state = seed + (uint64_t)input * 0x632BE59BD9B4E019u;
  const int64_t n = bt_count(t);
  for (int64_t i = 0; i < n; ++i) {
    state += 0x9E3779B97F4A7C15u;
    const float u = (float)(mix(state) >> 40) * 0x1p-24f;
    if (t->dtype == BT_BOOL) bt_put_int(t, i, u < 0.5f);
    else if (bt_is_int(t->dtype)) {
      const double whole = (double)low + (double)u * ((double)high - (double)low + 1.0);
      const int64_t v = (int64_t)whole;
      bt_put_int(t, i, v > (int64_t)high ? (int64_t)high : v);
    } else bt_put(t, i, (double)(low + (high - low) * u));
  }
}

uint64_t bt_test_hash(uint64_t hash, const bt_tensor* t) {
  hash = mix(hash + (uint64_t)t->dtype);
  for (int d = 0; d < t->rank; ++d) hash = mix(hash + (uint64_t)t->dims[d]);
  const int64_t n = bt_count(t);
  const size_t element = bt_dtype_size(t->dtype);
  const unsigned char* p = t->data;
  for (int64_t i = 0; i < n; ++i, p += element) {
    uint64_t bits = bt_load_le(p, (int)element);
    if (!bt_is_int(t->dtype) && t->dtype != BT_BOOL && bt_get(t, i) != bt_get(t, i)) bits = 0x7FF8;
    hash = mix(hash ^ bits) + 0x9E3779B97F4A7C15u;
  }
  return hash;
}

/* Reads one vector, runs it, compares. */
static bt_status run_vector(const bt_model* m, bt_reader* r, bt_session* session, int* wrong) {
  const bt_graph* g = &m->graph;
  const uint64_t seed = bt_read_le(r, 8);
  bt_blocks inputs = {0};
  bt_status status = BT_OK;
  for (int i = 0; i < g->n_inputs && status == BT_OK; ++i) {
    bt_tensor t = {.dtype = g->values[g->inputs[i]].dtype};
    const int fits = bt_read_shape(r, 0, &t.rank, t.dims) && bt_has_shape(&t) && bt_count(&t) < (int64_t)1 << 31;
    const float low = bt_read_float(r), high = bt_read_float(r);
    if (!fits || r->failed) status = bt_report(BT_BAD_INPUT, "the file is damaged: section TEST");
    if (status == BT_OK) t.data = bt_blocks_get(&inputs, bt_bytes(&t));
    if (status == BT_OK && !t.data) status = bt_report(BT_NO_MEMORY, "out of memory");
    if (status != BT_OK) break;
    bt_test_input(seed, i, low, high, &t);
    status = bt_set_input(session, i, t.data, t.rank, t.dims);
  }
  const uint64_t want = bt_read_le(r, 8);
  if (status == BT_OK && r->failed) status = bt_report(BT_BAD_INPUT, "the file is damaged: section TEST");
  if (status == BT_OK) status = bt_run(session);
  uint64_t hash = 0;
  for (int i = 0; i < g->n_outputs && status == BT_OK; ++i) hash = bt_test_hash(hash, bt_frame_output(session->main, i));
  if (status == BT_OK && hash != want) ++*wrong;
  bt_blocks_free(&inputs);
  return status;
}

bt_status bt_self_test(const bt_model* m, const bt_session_options* options, int* count, int* wrong) {
  *count = *wrong = 0;
  bt_reader r = bt_section_reader(m, BT_SECTION_TESTS);
  if (r.at == r.end) return BT_OK;
  const int n = bt_read_count(&r, 16);
  if (r.failed) return bt_report(BT_BAD_INPUT, "the file is damaged: section TEST");
  bt_session* session = NULL;
  BT_TRY(bt_session_create(m, options, &session));
  bt_status status = BT_OK;
  for (int i = 0; i < n && status == BT_OK; ++i) {
    status = run_vector(m, &r, session, wrong);
    if (status == BT_OK) ++*count;
  }
  bt_session_destroy(session);
  return status;
}
