/* SPDX-License-Identifier: Apache-2.0
   Driver of the product kernels. Rows are taken in chunks whose operands fit the second-level cache;
   for each chunk every panel of weights passes by once. */
#include "ops/shared/product.h"

#include "kernels/kernels.h"

#define CHUNK_BYTES ((size_t)256 * 1024)
#define CHUNK_TILES 48

static int planes(const bt_product* p) { return p->high ? 2 : 1; }
/* Rows of the result; of two planes the kernel takes twice as many rows of operands. */
static int tile_height(const bt_kernels* k, const bt_product* p) {
  return (p->s8 ? k->s8_mr : k->f32_mr) / planes(p);
}
static int tile_width(const bt_kernels* k, const bt_product* p) { return p->s8 ? k->s8_nr : k->f32_nr; }

int bt_product_panels(const bt_kernels* k, const bt_product* p) {
  const int nr = tile_width(k, p);
  return (p->cols + nr - 1) / nr;
}

static size_t round_up(size_t n) { return (n + 63) / 64 * 64; }

/* The kernel takes other rows than `fill` has. */
static int is_prepared(const bt_kernels* k, const bt_product* p) { return p->s8 && k->prepare_s8 && !p->ready; }

/* Tiles in a chunk. */
static int chunk_tiles(const bt_kernels* k, const bt_product* p) {
  const size_t mr = (size_t)tile_height(k, p);
  const size_t element = p->s8 ? (size_t)k->s8_bytes : 4, all = (size_t)p->taps * (size_t)p->depth * element;
  const int shared = p->row_bytes && p->row_bytes < all && !is_prepared(k, p); /* copies share nothing */
  const size_t bytes = mr * (size_t)planes(p) * (shared ? p->row_bytes : all);
  size_t tiles = bytes ? CHUNK_BYTES / bytes : CHUNK_TILES;
  if (tiles > CHUNK_TILES) tiles = CHUNK_TILES;
  const size_t needed = ((size_t)p->rows + mr - 1) / mr;
  if (tiles > needed) tiles = needed;
  return tiles < 1 ? 1 : (int)tiles;
}

/* Of one plane; those of a tile come first, behind them with two planes those of each. */
static size_t pointer_bytes(const bt_kernels* k, const bt_product* p) {
  return round_up((size_t)tile_height(k, p) * (size_t)p->taps * sizeof(void*));
}

/* A prepared row of n values. */
static size_t prepared_row(const bt_kernels* k, int64_t n) {
  const int64_t kr = k->s8_kr;
  return (size_t)((n + kr - 1) / kr * kr) * (size_t)k->s8_bytes;
}

static size_t prepared_bytes(const bt_kernels* k, const bt_product* p) {
  if (!is_prepared(k, p)) return 0;
  return round_up((size_t)(tile_height(k, p) * planes(p)) * (size_t)p->taps * prepared_row(k, p->depth));
}

static size_t tile_bytes(const bt_kernels* k, const bt_product* p) {
  const size_t plane = pointer_bytes(k, p) + round_up(p->room_bytes);
  return (p->high ? 2 * (plane + pointer_bytes(k, p)) : plane) + prepared_bytes(k, p);
}

size_t bt_product_scratch(const bt_kernels* k, const bt_product* p) {
  return (size_t)chunk_tiles(k, p) * tile_bytes(k, p);
}

void bt_dense_rows(const bt_product* p, int64_t first, int count, int mr, void* room,
                   const void** a) {
  (void)room;
  const size_t step = (size_t)p->a_stride * (p->wide ? 2 : p->s8 ? 1 : 4);
  const unsigned char* row = (const unsigned char*)p->a + (size_t)first * step;
  for (int r = 0; r < mr; ++r) {
    a[r] = row;
    if (r + 1 < count) row += step;
  }
}

/* All tiles of a chunk against one panel. The rows are spread evenly: seven times seven of them are
   tiles of 6 and 5, where eight full ones would leave a row over that costs as much as a tile. And
   by twos where that is possible, for tall tiles have no code of their own for odd heights. */
typedef struct tiles {
  const unsigned char* room; /* pointers of the first tile; `step` bytes to the next */
  size_t step;
  int64_t row; /* the first */
  int rows, count, mr;
} tiles;

static int tile_begin(const tiles* t, int i) {
  const unsigned together = t->mr % 2 ? 1 : 2, units = ((unsigned)t->rows + together - 1) / together;
  const int begin = (int)(units * (unsigned)i / (unsigned)t->count * together); /* at most 48 x 16 x 48 */
  return begin < t->rows ? begin : t->rows;
}

/* While the tiles of a panel are computed, each asks for a part of the next panel: weights come from
   memory as fast as they are needed only where all tiles wait for them, not the first alone. The
   CPU's own fetching stops at the end of every page. A lone tile asks for its own, a page ahead.
   `part` is how far the next tile begins. */
