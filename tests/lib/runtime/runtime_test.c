/* SPDX-License-Identifier: Apache-2.0
   The runtime as a device sees it: this program is C, links libbantam.a alone, and is given .btm files.

     runtime_test FOLDER    all FOLDER/<version>/NAME.btm

   Each file opens from memory and from disk and describes itself; its test vectors give the bits that they
   gave where the file was made, with every kernel set that this CPU has and with 1, 2 and 4 threads; and once
   a session has run, further runs of the same shapes allocate nothing. The linker sends the library's
   calls of malloc and its relatives through the functions __wrap_... below, which count them. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "runtime/bantam.h"
#include "runtime/self_test.h"

static long allocations, checks, failures;

void* __real_malloc(size_t n);
void* __real_calloc(size_t n, size_t size);
void* __real_realloc(void* p, size_t n);
void* __wrap_malloc(size_t n);
void* __wrap_calloc(size_t n, size_t size);
void* __wrap_realloc(void* p, size_t n);
void* __wrap_malloc(size_t n) { return ++allocations, __real_malloc(n); }
void* __wrap_calloc(size_t n, size_t size) { return ++allocations, __real_calloc(n, size); }
void* __wrap_realloc(void* p, size_t n) { return ++allocations, __real_realloc(p, n); }

#define CHECK(condition)                                                                     \
  do {                                                                                       \
    ++checks;                                                                                \
    if (!(condition)) {                                                                      \
      ++failures;                                                                            \
      printf("%s:%d: %s is false (%s)\n", __FILE__, __LINE__, #condition, bt_last_error());  \
    }                                                                                        \
  } while (0)

enum { MOST_INPUTS = 8 };

/* Inputs of fixed values; lengths that the model leaves open are `open_length`. */
typedef struct inputs {
  void* data[MOST_INPUTS];
  bt_port ports[MOST_INPUTS];
  int count;
} inputs;

static void make_inputs(const bt_model* model, int64_t open_length, inputs* in) {
  in->count = bt_input_count(model);
  CHECK(in->count <= MOST_INPUTS);
  for (int i = 0; i < in->count; ++i) {
    bt_port* p = &in->ports[i];
    CHECK(bt_input_port(model, i, p) == BT_OK);
    size_t count = 1;
    for (int d = 0; d < p->rank; ++d) {
      if (p->dims[d] < 0) p->dims[d] = open_length;
      count *= (size_t)p->dims[d];
    }
    const size_t size = bt_dtype_size((bt_dtype)p->dtype);
    in->data[i] = calloc(count, size);
    for (size_t k = 0; p->dtype == 1 && k < count; ++k)
      ((float*)in->data[i])[k] = (float)((k * 37) % 64) / 64.0f;
  }
}

static void free_inputs(inputs* in) {
  for (int i = 0; i < in->count; ++i) free(in->data[i]);
}

static void set_inputs(bt_session* session, const inputs* in) {
  for (int i = 0; i < in->count; ++i)
    CHECK(bt_set_input(session, i, in->data[i], in->ports[i].rank, in->ports[i].dims) == BT_OK);
}

/* FNV-1a over the bytes of all outputs. */
static uint64_t output_hash(const bt_model* model, const bt_session* session) {
  uint64_t h = 1469598103934665603u;
  for (int i = 0; i < bt_output_count(model); ++i) {
    bt_array a;
    CHECK(bt_get_output(session, i, &a) == BT_OK);
    for (size_t k = 0; k < a.bytes; ++k) h = (h ^ ((const unsigned char*)a.data)[k]) * 1099511628211u;
  }
  return h;
}

static void check_same_bits(const bt_model* model) {
  inputs in;
  make_inputs(model, 3, &in);
  uint64_t first = 0;
  for (int k = 0; bt_kernels_at(k); ++k)
    for (int threads = 1; threads <= 4; threads *= 2) {
      const bt_session_options options = {.threads = threads, .kernels = bt_kernels_at(k)->name};
      bt_session* session = NULL;
      int count = 0, wrong = 0;
      CHECK(bt_self_test(model, &options, &count, &wrong) == BT_OK);
      CHECK(count > 0 && wrong == 0);
      CHECK(bt_session_create(model, &options, &session) == BT_OK);
      if (!session) continue;
      CHECK(strcmp(bt_kernels_in_use(session), bt_kernels_at(k)->name) == 0);
      set_inputs(session, &in);
      CHECK(bt_run(session) == BT_OK);
      const uint64_t hash = output_hash(model, session);
      if (k == 0 && threads == 1) first = hash;
      CHECK(hash == first);
      bt_session_destroy(session);
    }
  free_inputs(&in);
}

