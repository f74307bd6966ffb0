/* SPDX-License-Identifier: Apache-2.0
   Speed of the product kernels in one thread, for every table that this CPU can run.

     products_bench [--f32-peak GFLOPS] [--s8-peak GOPS] [table...]

   A multiply-add counts as two operations. With a peak, which has to come from a measurement on the
   same machine, results are given in percent of it as well. Operands are laid out as the runtime
   does it: rows by pointers, one panel of weights against a chunk of rows at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/kernels.h"

typedef struct shape {
  const char* what;
  int rows, cols, depth, taps;
} shape;

static const shape tiles[] = {
    {"1x1 convolution, 56x56, 24 -> 144", 3136, 144, 24, 1},
    {"1x1 convolution, 14x14, 96 -> 576", 196, 576, 96, 1},
    {"1x1 convolution, 14x14, 576 -> 96", 196, 96, 576, 1},
    {"1x1 convolution, 7x7, 960 -> 160", 49, 160, 960, 1},
    {"3x3 convolution, 56x56, 64 -> 64", 3136, 64, 64, 9},
    {"3x3 convolution, 14x14, 256 -> 256", 196, 256, 256, 9},
    {"first layer, patches of 27 -> 32", 12544, 32, 27, 1},
    {"transformer, 128 x 384 -> 1536", 128, 1536, 384, 1},
    {"transformer, 128 x 1536 -> 384", 128, 384, 1536, 1},
    {"attention, 128 x 32 -> 128", 128, 128, 32, 1},
    {"one row, 1280 -> 1000", 1, 1000, 1280, 1},
};

/* rows: pixels, cols: channels */
static const shape depthwise[] = {
    {"depthwise 3x3, 56x56, 144", 3136, 144, 1, 9},
    {"depthwise 3x3, 14x14, 576", 196, 576, 1, 9},
    {"depthwise 3x3, 7x7, 960", 49, 960, 1, 9},
    {"depthwise 5x5, 14x14, 240", 196, 240, 1, 25},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))
enum { CHUNK_BYTES = 192 * 1024, CHUNK_TILES = 48 };

typedef struct work {
  const bt_kernels* k;
  shape s;
  int s8;
  void *a, *w, *c;
  const void** rows; /* of `a`, tile by tile, tap by tap */
  float* scale;
  size_t panel;
  int32_t* at; /* depthwise: of each tap */
} work;

static void* need(size_t bytes) {
  void* p = aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (!p) {
    fprintf(stderr, "products_bench: out of memory\n");
    exit(1);
  }
  return p;
}

/* Bytes of a value of the left operand. */
static int element(const bt_kernels* k, int s8) { return s8 ? k->s8_bytes : 4; }

static void fill(void* to, size_t n, int s8) {
  unsigned state = 1;
  for (size_t i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    const int v = (int)(state >> 24) - 128;
    if (s8)
      ((int8_t*)to)[i] = (int8_t)v;
    else
      ((float*)to)[i] = (float)v / 128;
  }
}

static int height(const work* x) { return x->s8 ? x->k->s8_mr : x->k->f32_mr; }
static int width(const work* x) { return x->s8 ? x->k->s8_nr : x->k->f32_nr; }

/* Neighbouring rows, shifted by one per tap: about what a convolution reads. */
static void point_rows(work* x) {
  const int mr = height(x), tiles_down = (x->s.rows + mr - 1) / mr;
  const size_t size = (size_t)element(x->k, x->s8);
  const void** to = x->rows;
  for (int i = 0; i < tiles_down; ++i)
    for (int tap = 0; tap < x->s.taps; ++tap)
      for (int r = 0; r < mr; ++r) {
        int row = i * mr + r;
        if (row >= x->s.rows) row = x->s.rows - 1;
        row = (row + tap) % x->s.rows;
        *to++ = (const char*)x->a + (size_t)row * (size_t)x->s.depth * size;
      }
}

static int least(int a, int b) { return a < b ? a : b; }

/* Tiles first..last of one panel. What does not change from tile to tile is written once: gcc 12
   builds a whole argument with vector instructions, which wait behind those of the last tile and
   cost a third of the speed where depth is small. */
static void run_panel_f32(const work* x, int panel, int first, int last) {
  const int mr = x->k->f32_mr, nr = x->k->f32_nr, col = panel * nr;
  bt_tile_f32 t = {.cols = least(x->s.cols - col, nr),
                   .depth = x->s.depth,
                   .taps = x->s.taps,
                   .w = (const float*)(const void*)((const char*)x->w + (size_t)panel * x->panel),
                   .c_stride = x->s.cols,
                   .lo = -1e9f,
                   .hi = 1e9f};
  for (int i = first; i < last; ++i) {
    t.rows = least(x->s.rows - i * mr, mr);
    t.a = (const float* const*)x->rows + (ptrdiff_t)i * mr * x->s.taps;
    t.c = (float*)x->c + (ptrdiff_t)i * mr * x->s.cols + col;
    x->k->tile_f32(&t);
  }
}

