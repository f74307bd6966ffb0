/* SPDX-License-Identifier: Apache-2.0
   Shape arithmetic and the checks that operators share. A negative dimension is an unknown one
   (op.h); all functions here accept it and give -1 where nothing more is known. */
#ifndef BANTAM_RUNTIME_SHAPE_H_
#define BANTAM_RUNTIME_SHAPE_H_
#include "runtime/op.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline int bt_known(int64_t dim) { return dim >= 0; }
static inline int bt_has_rank(const bt_tensor* t) { return t->rank >= 0; }
/* Rank and every dimension known. */
int bt_has_shape(const bt_tensor* t);
/* Both known and different. */
static inline int bt_clash(int64_t a, int64_t b) { return a >= 0 && b >= 0 && a != b; }
/* The more precise of two dimensions that must be equal: a number, else a symbol. */
static inline int64_t bt_agree(int64_t a, int64_t b) {
  if (a >= 0 || b == -1) return a;
  return b >= 0 || a == -1 || a == b ? b : -1;
}
int64_t bt_dim_mul(int64_t a, int64_t b); /* saturates at INT64_MAX */
int64_t bt_dim_add(int64_t a, int64_t b); /* b may be a negative number only if `a` is known */

/* Number of elements of dims [from, to); -1 if one is unknown, INT64_MAX if it does not fit. */
int64_t bt_extent(const bt_tensor* t, int from, int to);
static inline int64_t bt_count(const bt_tensor* t) { return bt_extent(t, 0, t->rank); }
static inline size_t bt_bytes(const bt_tensor* t) {
  return (size_t)bt_count(t) * bt_dtype_size(t->dtype);
}

/* ---- setting outputs in infer ---- */
void bt_set_shape(bt_tensor* t, bt_dtype dtype, int rank, const int64_t* dims);
void bt_set_like(bt_tensor* t, const bt_tensor* other); /* dtype and shape (quant is not touched) */
void bt_set_vector(bt_tensor* t, bt_dtype dtype, int64_t n);
void bt_set_scalar(bt_tensor* t, bt_dtype dtype);
void bt_set_unranked(bt_tensor* t, bt_dtype dtype);

/* ---- checks; each fails with a full sentence ---- */
/* Input i has one of the types in the set. */
bt_status bt_need_type(bt_call* c, int i, uint32_t types);
/* Inputs i and j have the same type. */
bt_status bt_need_same_type(bt_call* c, int i, int j);
/* Input i has this rank, if its rank is known. */
bt_status bt_need_rank(bt_call* c, int i, int rank);
bt_status bt_need_rank_between(bt_call* c, int i, int low, int high);
/* Input i is a vector of n elements (n < 0: of any length), as far as known. `what` names it. */
bt_status bt_need_vector(bt_call* c, int i, int64_t n, const char* what);
/* axis in [-rank, rank) becomes [0, rank). `what` is the attribute's name. */
bt_status bt_need_axis(bt_call* c, int64_t axis, int rank, const char* what, int* result);
/* Checks a list of axes (duplicates are refused) and marks them in `marked[BT_MAX_RANK]`. */
bt_status bt_need_axes(bt_call* c, const int64_t* axes, int64_t n, int rank, int* marked);
/* Output rank fits BT_MAX_RANK. */
bt_status bt_need_max_rank(bt_call* c, int64_t rank);

/* ---- values of small integer inputs ---- */
static inline int bt_given(const bt_call* c, int i) { return i < c->n_in && c->in[i] != NULL; }
/* All values of input i (i32 or i64) are known now. */
int bt_has_values(const bt_call* c, int i);
/* Element k of input i, whose values are known or partly known: a number, or BT_SYMBOL(dim). */
int64_t bt_value_at(const bt_call* c, int i, int64_t k);
/* There is something to read with bt_value_at (fully or partly known, and the count is known). */
int bt_has_partial(const bt_call* c, int i);
/* A dimension out of such an element: a known number >= 0 or a symbol; fails on negative ones. */
bt_status bt_value_dim(bt_call* c, int i, int64_t k, const char* what, int64_t* dim);
/* One number of any numeric or bool type, for scalar inputs. */
double bt_scalar(const bt_tensor* t);
int64_t bt_scalar_int(const bt_tensor* t);
/* Element k as a number, any real type. */
double bt_get(const bt_tensor* t, int64_t k);
int64_t bt_get_int(const bt_tensor* t, int64_t k); /* floats are truncated, saturating; NaN gives 0 */
void bt_put(bt_tensor* t, int64_t k, double v);    /* rounds halves as the type does; no saturation */
void bt_put_int(bt_tensor* t, int64_t k, int64_t v);

/* ---- broadcasting ---- */
/* dims of a broadcast with b, right-aligned; fails naming both shapes. */
bt_status bt_broadcast(bt_call* c, const bt_tensor* a, const bt_tensor* b, bt_tensor* out);
bt_status bt_infer_broadcast(bt_call* c, int first, int count, bt_dtype dtype); /* into output 0 */

/* "[1,3,?,N]" style text of a shape, for messages. */
#define BT_SHAPE_TEXT 160
const char* bt_shape_text(const bt_tensor* t, char text[BT_SHAPE_TEXT]);

/* ---- walking ---- */
/* Row-major strides in elements. */
void bt_strides(const bt_tensor* t, int64_t strides[BT_MAX_RANK]);

/* Walks an index space of up to BT_MAX_RANK dimensions in row-major order, keeping up to four
   element offsets. Dimensions of length 1 are dropped and ones that all operands can join are
   joined, so that the last dimension is long. Use:
     bt_walk w;
     bt_walk_begin(&w, rank, dims, n, strides);
     do { ... w.inner elements, steps w.inner_stride[i], from w.offset[i] ... } while (bt_walk_next(&w)); */
#define BT_WALK_MAX 4
typedef struct bt_walk {
  int rank; /* of the outer dimensions */
  int n;
  int64_t dims[BT_MAX_RANK], index[BT_MAX_RANK];
  int64_t stride[BT_WALK_MAX][BT_MAX_RANK];
  int64_t offset[BT_WALK_MAX];
  int64_t inner, inner_stride[BT_WALK_MAX];
  int64_t rows; /* number of rounds of the outer loop */
} bt_walk;
void bt_walk_begin(bt_walk* w, int rank, const int64_t* dims, int n,
                   int64_t strides[][BT_MAX_RANK]);
/* Jumps to outer round `row` (for parallel parts). */
void bt_walk_seek(bt_walk* w, int64_t row);
int bt_walk_next(bt_walk* w);
/* Strides of `t` broadcast to `out` (0 where it repeats). */
void bt_broadcast_strides(const bt_tensor* t, const bt_tensor* out, int64_t strides[BT_MAX_RANK]);

#ifdef __cplusplus
}
#endif
#endif
