/* SPDX-License-Identifier: Apache-2.0
   The smallest program that runs a .btm file:

     bantam_runner MODEL.btm [INPUT ...]
     bantam_runner --time SECONDS MODEL.btm ...

   Opens the model, says what goes in and out, runs it once and prints the first elements of each
   output. An INPUT is a file with the elements of that input and nothing else, in row-major order;
   an input without a file is all zeros. Lengths that the model leaves open are 1, and the first of
   them follows from the size of the file. With --time each model runs on zeros for so long, and the
   least time of a run is printed in milliseconds, for `bantam bench --times`. Outside of this project:

     cc runner.c $(pkg-config --cflags --libs bantam) -o runner */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bantam.h"

enum { MOST_PORTS = 16, SHOWN = 10 };

static int fail(const char* what) {
  fprintf(stderr, "runner: %s: %s\n", what, bt_last_error());
  return 1;
}

/* An element type of bantam.h: its name, and its bytes. */
static const char* type_name(int dtype, size_t* bytes) {
  static const struct {
    const char* name;
    size_t bytes;
  } types[] = {{"?", 0},   {"f32", 4}, {"u8", 1},  {"i8", 1},  {"u16", 2}, {"i16", 2}, {"i32", 4},
               {"i64", 8}, {"?", 0},   {"bool", 1}, {"f16", 2}, {"f64", 8}, {"u32", 4}, {"u64", 8}};
  const size_t n = sizeof types / sizeof types[0], i = dtype > 0 && (size_t)dtype < n ? (size_t)dtype : 0;
  if (bytes) *bytes = types[i].bytes;
  return types[i].name;
}

static void print_port(const char* kind, const bt_port* p) {
  printf("%s %s: %s [", kind, p->name, type_name(p->dtype, NULL));
  for (int d = 0; d < p->rank; ++d) {
    if (d) printf(", ");
    if (p->dims[d] < 0) printf("?");
    else printf("%" PRId64, p->dims[d]);
  }
  printf("]");
  if (p->scale != 0) printf(", real = %g * (stored - %" PRId32 ")", (double)p->scale, p->zero);
  printf("\n");
}

/* The elements of one input, of which the caller frees the memory; lengths become known. */
static void* read_input(const char* path, bt_port* p) {
  size_t bytes = 0, capacity = 0, size = 0;
  type_name(p->dtype, &bytes);
  int open_length = -1;
  for (int d = 0; d < p->rank; ++d) {
    if (p->dims[d] < 0 && open_length < 0) open_length = d;
    if (p->dims[d] < 0) p->dims[d] = 1;
    bytes *= (size_t)p->dims[d];
  }
  if (!path) return calloc(bytes ? bytes : 1, 1);
  FILE* file = fopen(path, "rb");
  unsigned char* data = NULL;
  while (file && !feof(file) && !ferror(file)) {
    if (size == capacity) {
      capacity = capacity ? 2 * capacity : 1 << 16;
      unsigned char* more = realloc(data, capacity);
      if (!more) break;
      data = more;
    }
    size += fread(data + size, 1, capacity - size, file);
  }
  if (open_length >= 0 && bytes > 0 && size % bytes == 0)
    p->dims[open_length] = (int64_t)(size / bytes), bytes = size;
  const int whole = file && feof(file) && size == bytes;
  if (file) fclose(file);
  if (whole) return data;
  fprintf(stderr, "runner: %s: %zu bytes were expected, %zu could be read\n", path, bytes, size);
  free(data);
  return NULL;
}

static void print_output(const char* name, const bt_array* a) {
  size_t size = 1, count = 1;
  for (int d = 0; d < a->rank; ++d) count *= (size_t)a->dims[d];
  if (count) size = a->bytes / count;
  printf("%s =", name);
  for (size_t i = 0; i < count && i < SHOWN; ++i) {
    const unsigned char* at = (const unsigned char*)a->data + i * size;
    if (a->dtype == 1) printf(" %g", (double)*(const float*)(const void*)at);
    else if (a->dtype == 3) printf(" %d", *(const signed char*)at);
    else if (a->dtype == 7) printf(" %" PRId64, *(const int64_t*)(const void*)at);
    else for (size_t b = 0; b < size; ++b) printf(b ? "%02x" : " 0x%02x", at[size - 1 - b]);
  }
  printf(count > SHOWN ? " ... (%zu)\n" : "\n", count);
}

