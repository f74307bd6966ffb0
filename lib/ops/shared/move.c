/* SPDX-License-Identifier: Apache-2.0
   Moving elements between strided boxes. What runs contiguously on both sides is copied in one
   piece; where x and y run along different axes, squares of both are moved at a time, so that every
   cache line is loaded once. */
#include "ops/shared/move.h"

#include <string.h>

#include "runtime/shape.h"

#define GRAIN 16384    /* bytes worth a thread */
#define SIDE 16        /* a square of 16 x 16 elements stays in the first-level cache */
#define FEW 4          /* channels of a pixel that is too short for squares */
#define LONG_STRIP 512 /* such pixels */

enum { X, Y };

typedef struct job {
  const unsigned char* x;
  unsigned char* y;
  int64_t element;
  bt_walk walk;
  int64_t side, side_step; /* squares: length of the axis along which x runs, and its step in y */
  int64_t strip;           /* how much of it is moved at a time */
} job;

/* ---- rows ---- */

#define ROW(T)                                                                 \
  {                                                                            \
    const T* from = (const T*)(const void*)x;                                  \
    T* to = (T*)(void*)y;                                                      \
    for (int64_t i = 0; i < n; ++i) to[i * y_step] = from[i * x_step];         \
  }
static void move_row(const unsigned char* x, int64_t x_step, unsigned char* y, int64_t y_step,
                     int64_t n, int64_t element) {
  if (n > 0 && x_step == 1 && y_step == 1) {
    memcpy(y, x, (size_t)(n * element));
    return;
  }
  switch (element) {
    case 1: ROW(uint8_t) break;
    case 2: ROW(uint16_t) break;
    case 4: ROW(uint32_t) break;
    default: ROW(uint64_t) break;
  }
}

static void rows(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  bt_walk w = j->walk;
  const int64_t size = j->element;
  (void)thread;
  if (w.rows == 1) { /* parts of the only row */
    move_row(j->x + begin * w.inner_stride[X] * size, w.inner_stride[X],
             j->y + begin * w.inner_stride[Y] * size, w.inner_stride[Y], end - begin, size);
    return;
  }
  bt_walk_seek(&w, begin);
  for (int64_t row = begin; row < end; ++row) {
    move_row(j->x + w.offset[X] * size, w.inner_stride[X], j->y + w.offset[Y] * size,
             w.inner_stride[Y], w.inner, size);
    bt_walk_next(&w);
  }
}

/* ---- squares ---- */

/* Takes the axis along which x is contiguous out of the walk; 0 if there is none, or if rows are as
   good. */
static int make_squares(job* j) {
  bt_walk* w = &j->walk;
  if (w->inner_stride[X] == 1 || w->inner_stride[X] == 0 || w->inner_stride[Y] != 1) return 0;
  int axis = w->rank - 1;
  while (axis >= 0 && w->stride[X][axis] != 1) --axis;
  if (axis < 0) return 0;
  j->side = w->dims[axis];
  j->side_step = w->stride[Y][axis];
  j->strip = w->inner <= FEW && j->side_step == w->inner ? LONG_STRIP : SIDE;
  --w->rank;
  for (int d = axis; d < w->rank; ++d) {
    w->dims[d] = w->dims[d + 1];
    for (int k = 0; k < w->n; ++k) w->stride[k][d] = w->stride[k][d + 1];
  }
  w->rows /= j->side;
  return 1;
}

/* Planes that become pixels of 2 to FEW channels, and the way back. `count` is a constant in every
   copy. */
#define FEW_CHANNELS(T)                                                                 \
  static inline void join_##T(const T* restrict x, int64_t x_step, T* restrict y,       \
                              int64_t n, const int count) {                             \
    for (int64_t i = 0; i < n; ++i)                                                     \
      for (int ch = 0; ch < count; ++ch) y[i * count + ch] = x[ch * x_step + i];        \
  }                                                                                     \
  static inline void part_##T(const T* restrict x, T* restrict y, int64_t y_step,       \
                              int64_t n, const int count) {                             \
    for (int64_t i = 0; i < n; ++i)                                                     \
      for (int ch = 0; ch < count; ++ch) y[ch * y_step + i] = x[i * count + ch];        \
  }
FEW_CHANNELS(uint8_t)
FEW_CHANNELS(uint16_t)
FEW_CHANNELS(uint32_t)
FEW_CHANNELS(uint64_t)

/* n columns of x become n rows of y, `rows` elements each. Whole squares go by way of blocks of 4 x 4
   in registers, which took half the time for images of 112 x 112 x 64 floats. */
