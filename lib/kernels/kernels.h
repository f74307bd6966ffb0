/* SPDX-License-Identifier: Apache-2.0
   The kernels: a table of function pointers for each instruction set.

   Every table computes the same bits (docs/numerics.md). What makes that possible:
   - An element of a float product is one chain of fused multiply-adds, started from the bias, over
     (tap, k) in increasing order. Tables differ in how many elements they compute at a time, never
     in the order inside one.
   - Integer sums are exact in int32, and wrap around where they do not fit; no instruction that
     saturates in 16 bits is used.
   - Functions (exp, tanh, ...) are our own polynomials; sums of a contiguous row use 16 interleaved
     chains joined in a fixed tree.
   The scalar table is complete and is the specification; a faster one copies it and replaces what
   it improves. */
#ifndef BANTAM_KERNELS_KERNELS_H_
#define BANTAM_KERNELS_KERNELS_H_
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- products: matrix product and convolution ---- */

#define BT_MR_MAX 16 /* no table has taller tiles */
#define BT_NR_MAX 64 /* nor wider ones */

/* What will be read soon. While a tile is computed the kernel may ask for the line at `at`, and go
   `step` bytes on with every row of weights. Any addresses. */
typedef struct bt_soon {
  uintptr_t at;
  ptrdiff_t step;
} bt_soon;

/* One tile of a float product, up to mr rows by nr columns:
     c[r][j] = clamp(bias[j] + sum over t, k of a[t * mr + r][k] * w[t][k][j], lo, hi)
   Rows are output pixels (or rows of the left matrix), columns output channels. `a` holds taps * mr
   pointers, all of them readable: where rows < mr, a valid row is repeated. `w` is one panel made
   by bt_pack_f32: nr bias values, then taps * depth rows of nr weights. NaN passes the clamp. */
typedef struct bt_tile_f32 {
  int rows, cols, depth, taps;
  const float* const* a;
  const float* w;
  float* c;
  ptrdiff_t c_stride; /* elements from one row of c to the next */
  float lo, hi;
  bt_soon soon;
} bt_tile_f32;

/* What becomes of an int32 sum. The last three finish sums beside 16-bit values: see bt_finish. */
typedef enum bt_store {
  BT_STORE_S8 = 0, /* clamp(rint(clamp(float(sum) * scale[j], lo - zero, hi - zero))) + zero */
  BT_STORE_S32,    /* the sum */
  BT_STORE_F32,    /* float(sum) * scale[j] */
  BT_FINISH_S8,
  BT_FINISH_S16,
  BT_FINISH_F32
} bt_store;
static inline size_t bt_store_bytes(bt_store s) {
  return s == BT_STORE_S8 || s == BT_FINISH_S8 ? 1 : s == BT_FINISH_S16 ? 2 : 4;
}

/* Makes values of sums, which fit in a double exactly, as do all numbers on the way to them:
     s = low[r][j] + start[j], or 256 * high[r][j] + low[r][j] + start[j] where there is a high
     y[r][j] = rint(clamp(s * scale[j], lo - zero, hi - zero)) + zero, or float(s * scale[j])
   start may be NULL (0), but not beside a high. The strides count elements. */
typedef struct bt_finish {
  bt_store store; /* BT_FINISH_... */
  const int32_t *low, *high;
  ptrdiff_t sum_stride;
  const double* start;
  const float* scale;
  int32_t zero, lo, hi;
  void* y;
  ptrdiff_t y_stride;
} bt_finish;
typedef void (*bt_finish_fn)(const bt_finish* f, int rows, int cols);

/* One tile of an integer product. `depth` counts values; a panel of bt_pack_s8 holds nr int32 sums
   to start from, then taps * ceil(depth / kr) groups of nr * kr weights. Where the table has a
   prepare_s8, `a` points to rows made by it.
   A product that is finished in double takes a 16-bit operand either as it is, where s8_bytes is 2
   and no sum can pass 32 bits; or as two planes of bytes, x = 256 * high + low + 128 (split_s16):
   the rows of `a` are then, in turns, of the low bytes and of the high ones, and two of them become
   one row of c. */