/* Sets all inputs, of which the caller frees the memory. */
static int set_inputs(bt_model* model, bt_session* session, int n_files, char** files, int is_shown,
                      void** inputs) {
  for (int i = 0; i < bt_input_count(model); ++i) {
    bt_port p;
    bt_input_port(model, i, &p);
    if (is_shown) print_port("in ", &p);
    inputs[i] = read_input(i < n_files ? files[i] : NULL, &p);
    if (!inputs[i]) return 1;
    if (bt_set_input(session, i, inputs[i], p.rank < 0 ? 0 : p.rank, p.dims) != BT_OK)
      return fail(p.name);
  }
  return 0;
}

static int print_outputs(bt_model* model, bt_session* session) {
  for (int i = 0; i < bt_output_count(model); ++i) {
    bt_port p;
    bt_array a;
    bt_output_port(model, i, &p);
    print_port("out", &p);
    if (bt_get_output(session, i, &a) != BT_OK) return fail(p.name);
    print_output(p.name, &a);
  }
  return 0;
}

/* Since the first call: a double has no microseconds left of those since 1970. */
static double now_ms(void) {
  static time_t first;
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  if (!first) first = t.tv_sec;
  return (double)(t.tv_sec - first) * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* The least time of at least three runs after the first one. A clock that is set meanwhile may give
   times below zero, which do not count. */
static int time_runs(bt_session* session, double seconds, double* least) {
  if (bt_run(session) != BT_OK) return fail("run");
  *least = 0;
  const double begin = now_ms();
  for (int i = 0; i < 3 || now_ms() - begin < seconds * 1e3; ++i) {
    const double start = now_ms();
    if (bt_run(session) != BT_OK) return fail("run");
    const double ms = now_ms() - start;
    if (ms > 0 && (*least <= 0 || ms < *least)) *least = ms;
  }
  return 0;
}
/* Runs one file; with `seconds` above or equal to 0 it is timed instead of shown. */
static int run_file(const char* path, double seconds, int n_files, char** files) {
  bt_model* model = NULL;
  bt_session* session = NULL;
  void* inputs[MOST_PORTS] = {0};
  double ms = 0;
  if (bt_open_file(path, NULL, &model) != BT_OK) return fail(path);
  int failed = bt_input_count(model) > MOST_PORTS ? fail("more inputs than this example holds") : 0;
  if (!failed && bt_session_create(model, NULL, &session) != BT_OK) failed = fail("session");
  if (!failed) failed = set_inputs(model, session, n_files, files, seconds < 0, inputs);
  if (!failed && seconds >= 0) failed = time_runs(session, seconds, &ms);
  else if (!failed) failed = bt_run(session) != BT_OK ? fail("run") : print_outputs(model, session);
  if (!failed && seconds >= 0) printf("%s %.6f\n", path, ms);
  for (int i = 0; i < MOST_PORTS; ++i) free(inputs[i]);
  bt_session_destroy(session);
  bt_close(model);
  return failed;
}

/* A model that does not fit into the memory is said so, and the others are timed. */
static int time_files(double seconds, int count, char** paths) {
  int failed = 0;
  for (int i = 0; i < count; ++i) failed |= run_file(paths[i], seconds, 0, NULL);
  return failed;
}

int main(int argc, char** argv) {
  const double seconds = argc > 3 && strcmp(argv[1], "--time") == 0 ? strtod(argv[2], NULL) : -1;
  if (seconds >= 0) return time_files(seconds, argc - 3, argv + 3);
  if (argc < 2 || argv[1][0] == '-') {
    fprintf(stderr, "usage: bantam_runner MODEL.btm [INPUT ...]\n"
                    "       bantam_runner --time SECONDS MODEL.btm ...\n");
    return 2;
  }
  return run_file(argv[1], -1, argc - 2, argv + 2);
}
