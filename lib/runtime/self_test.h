/* SPDX-License-Identifier: Apache-2.0
   Test vectors: a model carries the hash of what it computed where it was made, on inputs that a seed
   gives. The same runtime finds the same bits on every machine, or says so. */
#ifndef BANTAM_RUNTIME_SELF_TEST_H_
#define BANTAM_RUNTIME_SELF_TEST_H_
#include "runtime/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One input of a vector: element i is low + (high - low) * u(i) with u from the seed (floats), or a
   whole number in [low, high] (integers), or u < 1/2 (bool). `data` has room for all. */
void bt_test_input(uint64_t seed, int input, float low, float high, bt_tensor* t);
/* Of types, shapes and bytes; NaNs count as equal. */
uint64_t bt_test_hash(uint64_t hash, const bt_tensor* t);

/* Runs every vector. *count is their number, *wrong that of the ones whose hash differs. */
bt_status bt_self_test(const bt_model* model, const bt_session_options* options, int* count, int* wrong);

#ifdef __cplusplus
}
#endif
#endif