typedef struct bt_tile_s8 {
  int rows, cols, depth, taps;
  const int8_t* const* a;
  const void* w;
  void* c;
  ptrdiff_t c_stride; /* elements of the stored type */
  const float* scale; /* nr factors; not read by BT_STORE_S32 */
  int32_t zero, lo, hi;
  bt_store store;
  bt_soon soon; /* a row of weights is a group */
  /* read where a sum is finished: */
  int planes;          /* 1, or 2: an even number of rows */
  const double* start; /* of every column, or NULL */
  bt_finish_fn finish; /* the table's */
} bt_tile_s8;

/* A run of output pixels of a depthwise convolution:
     c[p][ch] = clamp(bias[ch] + sum over t of a[p * step + at[t]][ch] * w[t][ch], lo, hi)
   `a` points to the pixels of the image that the run reads, so that windows which overlap share
   pointers; at[t] is where the first window has its tap t. `w` is made by bt_pack_dw_f32: for every
   block of dw_nr channels dw_nr bias values, then taps rows of dw_nr weights. Where `width` is not
   0, the window has rows of that many taps whose pointers are neighbours: at[t + 1] = at[t] + 1
   inside a row. Square windows of 9 and 25 taps with a step of 1 or 2 load a value once for all
   pixels of the run that it serves. */
typedef struct bt_dw_f32 {
  int pixels, channels, taps, width, step;
  const int32_t* at;
  const float* const* a;
  const float* w;
  float* c;
  ptrdiff_t c_stride;
  float lo, hi;
} bt_dw_f32;

typedef struct bt_dw_s8 {
  int pixels, channels, taps, width, step;
  const int32_t* at;
  const int8_t* const* a;
  const void* w; /* made by bt_pack_dw_s8 */
  int8_t* c;
  ptrdiff_t c_stride;
  const float* scale; /* one factor per channel */
  int32_t zero, lo, hi;
} bt_dw_s8;

/* The same on 16-bit values without a zero point. A product is below 2^22, and so the sums of as
   many taps as are allowed fit in 32 bits. */
#define BT_DW_S16_TAPS 512 /* at most */
#define BT_DW_PIXELS 64    /* nor has a run more of them */
typedef struct bt_dw_s16 {
  int pixels, channels, taps, width, step;
  const int32_t* at;
  const int16_t* const* a;
  const void* w;     /* made by bt_pack_dw_s16 */
  bt_finish finish;  /* of all channels and pixels; low, high and sum_stride are not read */
  bt_finish_fn rows; /* the table's finish */
} bt_dw_s16;

/* ---- functions of one value, and of two ----

   Rows: n may be 0, nothing needs alignment. An output may be one of the inputs, at the same
   address and of the same type; otherwise they must not overlap. A result that is NaN has no
   promised sign or payload: processors differ in which one an operation hands on. */

typedef enum bt_unary {
  BT_EXP = 0,
  BT_LOG,
  BT_TANH,
  BT_SIGMOID,
  BT_ERF,
  BT_GELU,      /* x/2 * (1 + erf(x / sqrt 2)) */
  BT_GELU_TANH, /* x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) */
  BT_SILU,      /* x * sigmoid(x) */
  BT_SQRT,
  BT_RELU, /* -0 and NaN stay */
  BT_ABS,
  BT_NEG,
  BT_RECIPROCAL,
  BT_SQUARE,
  BT_HARD_SWISH, /* x * clamp(x/6 + 1/2, 0, 1) */
  BT_UNARY_COUNT
} bt_unary;
typedef void (*bt_unary_fn)(const float* x, float* y, size_t n);

