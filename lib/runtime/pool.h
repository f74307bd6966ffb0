/* SPDX-License-Identifier: Apache-2.0
   Worker threads of one session. Work is split statically, so results never depend on timing. */
#ifndef BANTAM_RUNTIME_POOL_H_
#define BANTAM_RUNTIME_POOL_H_
#include <stdint.h>

#include "runtime/op.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bt_pool bt_pool;

/* A pool of `threads` (the caller counts as one); NULL for 1 thread, or where none can be started. */
bt_pool* bt_pool_create(int threads);
void bt_pool_destroy(bt_pool* pool);
int bt_pool_threads(const bt_pool* pool); /* 1 for NULL */
/* Runs fn on `parts` contiguous parts of [0, n), part i as thread i; returns when all are done. */
void bt_pool_run(bt_pool* pool, int64_t n, int parts, bt_part_fn fn, void* arg);

#ifdef __cplusplus
}
#endif
#endif