#define SQUARE(T)                                                                       \
  static void square_##T(const T* x, int64_t x_step, T* y, int64_t y_step, int64_t n,   \
                         int64_t rows) {                                                \
    if (y_step == rows && rows <= FEW) {                                                \
      if (rows == 2) join_##T(x, x_step, y, n, 2);                                      \
      else if (rows == 3) join_##T(x, x_step, y, n, 3);                                 \
      else join_##T(x, x_step, y, n, 4);                                                \
      return;                                                                           \
    }                                                                                   \
    if (x_step == n && n <= FEW) {                                                      \
      if (n == 2) part_##T(x, y, y_step, rows, 2);                                      \
      else if (n == 3) part_##T(x, y, y_step, rows, 3);                                 \
      else part_##T(x, y, y_step, rows, 4);                                             \
      return;                                                                           \
    }                                                                                   \
    if (n != SIDE || rows != SIDE) {                                                    \
      for (int64_t a = 0; a < n; ++a)                                                   \
        for (int64_t b = 0; b < rows; ++b) y[a * y_step + b] = x[b * x_step + a];       \
      return;                                                                           \
    }                                                                                   \
    for (int64_t a = 0; a < SIDE; a += 4)                                               \
      for (int64_t b = 0; b < SIDE; b += 4) {                                           \
        T block[4][4];                                                                  \
        for (int i = 0; i < 4; ++i)                                                     \
          memcpy(block[i], x + (b + i) * x_step + a, sizeof block[i]);                  \
        for (int i = 0; i < 4; ++i) {                                                   \
          const T row[4] = {block[0][i], block[1][i], block[2][i], block[3][i]};        \
          memcpy(y + (a + i) * y_step + b, row, sizeof row);                            \
        }                                                                               \
      }                                                                                 \
  }
SQUARE(uint8_t)
SQUARE(uint16_t)
SQUARE(uint32_t)
SQUARE(uint64_t)

/* Parts are strips of `strip` elements along the contiguous axis of x. */
static void strips(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  bt_walk w = j->walk;
  (void)thread;
  const int64_t per_row = (j->side + j->strip - 1) / j->strip, step = w.inner_stride[X];
  const int64_t height = j->side <= FEW && step == j->side ? w.inner : SIDE;
  for (int64_t s = begin; s < end; ++s) {
    bt_walk_seek(&w, s / per_row);
    const int64_t first = s % per_row * j->strip;
    const int64_t n = first + j->strip < j->side ? j->strip : j->side - first;
    for (int64_t r = 0; r < w.inner; r += height) {
      const int64_t rows = r + height < w.inner ? height : w.inner - r;
      const void* x = j->x + (w.offset[X] + first + r * step) * j->element;
      void* y = j->y + (w.offset[Y] + first * j->side_step + r) * j->element;
      switch (j->element) {
        case 1: square_uint8_t(x, step, y, j->side_step, n, rows); break;
        case 2: square_uint16_t(x, step, y, j->side_step, n, rows); break;
        case 4: square_uint32_t(x, step, y, j->side_step, n, rows); break;
        default: square_uint64_t(x, step, y, j->side_step, n, rows); break;
      }
    }
  }
}

/* Rows that are as long as one element of 2, 4 or 8 bytes, such as the two coordinates of a point,
   become such elements: what was the axis outside of them is the row then. */
static void take_larger_elements(job* j) {
  const bt_walk outer = j->walk;
  const int64_t n = outer.inner, size = n * j->element;
  if (n < 2 || outer.inner_stride[X] != 1 || outer.inner_stride[Y] != 1) return;
  if ((size != 2 && size != 4 && size != 8) || ((uintptr_t)j->x | (uintptr_t)j->y) % (size_t)size)
    return;
  int64_t strides[2][BT_MAX_RANK];
  for (int d = 0; d < outer.rank; ++d)
    for (int k = X; k <= Y; ++k) {
      if (outer.stride[k][d] % n) return;
      strides[k][d] = outer.stride[k][d] / n;
    }
  j->element = size;
  bt_walk_begin(&j->walk, outer.rank, outer.dims, 2, strides);
}

void bt_move(bt_call* c, int rank, const int64_t* dims, const void* x, const int64_t* x_strides,
             void* y, const int64_t* y_strides, size_t element) {
  job j = {.x = x, .y = y, .element = (int64_t)element};
  int64_t strides[2][BT_MAX_RANK];
  for (int d = 0; d < rank; ++d) {
    strides[X][d] = x_strides[d];
    strides[Y][d] = y_strides[d];
  }
  bt_walk_begin(&j.walk, rank, dims, 2, strides);
  const bt_walk* w = &j.walk;
  if (w->rows == 0) return;
  take_larger_elements(&j);
  const int64_t row_bytes = w->inner * j.element;
  if (make_squares(&j))
    bt_parallel(c, w->rows * ((j.side + j.strip - 1) / j.strip),
                1 + GRAIN / (j.strip * row_bytes), strips, &j);
  else if (w->rows == 1)
    bt_parallel(c, w->inner, GRAIN / j.element, rows, &j);
  else
    bt_parallel(c, w->rows, 1 + GRAIN / row_bytes, rows, &j);
}

#define FILL(T)                                                   \
  {                                                               \
    T v;                                                          \
    memcpy(&v, value, sizeof v);                                  \
    for (int64_t i = 0; i < n; ++i) ((T*)y)[i] = v;               \
  }
void bt_fill(void* y, const void* value, int64_t n, size_t element) {
  switch (element) {
    case 1: FILL(uint8_t) break;
    case 2: FILL(uint16_t) break;
    case 4: FILL(uint32_t) break;
    default: FILL(uint64_t) break;
  }
}