static void run_panel_s8(const work* x, int panel, int first, int last) {
  const int mr = x->k->s8_mr, nr = x->k->s8_nr, col = panel * nr;
  bt_tile_s8 t = {.cols = least(x->s.cols - col, nr),
                  .depth = x->s.depth,
                  .taps = x->s.taps,
                  .w = (const char*)x->w + (size_t)panel * x->panel,
                  .c_stride = x->s.cols,
                  .scale = x->scale + col,
                  .zero = 3,
                  .lo = -128,
                  .hi = 127,
                  .store = BT_STORE_S8};
  for (int i = first; i < last; ++i) {
    t.rows = least(x->s.rows - i * mr, mr);
    t.a = (const int8_t* const*)x->rows + (ptrdiff_t)i * mr * x->s.taps;
    t.c = (int8_t*)x->c + (ptrdiff_t)i * mr * x->s.cols + col;
    x->k->tile_s8(&t);
  }
}

static void run_tiles(const work* x) {
  const int mr = height(x), nr = width(x);
  const int down = (x->s.rows + mr - 1) / mr, across = (x->s.cols + nr - 1) / nr;
  const int bytes = mr * x->s.taps * x->s.depth * element(x->k, x->s8);
  const int fitting = least(CHUNK_BYTES / bytes, CHUNK_TILES), chunk = fitting < 1 ? 1 : fitting;
  for (int first = 0; first < down; first += chunk)
    for (int panel = 0; panel < across; ++panel) {
      const int last = least(first + chunk, down);
      if (x->s8)
        run_panel_s8(x, panel, first, last);
      else
        run_panel_f32(x, panel, first, last);
    }
}

/* Windows of square kernels over one long line, with the rows of the window one image line apart. */
static void run_depthwise(const work* x) {
  enum { PIXELS = 32 };
  int width = 1;
  while (width * width < x->s.taps) ++width;
  for (int p = 0; p < x->s.rows; p += PIXELS) {
    const int n = x->s.rows - p < PIXELS ? x->s.rows - p : PIXELS;
    const void* const* a = x->rows + p;
    const size_t at = (size_t)p * (size_t)x->s.cols;
    if (x->s8)
      x->k->dw_s8(&(bt_dw_s8){.pixels = n,
                              .channels = x->s.cols,
                              .taps = x->s.taps,
                              .width = width,
                              .step = 1,
                              .at = x->at,
                              .a = (const int8_t* const*)a,
                              .w = x->w,
                              .c = (int8_t*)x->c + at,
                              .c_stride = x->s.cols,
                              .scale = x->scale,
                              .zero = 3,
                              .lo = -128,
                              .hi = 127});
    else
      x->k->dw_f32(&(bt_dw_f32){.pixels = n,
                                .channels = x->s.cols,
                                .taps = x->s.taps,
                                .width = width,
                                .step = 1,
                                .at = x->at,
                                .a = (const float* const*)a,
                                .w = x->w,
                                .c = (float*)x->c + at,
                                .c_stride = x->s.cols,
                                .lo = -1e9f,
                                .hi = 1e9f});
  }
}

/* Giga-operations per second of CPU time: the best of ten batches of about 20 ms. */
static double measure(const work* x, void (*run)(const work*)) {
  const double ops = 2.0 * x->s.rows * x->s.cols * x->s.depth * x->s.taps;
  double best = 0;
  int repeat = 1;
  for (int batch = 0; batch < 10;) {
    const clock_t begin = clock();
    for (int i = 0; i < repeat; ++i) run(x);
    const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    if (seconds < 0.01) {
      repeat *= 2;
      continue;
    }
    const double rate = ops * repeat / seconds / 1e9;
    if (rate > best) best = rate;
    ++batch;
  }
  return best;
}

