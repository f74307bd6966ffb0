/* SPDX-License-Identifier: Apache-2.0
   bantam's runtime: opens a .btm file and runs it. C11, libc and libm only.

   The shortest use (apps/runner/runner.c is a whole program):

     bt_model* model;
     bt_session* session;
     if (bt_open_file("net.btm", NULL, &model) != BT_OK) puts(bt_last_error());
     bt_session_create(model, NULL, &session);
     bt_set_input(session, 0, pixels, 4, (int64_t[]){1, 3, 224, 224});
     bt_run(session);
     bt_array y;
     bt_get_output(session, 0, &y);        // y.data stays valid until the next run
     bt_session_destroy(session);
     bt_close(model);

   A model is read-only and may be shared by sessions in several threads. A session belongs to one
   thread at a time. While the shapes of the inputs stay the same and no value has a shape that
   depends on data, bt_run allocates nothing.

   Results do not depend on the number of threads or on the instruction set: the same file and the
   same inputs give the same bits everywhere. */
#ifndef BANTAM_H_
#define BANTAM_H_
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BT_MAX_RANK 8

typedef enum bt_status {
  BT_OK = 0,
  BT_BAD_INPUT,   /* a damaged file, or inputs that do not fit the model */
  BT_UNSUPPORTED, /* well-formed, but this build cannot run it */
  BT_NO_MEMORY,
  BT_LIMIT, /* a limit of bt_session_options was reached */
  BT_IO,
  BT_USAGE,   /* the caller's mistake: an index out of range, say */
  BT_INTERNAL /* a bug of bantam */
} bt_status;

typedef struct bt_model bt_model;
typedef struct bt_session bt_session;
struct bt_op_table;

/* The sentence that explains the last failure in this thread. Never NULL. */
const char* bt_last_error(void);

/* ---- models ---- */

typedef struct bt_open_options {
  const struct bt_op_table* ops; /* NULL: all operators that the program is linked with */
  int skip_checksums;            /* 1: do not verify the weights' checksums at open */
} bt_open_options;

/* `bytes` must stay valid and unchanged until bt_close. */
bt_status bt_open(const void* bytes, size_t size, const bt_open_options* options, bt_model** model);
/* Maps the file where the system can, else reads it. */
bt_status bt_open_file(const char* path, const bt_open_options* options, bt_model** model);
void bt_close(bt_model* model);

/* An input or an output as the model declares it; a dimension of -1 may be any length. `dtype` is
   a number of ONNX's TensorProto.DataType (1: float, 2: uint8, 3: int8, 7: int64, ...). */
typedef struct bt_port {
  const char* name;
  int dtype;
  int rank; /* -1: any */
  int64_t dims[BT_MAX_RANK];
  float scale; /* 0: not quantized; else real = scale * (stored - zero) */
  int32_t zero;
} bt_port;

int bt_input_count(const bt_model* model);
int bt_output_count(const bt_model* model);
bt_status bt_input_port(const bt_model* model, int index, bt_port* port);
bt_status bt_output_port(const bt_model* model, int index, bt_port* port);

/* ---- sessions ---- */

typedef struct bt_session_options {
  int threads;          /* 0 or 1: no further thread is started */
  const char* kernels;  /* "scalar", "avx2", ...; NULL: BANTAM_KERNELS or else the best */
  size_t max_bytes;     /* activations and scratch together; 0: no limit */
  int64_t max_turns;    /* of all loops together in one run; 0: no limit */
  uint64_t seed;        /* for the random operators */
} bt_session_options;

bt_status bt_session_create(const bt_model* model, const bt_session_options* options,
                            bt_session** session);
void bt_session_destroy(bt_session* session);

/* Gives an input for the next runs. `data` is read during bt_run and must stay valid until then;
   it holds the elements in row-major order. */
bt_status bt_set_input(bt_session* session, int index, const void* data, int rank,
                       const int64_t* dims);
bt_status bt_run(bt_session* session);

typedef struct bt_array {
  const void* data;
  int dtype;
  int rank;
  int64_t dims[BT_MAX_RANK];
  size_t bytes;
} bt_array;
bt_status bt_get_output(const bt_session* session, int index, bt_array* out);

/* Bytes of activations and scratch for the shapes in use (known after the first run or bt_plan). */
bt_status bt_plan(bt_session* session);
size_t bt_arena_bytes(const bt_session* session);
const char* bt_kernels_in_use(const bt_session* session);

#ifdef __cplusplus
}
#endif
#endif