static bt_soon soon_of(const bt_product* p, const tiles* t, const void* w, int kr, uintptr_t* part) {
  const size_t rows = (size_t)p->taps * (size_t)((p->depth + kr - 1) / kr);
  const size_t row = rows ? (p->panel_bytes + rows - 1) / rows : 0, count = (size_t)t->count;
  *part = p->panel_bytes / count;
  return (bt_soon){(uintptr_t)w + (count > 1 ? p->panel_bytes : 4096), (ptrdiff_t)((row + count - 1) / count)};
}

/* The description is filled once and only what differs is changed from tile to tile: gcc builds a
   whole struct with vector stores that wait for the kernel's. */
static void panel_f32(const bt_kernels* k, const bt_product* p, const tiles* t, int col, int cols,
                      const void* w) {
  bt_tile_f32 tile = {.cols = cols, .depth = p->depth, .taps = p->taps, .w = w,
                      .c_stride = p->c_stride, .lo = p->lo, .hi = p->hi};
  uintptr_t part;
  tile.soon = soon_of(p, t, w, 1, &part);
  for (int i = 0, begin = 0; i < t->count; ++i, begin += tile.rows, tile.soon.at += part) {
    tile.rows = tile_begin(t, i + 1) - begin;
    tile.a = (const float* const*)(t->room + (size_t)i * t->step);
    tile.c = (float*)p->c + (ptrdiff_t)(t->row + begin) * p->c_stride + col;
    k->tile_f32(&tile);
  }
}

static void panel_s8(const bt_kernels* k, const bt_product* p, const tiles* t, int col, int cols,
                     const void* w) {
  const ptrdiff_t element = (ptrdiff_t)bt_store_bytes(p->store);
  bt_tile_s8 tile = {.cols = cols, .depth = p->depth, .taps = p->taps, .w = w,
                     .c_stride = p->c_stride, .scale = p->scale ? p->scale + col : NULL,
                     .zero = p->zero, .lo = p->q_lo, .hi = p->q_hi, .store = p->store,
                     .planes = planes(p), .start = p->start ? p->start + col : NULL,
                     .finish = k->finish};
  uintptr_t part;
  tile.soon = soon_of(p, t, w, k->s8_kr, &part);
  for (int i = 0, begin = 0; i < t->count; ++i, tile.soon.at += part) {
    const int end = tile_begin(t, i + 1);
    const ptrdiff_t at = (ptrdiff_t)(t->row + begin) * p->c_stride + col;
    tile.rows = (end - begin) * tile.planes;
    tile.a = (const int8_t* const*)(t->room + (size_t)i * t->step);
    tile.c = (unsigned char*)p->c + at * element;
    k->tile_s8(&tile);
    begin = end;
  }
}

/* How many rows from row r on follow each other in memory, also when they are prepared. */
static int run_of_rows(const bt_kernels* k, const bt_product* p, const void** a, int r, int rows) {
  int n = 1;
  if (p->depth % k->s8_kr != 0 || p->depth > 65536) return n;
  while (r + n < rows && (const int8_t*)a[r + n] == (const int8_t*)a[r] + (ptrdiff_t)n * p->depth) ++n;
  return n;
}

/* Replaces the rows of a tile by prepared copies. */
static void prepare_rows(const bt_kernels* k, const bt_product* p, int rows, int mr, void* room,
                         const void** a) {
  const size_t step = prepared_row(k, p->depth);
  unsigned char* to = room;
  for (int tap = 0; tap < p->taps; ++tap, a += mr) {
    for (int r = 0; r < rows;) {
      const int n = run_of_rows(k, p, a, r, rows);
      k->prepare_s8(a[r], to, n * p->depth);
      for (const int end = r + n; r < end; ++r, to += step) a[r] = to;
    }
    for (int r = rows; r < mr; ++r) a[r] = a[rows - 1];
  }
}

/* Rows that follow each other in memory are prepared as one. */
static int is_one_run(const bt_kernels* k, const bt_product* p) {
  return is_prepared(k, p) && p->fill == bt_dense_rows && !p->high && p->a_stride == p->depth &&
         p->depth % k->s8_kr == 0 && p->depth <= 65536;
}

static void prepare_run(const bt_kernels* k, const bt_product* p, int64_t first, int rows, int mr,
                        unsigned char* to, const void** a) {
  const size_t step = prepared_row(k, p->depth);
  k->prepare_s8((const int8_t*)p->a + first * p->a_stride, to, rows * p->depth);
  for (int r = 0; r < mr; ++r) a[r] = to + step * (size_t)(r < rows ? r : rows - 1);
}