/* MIN and MAX return NaN if either operand is NaN, and b if the operands are equal (-0 and +0). */
typedef enum bt_binary {
  BT_ADD = 0,
  BT_SUB,
  BT_MUL,
  BT_DIV,
  BT_MIN,
  BT_MAX,
  BT_BINARY_COUNT
} bt_binary;
/* Which operand is one number for the whole run. */
typedef enum bt_operand { BT_BOTH = 0, BT_A_ONE = 1, BT_B_ONE = 2 } bt_operand;
typedef void (*bt_binary_fn)(const float* a, const float* b, float* y, size_t n, bt_operand one);

/* ---- quantized rows ----

   Zero points, lo and hi lie in -128..127, factors are finite. rint rounds half to even. */

/* Sum of two quantized rows (XNNPACK's rule): with factors in units of 2^-shift,
     y = clamp((sum >> shift) + zero, lo, hi)
     sum = (a - a_zero) * a_factor + (b - b_zero) * b_factor + 2^(shift - 1)
   |factors| <= 2^21 and 1 <= shift <= 30, so that the sum fits in 32 bits. */
typedef struct bt_add_s8 {
  int32_t a_zero, b_zero, a_factor, b_factor, shift, zero, lo, hi;
} bt_add_s8;

/* ---- the table ---- */

typedef struct bt_kernels {
  const char* name;
  /* products */
  int f32_mr, f32_nr;
  void (*tile_f32)(const bt_tile_f32* t);
  int s8_mr, s8_nr, s8_kr;
  int s8_bias; /* what prepare_s8 adds to every byte of `a` (128: unsigned bytes are multiplied) */
  void (*tile_s8)(const bt_tile_s8* t);
  /* Not NULL: tile_s8 takes rows made by this of n bytes: s8_bytes for each value, and as many more
     as make the last group of s8_kr whole. Done once for a row, it costs less than in every tile
     that the row takes part in. */
  void (*prepare_s8)(const int8_t* from, void* to, int n);
  int s8_bytes; /* 1, or 2: rows are 16-bit values, and may be those of a 16-bit operand */
  int dw_nr;    /* of floats */
  void (*dw_f32)(const bt_dw_f32* d);
  int dw_s8_nr, dw_s8_kr, dw_s8_bias;
  void (*dw_s8)(const bt_dw_s8* d);
  int dw_s16_nr, dw_s16_kr;
  void (*dw_s16)(const bt_dw_s16* d);
  /* For measurements: float multiply-adds in registers alone, which nothing but the CPU holds up;
     returns how many were done. Of bytes s8_peak times as many can be done in the same time. */
  double (*peak_f32)(int rounds);
  int s8_peak;
  /* rows of floats */
  bt_unary_fn unary[BT_UNARY_COUNT];
  bt_binary_fn binary[BT_BINARY_COUNT];
  void (*clamp)(const float* x, float* y, size_t n, float lo, float hi); /* NaN stays */
  /* Sums: element i belongs to chain i % 16, chains start at 0 and add in order; they are joined
     by halves (chain j with j + 8, then j + 4, j + 2, j + 1). */
  float (*sum)(const float* x, size_t n);
  float (*sum_square)(const float* x, size_t n, float mean); /* d = x - mean: fma(d, d, chain) */
  float (*sum_exp)(float* y, const float* x, size_t n, float max); /* y = exp(x - max); its sum */
  float (*max_of)(const float* x, size_t n); /* NaN if there is one; -inf if n is 0 */
  /* fma((x - mean) * factor, gain, shift); gain may be NULL (1), shift too (0). */
  void (*scale_shift)(const float* x, float* y, size_t n, float mean, float factor,
                      const float* gain, const float* shift);
  /* rows of quantized values */
  /* rint(clamp(x * inverse_scale, -128 - zero, 127 - zero)) + zero; NaN becomes zero */
  void (*quantize)(const float* x, int8_t* y, size_t n, float inverse_scale, int32_t zero);
  void (*dequantize)(const int8_t* x, float* y, size_t n, float scale, int32_t zero);
  /* rint(clamp(float(x - in_zero) * factor, -128 - zero, 127 - zero)) + zero */
  void (*requantize)(const int8_t* x, int8_t* y, size_t n, float factor, int32_t in_zero,
                     int32_t zero);
  /* table[x + 128] */
  void (*table_s8)(const int8_t* x, int8_t* y, size_t n, const int8_t table[256]);
  void (*add_s8)(const int8_t* a, const int8_t* b, int8_t* y, size_t n, bt_operand one,
                 const bt_add_s8* p);
  /* rint(clamp(float((a - a_zero) * (b - b_zero)) * factor, lo - zero, hi - zero)) + zero */
  void (*mul_s8)(const int8_t* a, const int8_t* b, int8_t* y, size_t n, bt_operand one,
                 int32_t a_zero, int32_t b_zero, float factor, int32_t zero, int32_t lo,
                 int32_t hi);
  /* The largest of y and `count` rows, one after the other: y = max(a[r], y), or BT_MAX(a[r], y) */
  void (*max_s8)(const int8_t* const* a, int count, int8_t* y, size_t n);
  void (*max_f32)(const float* const* a, int count, float* y, size_t n);
  /* 16-bit values; quantize and dequantize as for bytes; split: x = 256 * high + low + 128 */
  void (*quantize_s16)(const float* x, int16_t* y, size_t n, float inverse_scale, int32_t zero);
  void (*dequantize_s16)(const int16_t* x, float* y, size_t n, float scale, int32_t zero);
  void (*split_s16)(const int16_t* x, int8_t* low, int8_t* high, size_t n);
  bt_finish_fn finish;
} bt_kernels;