static double bench_tile(const bt_kernels* k, const shape* s, int s8) {
  work x = {.k = k, .s = *s, .s8 = s8};
  const size_t size = s8 ? 1 : 4, depth = (size_t)(s->depth * s->taps), cols = (size_t)s->cols;
  x.a = need((size_t)s->rows * (size_t)s->depth * (size_t)element(k, s8));
  x.c = need((size_t)s->rows * cols * size);
  x.rows = need(((size_t)s->rows + BT_MR_MAX) * (size_t)s->taps * sizeof *x.rows);
  x.scale = need((cols + BT_NR_MAX) * sizeof *x.scale);
  void* weights = need(cols * depth * size);
  fill(x.a, (size_t)s->rows * (size_t)s->depth * (size_t)element(k, s8) / size, s8);
  fill(weights, cols * depth, s8);
  for (size_t i = 0; i < cols + BT_NR_MAX; ++i) x.scale[i] = 1e-4f;
  const ptrdiff_t stride = (ptrdiff_t)depth;
  if (s8) {
    x.panel = bt_panel_s8(k, s->taps, s->depth);
    x.w = need(bt_pack_s8(k, s->cols, s->taps, s->depth, NULL, 0, 0, NULL, 0, NULL));
    bt_pack_s8(k, s->cols, s->taps, s->depth, weights, stride, 1, NULL, 5, x.w);
  } else {
    x.panel = bt_panel_f32(k, (int)depth);
    x.w = need(bt_pack_f32(k, s->cols, (int)depth, NULL, 0, 0, NULL, NULL));
    bt_pack_f32(k, s->cols, (int)depth, weights, stride, 1, NULL, x.w);
  }
  point_rows(&x);
  const double rate = measure(&x, run_tiles);
  free(weights), free(x.a), free(x.c), free(x.w), free(x.rows), free(x.scale);
  return rate;
}

static double bench_depthwise(const bt_kernels* k, const shape* s, int s8) {
  work x = {.k = k, .s = *s, .s8 = s8};
  const size_t size = s8 ? 1 : 4, taps = (size_t)s->taps, cols = (size_t)s->cols;
  const size_t image = (size_t)s->rows * cols;
  x.a = need(image * size);
  x.c = need(image * size);
  int side = 1;
  while (side * side < s->taps) ++side;
  const size_t line = (size_t)s->rows + (size_t)side;
  x.rows = need(line * (size_t)side * sizeof *x.rows);
  x.at = need(taps * sizeof *x.at);
  x.scale = need(cols * sizeof *x.scale);
  void* weights = need(cols * taps * size);
  fill(x.a, image, s8);
  fill(weights, cols * taps, s8);
  for (size_t i = 0; i < cols; ++i) x.scale[i] = 1e-2f;
  x.w = need(s8 ? bt_pack_dw_s8(k, s->cols, s->taps, NULL, NULL, 0, NULL)
                : bt_pack_dw_f32(k, s->cols, s->taps, NULL, NULL, NULL));
  if (s8)
    bt_pack_dw_s8(k, s->cols, s->taps, weights, NULL, 5, x.w);
  else
    bt_pack_dw_f32(k, s->cols, s->taps, weights, NULL, x.w);
  for (size_t i = 0; i < line * (size_t)side; ++i)
    x.rows[i] = (const char*)x.a + (i % line + i / line * 56) % (size_t)s->rows * cols * size;
  for (size_t t = 0; t < taps; ++t)
    x.at[t] = (int32_t)(t / (size_t)side * line + t % (size_t)side);
  const double rate = measure(&x, run_depthwise);
  free(weights), free(x.a), free(x.c), free(x.w), free(x.rows), free(x.scale), free(x.at);
  return rate;
}

static void print_rate(double rate, double peak) {
  printf("  %8.1f", rate);
  if (peak > 0) printf(" %3.0f %%", 100 * rate / peak);
}

static void bench_table(const bt_kernels* k, double f32_peak, double s8_peak) {
  printf("%s: tiles of floats %d x %d, of bytes %d x %d x %d\n", k->name, k->f32_mr, k->f32_nr,
         k->s8_mr, k->s8_nr, k->s8_kr);
  printf("  %-36s%s%s\n", "", f32_peak > 0 ? "   GFLOP/s       " : "   GFLOP/s", "     GOP/s");
  for (int i = 0; i < COUNT(tiles) + COUNT(depthwise); ++i) {
    const int is_tile = i < COUNT(tiles);
    const shape* s = is_tile ? &tiles[i] : &depthwise[i - COUNT(tiles)];
    printf("  %-36s", s->what);
    print_rate(is_tile ? bench_tile(k, s, 0) : bench_depthwise(k, s, 0), f32_peak);
    print_rate(is_tile ? bench_tile(k, s, 1) : bench_depthwise(k, s, 1), s8_peak);
    printf("\n");
    fflush(stdout);
  }
}

int main(int argc, char** argv) {
  double f32_peak = 0, s8_peak = 0;
  int named = 0;
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "--f32-peak") && i + 1 < argc) {
      f32_peak = atof(argv[++i]);
    } else if (!strcmp(argv[i], "--s8-peak") && i + 1 < argc) {
      s8_peak = atof(argv[++i]);
    } else {
      const bt_kernels* k = bt_kernels_named(argv[i]);
      if (!k) {
        fprintf(stderr, "products_bench: no table \"%s\" on this machine\n", argv[i]);
        return 2;
      }
      bench_table(k, f32_peak, s8_peak);
      named = 1;
    }
  }
  for (int i = 0; !named && bt_kernels_at(i); ++i) bench_table(bt_kernels_at(i), f32_peak, s8_peak);
  return 0;
}