/* The rows of both planes in turns. `room` begins with the pointers of the tile. */
static void fill_planes(const bt_product* p, int64_t first, int rows, int mr, size_t pointers,
                        unsigned char* room) {
  const void** tile = (const void**)room;
  unsigned char* own = room + 2 * pointers;
  for (int plane = 0; plane < 2; ++plane, own += pointers + round_up(p->room_bytes)) {
    const bt_product* of = plane ? p->high : p;
    const void** a = (const void**)own;
    of->fill(of, first, rows, mr, own + pointers, a);
    for (int i = 0; i < p->taps * mr; ++i) tile[2 * i + plane] = a[i];
  }
}

static void fill_tiles(const bt_kernels* k, const bt_product* p, const tiles* t, void* scratch) {
  const size_t pointers = pointer_bytes(k, p), prepared_at = t->step - prepared_bytes(k, p);
  const int one_run = is_one_run(k, p);
  for (int i = 0; i < t->count; ++i) {
    const int begin = tile_begin(t, i), rows = tile_begin(t, i + 1) - begin;
    unsigned char* room = (unsigned char*)scratch + (size_t)i * t->step;
    if (one_run) {
      prepare_run(k, p, t->row + begin, rows, t->mr, room + prepared_at, (const void**)room);
      continue;
    }
    if (p->high) fill_planes(p, t->row + begin, rows, t->mr, pointers, room);
    else p->fill(p, t->row + begin, rows, t->mr, room + pointers, (const void**)room);
    if (is_prepared(k, p))
      prepare_rows(k, p, rows * planes(p), t->mr * planes(p), room + prepared_at, (const void**)room);
  }
}

void bt_product_part(const bt_kernels* k, const bt_product* p, int64_t row_begin, int64_t row_end,
                     int panel_begin, int panel_end, void* scratch) {
  const int mr = tile_height(k, p), nr = tile_width(k, p), chunk = chunk_tiles(k, p);
  tiles t = {.room = scratch, .step = tile_bytes(k, p), .mr = mr};
  for (t.row = row_begin; t.row < row_end; t.row += t.rows) {
    const int64_t left = row_end - t.row, most = (int64_t)chunk * mr, chunks = (left + most - 1) / most;
    t.rows = (int)((left + chunks - 1) / chunks); /* a small rest would see all weights for little */
    t.count = (t.rows + mr - 1) / mr;
    fill_tiles(k, p, &t, scratch);
    for (int panel = panel_begin; panel < panel_end; ++panel) {
      const int col = panel * nr, cols = p->cols - col < nr ? p->cols - col : nr;
      const void* w = (const unsigned char*)p->panels + (size_t)panel * p->panel_bytes;
      if (p->s8) panel_s8(k, p, &t, col, cols, w);
      else panel_f32(k, p, &t, col, cols, w);
    }
  }
}

typedef struct job {
  const bt_kernels* k;
  const bt_product* p;
  unsigned char* scratch;
  size_t scratch_step;
  int by_panel;
} job;

static void run_job(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  void* scratch = j->scratch + (size_t)thread * j->scratch_step;
  const int mr = tile_height(j->k, j->p);
  if (j->by_panel) {
    bt_product_part(j->k, j->p, 0, j->p->rows, (int)begin, (int)end, scratch);
  } else {
    const int64_t last = end * mr < j->p->rows ? end * mr : j->p->rows;
    bt_product_part(j->k, j->p, begin * mr, last, 0, bt_product_panels(j->k, j->p), scratch);
  }
}

/* Threads share panels, each with all rows, where the weights are more than the rows: every thread then
   reads a part of them alone. Else they share rows, in whole tiles. */
static int is_by_panel(const bt_product* p, int64_t in_tiles, int panels, int threads) {
  if (panels < 2 * threads) return in_tiles < 2 * threads && panels > in_tiles;
  const size_t all = (size_t)p->taps * (size_t)p->depth * (p->s8 ? 1 : sizeof(float));
  const size_t row = p->row_bytes && p->row_bytes < all ? p->row_bytes : all;
  return (size_t)p->rows * row < (size_t)panels * p->panel_bytes;
}

void bt_product_run(bt_call* c, const bt_product* p, void* scratch) {
  const bt_kernels* k = bt_call_kernels(c);
  const int mr = tile_height(k, p), panels = bt_product_panels(k, p);
  const int64_t rows = (p->rows + mr - 1) / mr; /* of tiles */
  job j = {.k = k, .p = p, .scratch = scratch, .scratch_step = bt_product_scratch(k, p),
           .by_panel = is_by_panel(p, rows, panels, bt_threads(c))};
  /* about 20 microseconds of work are worth a thread */
  const int64_t units = j.by_panel ? panels : rows;
  const int64_t macs = p->rows * p->cols * (int64_t)p->depth * p->taps / (units ? units : 1);
  const int64_t grain = macs > 0 ? 200000 / macs + 1 : 1000;
  bt_parallel(c, units, grain, run_job, &j);
}
