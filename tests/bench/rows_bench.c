/* SPDX-License-Identifier: Apache-2.0
   Elements per nanosecond of every row function in every table that this CPU can run.

   usage: rows_bench [elements]     default 4096: two or three rows lie in the first-level cache

   Each figure is the best of several runs of about a millisecond; noise only ever slows a run. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/kernels.h"

typedef struct rows {
  size_t n;
  float *x, *z, *y;
  int8_t *a, *b, *c;
  int8_t table[256];
} rows;

static double seconds(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- what is measured: one call over a whole row ---- */

typedef void (*row_call)(const bt_kernels* k, rows* r, int which);

/* Results that nothing reads would let a compiler drop the call. */
static volatile float sink;

static void call_unary(const bt_kernels* k, rows* r, int f) { k->unary[f](r->x, r->y, r->n); }
static void call_binary(const bt_kernels* k, rows* r, int f) {
  k->binary[f](r->x, r->z, r->y, r->n, BT_BOTH);
}
static void call_in_place(const bt_kernels* k, rows* r, int f) {
  k->binary[f](r->y, r->z, r->y, r->n, BT_BOTH);
}
static void call_clamp(const bt_kernels* k, rows* r, int f) {
  (void)f;
  k->clamp(r->x, r->y, r->n, 0.0f, 6.0f);
}
static void call_sum(const bt_kernels* k, rows* r, int f) {
  (void)f;
  sink = k->sum(r->x, r->n);
}
static void call_sum_square(const bt_kernels* k, rows* r, int f) {
  (void)f;
  sink = k->sum_square(r->x, r->n, 0.5f);
}
static void call_sum_exp(const bt_kernels* k, rows* r, int f) {
  (void)f;
  sink = k->sum_exp(r->y, r->x, r->n, 4.0f);
}
static void call_max_of(const bt_kernels* k, rows* r, int f) {
  (void)f;
  sink = k->max_of(r->x, r->n);
}
static void call_scale_shift(const bt_kernels* k, rows* r, int f) {
  (void)f;
  k->scale_shift(r->x, r->y, r->n, 0.5f, 2.0f, r->z, r->z);
}
static void call_max_f32(const bt_kernels* k, rows* r, int f) {
  (void)f;
  const float* a[3] = {r->x, r->z, r->x};
  k->max_f32(a, 3, r->y, r->n);
}
static void call_quantize(const bt_kernels* k, rows* r, int f) {
  (void)f;
  k->quantize(r->x, r->c, r->n, 30.0f, 3);
}
static void call_dequantize(const bt_kernels* k, rows* r, int f) {
  (void)f;
  k->dequantize(r->a, r->y, r->n, 0.02f, 3);
}
static void call_requantize(const bt_kernels* k, rows* r, int f) {
  (void)f;
  k->requantize(r->a, r->c, r->n, 0.7f, 3, -5);
}
static void call_table(const bt_kernels* k, rows* r, int f) {
  (void)f;
  k->table_s8(r->a, r->c, r->n, r->table);
}
static void call_add_s8(const bt_kernels* k, rows* r, int f) {
  static const bt_add_s8 p = {3, -7, 1234567, 765432, 20, 5, -128, 127};
  k->add_s8(r->a, r->b, r->c, r->n, (bt_operand)f, &p);
}
static void call_mul_s8(const bt_kernels* k, rows* r, int f) {
  k->mul_s8(r->a, r->b, r->c, r->n, (bt_operand)f, 3, -7, 0.01f, 5, -128, 127);
}
static void call_max_s8(const bt_kernels* k, rows* r, int f) {
  (void)f;
  const int8_t* a[3] = {r->a, r->b, r->a};
  k->max_s8(a, 3, r->c, r->n);
}