static void check_allocations(const bt_model* model) {
  inputs in, longer;
  make_inputs(model, 2, &in);
  make_inputs(model, 5, &longer);
  for (int threads = 1; threads <= 2; ++threads) {
    const bt_session_options options = {.threads = threads};
    bt_session* session = NULL;
    CHECK(bt_session_create(model, &options, &session) == BT_OK);
    if (!session) continue;
    long before = allocations;
    set_inputs(session, &in);
    CHECK(bt_run(session) == BT_OK);
    CHECK(allocations > before); /* the counter works: the first run plans */
    const uint64_t hash = output_hash(model, session);
    before = allocations;
    for (int i = 0; i < 3; ++i) {
      set_inputs(session, &in);
      CHECK(bt_run(session) == BT_OK);
    }
    CHECK(allocations == before);
    /* other shapes are planned anew, and the first ones still give the same afterwards */
    set_inputs(session, &longer);
    CHECK(bt_plan(session) == BT_OK);
    CHECK(bt_arena_bytes(session) > 0);
    before = allocations;
    CHECK(bt_run(session) == BT_OK);
    CHECK(allocations == before);
    set_inputs(session, &in);
    CHECK(bt_run(session) == BT_OK);
    CHECK(output_hash(model, session) == hash);
    bt_session_destroy(session);
  }
  free_inputs(&in);
  free_inputs(&longer);
}

static void check_misuse(const bt_model* model) {
  bt_session* session = NULL;
  bt_port port;
  bt_array array;
  const bt_session_options unknown = {.kernels = "abacus"};
  CHECK(bt_session_create(model, &unknown, &session) == BT_USAGE && !session);
  CHECK(bt_input_port(model, -1, &port) == BT_USAGE);
  CHECK(bt_output_port(model, bt_output_count(model), &port) == BT_USAGE);
  CHECK(bt_session_create(model, NULL, &session) == BT_OK);
  CHECK(bt_run(session) == BT_USAGE); /* no input was given */
  CHECK(strstr(bt_last_error(), "was not set") != NULL);
  CHECK(bt_get_output(session, 0, &array) == BT_USAGE);
  const int64_t dims[BT_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
  CHECK(bt_input_port(model, 0, &port) == BT_OK);
  CHECK(bt_set_input(session, 0, dims, port.rank + 1, dims) == BT_BAD_INPUT);
  CHECK(bt_set_input(session, 99, dims, port.rank, dims) == BT_USAGE);
  bt_session_destroy(session);
}

static unsigned char* read_whole(const char* path, size_t* size) {
  FILE* f = fopen(path, "rb");
  if (!f) return NULL;
  fseek(f, 0, SEEK_END);
  *size = (size_t)ftell(f);
  rewind(f);
  unsigned char* data = malloc(*size);
  if (data && fread(data, 1, *size, f) != *size) *size = 0;
  fclose(f);
  return data;
}

/* Cut off or changed anywhere, a file is refused: every section has a checksum. */
static void check_damage(unsigned char* data, size_t size) {
  bt_model* model = NULL;
  for (size_t part = 0; part < 16; ++part) {
    const size_t cut = size * part / 16, at = cut + size / 32;
    CHECK(bt_open(data, cut, NULL, &model) != BT_OK && !model);
    data[at] ^= 0x10;
    CHECK(bt_open(data, size, NULL, &model) != BT_OK && !model);
    data[at] ^= 0x10;
  }
}

static void check_file(const char* path) {
  size_t size = 0;
  unsigned char* data = read_whole(path, &size);
  bt_model *from_memory = NULL, *from_file = NULL;
  CHECK(data && bt_open(data, size, NULL, &from_memory) == BT_OK);
  CHECK(bt_open_file(path, NULL, &from_file) == BT_OK);
  if (from_memory && from_file) {
    CHECK(bt_input_count(from_memory) == bt_input_count(from_file));
    check_same_bits(from_memory);
    check_allocations(from_file);
    check_misuse(from_memory);
  }
  bt_close(from_memory);
  bt_close(from_file);
  if (data) check_damage(data, size);
  free(data);
}

static int check_folder(const char* folder, int depth) {
  DIR* dir = opendir(folder);
  int files = 0;
  for (struct dirent* e; dir && (e = readdir(dir));) {
    char path[1024];
    if (e->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    const size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".btm") == 0) {
      printf("%s\n", path);
      check_file(path);
      ++files;
    } else if (depth > 0) {
      files += check_folder(path, depth - 1);
    }
  }
  if (dir) closedir(dir);
  return files;
}

int main(int argc, char** argv) {
  const int files = argc == 2 ? check_folder(argv[1], 1) : 0;
  printf("%d files, %ld checks, %ld failures; kernels:", files, checks, failures);
  for (int k = 0; bt_kernels_at(k); ++k) printf(" %s", bt_kernels_at(k)->name);
  printf("\n");
  return files == 0 || failures > 0;
}