/* The best table that this CPU can run; never NULL. */
const bt_kernels* bt_kernels_best(void);
/* A table by name; NULL where the name is unknown or this CPU (or this build) cannot run it. */
const bt_kernels* bt_kernels_named(const char* name);
/* The i-th table that this CPU can run, from plain to fast; NULL behind the last. */
const bt_kernels* bt_kernels_at(int i);
/* Every name that any build knows; NULL behind the last. */
const char* bt_kernels_known(int i);

/* ---- packing ---- */

/* Weight (output channel o, row index r of taps * depth) lies at w[o * o_stride + r * r_stride].
   Returns bytes needed for `out` (64-byte aligned) where out is NULL. `bias` may be NULL. */
size_t bt_pack_f32(const bt_kernels* k, int outputs, int rows, const float* w, ptrdiff_t o_stride,
                   ptrdiff_t r_stride, const float* bias, float* out);
/* `rows` is split into taps rows of depth. The starting sum of column o is
   bias[o] - (a_zero + s8_bias) * (sum of its weights), so that the kernel can add raw bytes. */
size_t bt_pack_s8(const bt_kernels* k, int outputs, int taps, int depth, const int8_t* w,
                  ptrdiff_t o_stride, ptrdiff_t r_stride, const int32_t* bias, int32_t a_zero,
                  void* out);
/* Depthwise: the weight of channel c, tap t lies at w[c * taps + t]. */
size_t bt_pack_dw_f32(const bt_kernels* k, int channels, int taps, const float* w,
                      const float* bias, float* out);
/* For every block: dw_s8_nr int32 to start from, then ceil(taps / kr) groups of nr * kr weights.
   Place q * (nr / kr) + 4 l + i of a block (q < kr, i < 4) is its channel 4 (kr l + q) + i: vector
   kernels interleave the bytes of kr taps inside 128 bits. */
size_t bt_pack_dw_s8(const bt_kernels* k, int channels, int taps, const int8_t* w,
                     const int32_t* bias, int32_t a_zero, void* out);
size_t bt_pack_dw_s16(const bt_kernels* k, int channels, int taps, const int8_t* w, void* out);
/* Bytes of one panel, to step from one to the next. */
size_t bt_panel_f32(const bt_kernels* k, int rows);
size_t bt_panel_s8(const bt_kernels* k, int taps, int depth);

#ifdef __cplusplus
}
#endif
#endif