static const struct {
  const char* name;
  row_call call;
  int which;
} cases[] = {
    {"exp", call_unary, BT_EXP},
    {"log", call_unary, BT_LOG},
    {"tanh", call_unary, BT_TANH},
    {"sigmoid", call_unary, BT_SIGMOID},
    {"erf", call_unary, BT_ERF},
    {"gelu", call_unary, BT_GELU},
    {"gelu_tanh", call_unary, BT_GELU_TANH},
    {"silu", call_unary, BT_SILU},
    {"sqrt", call_unary, BT_SQRT},
    {"relu", call_unary, BT_RELU},
    {"abs", call_unary, BT_ABS},
    {"neg", call_unary, BT_NEG},
    {"reciprocal", call_unary, BT_RECIPROCAL},
    {"square", call_unary, BT_SQUARE},
    {"hard_swish", call_unary, BT_HARD_SWISH},
    {"add", call_binary, BT_ADD},
    {"add in place", call_in_place, BT_ADD},
    {"mul", call_binary, BT_MUL},
    {"div", call_binary, BT_DIV},
    {"min", call_binary, BT_MIN},
    {"max", call_binary, BT_MAX},
    {"clamp", call_clamp, 0},
    {"sum", call_sum, 0},
    {"sum_square", call_sum_square, 0},
    {"sum_exp", call_sum_exp, 0},
    {"max_of", call_max_of, 0},
    {"scale_shift", call_scale_shift, 0},
    {"max_f32", call_max_f32, 0},
    {"quantize", call_quantize, 0},
    {"dequantize", call_dequantize, 0},
    {"requantize", call_requantize, 0},
    {"table_s8", call_table, 0},
    {"add_s8", call_add_s8, BT_BOTH},
    {"add_s8 one", call_add_s8, BT_B_ONE},
    {"mul_s8", call_mul_s8, BT_BOTH},
    {"mul_s8 one", call_mul_s8, BT_B_ONE},
    {"max_s8", call_max_s8, 0},
};

static double speed(const bt_kernels* k, rows* r, row_call call, int which) {
  size_t calls = 1;
  double best = 0.0;
  for (int run = 0; run < 9;) {
    const double start = seconds();
    for (size_t i = 0; i < calls; ++i) call(k, r, which);
    const double spent = seconds() - start;
    if (spent < 1e-3) {
      calls *= 2;
      continue;
    }
    const double rate = (double)r->n * (double)calls / (spent * 1e9);
    if (rate > best) best = rate;
    ++run;
  }
  return best;
}

int main(int argc, char** argv) {
  rows r = {0};
  r.n = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 4096;
  r.x = malloc(r.n * sizeof(float));
  r.z = malloc(r.n * sizeof(float));
  r.y = malloc(r.n * sizeof(float));
  r.a = malloc(r.n);
  r.b = malloc(r.n);
  r.c = malloc(r.n);
  if (r.n == 0 || !r.x || !r.y || !r.z || !r.a || !r.b || !r.c) return 1;
  uint32_t state = 1;
  for (size_t i = 0; i < r.n; ++i) {
    state = state * 1664525u + 1013904223u;
    r.x[i] = (float)(state >> 8) * 0x1p-21f - 4.0f; /* -4..4 */
    r.z[i] = (float)(state >> 9) * 0x1p-21f + 0.5f;
    r.y[i] = 0.0f;
    r.a[i] = (int8_t)(state >> 24);
    r.b[i] = (int8_t)(state >> 16);
    r.c[i] = 0;
  }
  for (int i = 0; i < 256; ++i) r.table[i] = (int8_t)(i * 7);

  printf("elements per nanosecond, rows of %zu\n%-14s", r.n, "");
  for (int t = 0; bt_kernels_at(t); ++t) printf("%12s", bt_kernels_at(t)->name);
  printf("\n");
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; ++c) {
    printf("%-14s", cases[c].name);
    for (int t = 0; bt_kernels_at(t); ++t)
      printf("%12.2f", speed(bt_kernels_at(t), &r, cases[c].call, cases[c].which));
    printf("\n");
  }
  free(r.x);
  free(r.z);
  free(r.y);
  free(r.a);
  free(r.b);
  free(r.c);
  return 0;
}
