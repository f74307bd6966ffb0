/* SPDX-License-Identifier: Apache-2.0
   What an operator is. One file of lib/ops defines one operator as one `const bt_op`: its schema,
   its shape rule and its computation. The same object serves the tool (import, shape inference,
   constant folding, calibration, evaluation) and the device; there is no second interpreter.

   The life of a node:
     infer    output types and shapes from those of the inputs. The tool calls it on graphs whose
              dimensions are partly unknown, the device on concrete ones.
     load     once: constant inputs are packed into the form that the kernels read.
     prepare  once for every new set of shapes: choose kernels, build tables, ask for scratch.
     run      the computation. Nothing may be allocated here, except by operators whose output
              shape depends on values.
   Functions return BT_OK or `bt_fail(...)`, whose text names what was found and what was expected. */
#ifndef BANTAM_RUNTIME_OP_H_
#define BANTAM_RUNTIME_OP_H_
#include "runtime/bantam.h"
#include "runtime/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bt_kernels bt_kernels; /* kernels/kernels.h */

/* ---------------------------------------------------------------------------- tensors */

/* How stored integers q stand for reals: real = scale[c] * (q - zero[c]), where c runs along `axis`
   (n entries), or is always 0 where axis is -1 (n == 1). */
typedef struct bt_quant {
  int axis;
  int n;
  const float* scale;
  const int32_t* zero; /* NULL: all zero */
} bt_quant;

/* While a shape is inferred by the tool, a negative dimension is an unknown one: -1 stands for
   "some number", and every other negative number names a symbol ("N" is -2, say), so that equal
   numbers are equal lengths. On the device every dimension is known. */
typedef struct bt_tensor {
  bt_dtype dtype;
  int rank; /* -1: unknown */
  int64_t dims[BT_MAX_RANK];
  void* data; /* NULL where the value is not known (yet) */
  const bt_quant* quant;
  int constant;           /* the same in every run */
  const int64_t* partial; /* tool only, for small integer tensors: BT_SYMBOL(d) or a known number */
} bt_tensor;

/* An unknown element of a `partial` value: dimension d (negative, as above) of some tensor. The
   window lies where no length, index or slice bound of a real model does. */
#define BT_SYMBOL_BASE (-((int64_t)1 << 61))
#define BT_SYMBOL(d) (BT_SYMBOL_BASE - (d))
static inline int bt_is_symbol(int64_t v) {
  return v > BT_SYMBOL_BASE && v < BT_SYMBOL_BASE + (1 << 24);
}
static inline int64_t bt_symbol_dim(int64_t v) { return BT_SYMBOL_BASE - v; }

/* ---------------------------------------------------------------------------- schema */

typedef enum bt_attr_kind {
  BT_INT = 1,
  BT_FLOAT,
  BT_ENUM, /* one of a list of words; held as its index in the list */
  BT_TEXT,
  BT_INTS,
  BT_FLOATS,
  BT_TEXTS,
  BT_TENSOR,
  BT_GRAPH
} bt_attr_kind;

/* One attribute. `i` (for BT_INT and BT_ENUM) or `f` is the default, unless it is `required`;
   lists, tensors and graphs are empty by default. */
typedef struct bt_attr_spec {
  const char* name;
  uint8_t kind;
  uint8_t required;
  int64_t i;
  float f;
  const char* words; /* BT_ENUM: "NOTSET|SAME_UPPER|..." */
  uint8_t own;       /* 1: the IR's own, not part of ONNX; the importer refuses it */
} bt_attr_spec;

typedef struct bt_attr {
  int64_t i;
  float f;
  int32_t n; /* number of elements of a list; 1 for a tensor or a graph, 0 where it is absent */
  union {
    const int64_t* ints;
    const float* floats;
    const char* text;
    const char* const* texts;
    const bt_tensor* tensor;
    const struct bt_graph* graph;
  } u;
} bt_attr;

/* What an operator does to the order of axes (used by to-channels-last). */
typedef enum bt_layout_rule {
  BT_LAYOUT_FIXED = 0,   /* inputs must stay as the source model has them */
  BT_LAYOUT_SPATIAL,     /* input 0 and output 0 are images; has the attribute `layout` */
  BT_LAYOUT_ELEMENTWISE, /* any order, the same for all; inputs broadcast */
  BT_LAYOUT_AXIS,        /* one attribute `axis` says which */
  BT_LAYOUT_AXES,        /* input 1 (constant) holds the axes */
  BT_LAYOUT_PERM,        /* Transpose: composes with the new order */
  BT_LAYOUT_PADS         /* Pad, Slice, Resize, Tile: see the pass */
} bt_layout_rule;

/* How an operator can be computed on quantized values. */
typedef enum bt_quant_rule {
  BT_QUANT_NONE = 0, /* float only */
  BT_QUANT_MACS,     /* convolution and matrix product: int32 sums, then one scale per channel */
  BT_QUANT_SAME,     /* moves or selects values: output stored as input 0 is */
  BT_QUANT_JOIN,     /* like SAME, for all inputs together (Concat) */
  BT_QUANT_ARITH,    /* rescales each input: Add, Mul, average pooling */
  BT_QUANT_TABLE     /* a function of one value: a table of 256 entries */
} bt_quant_rule;

enum {
  BT_OP_VIEW = 1,      /* output 0 has the bytes of input 0: nothing is computed */
  BT_OP_INPLACE = 2,   /* output 0 may overwrite an input of the same size and type */
  BT_OP_HALF = 4,      /* f16 and bf16 are run as f32 by the executor, rounded once at the end */
  BT_OP_RANDOM = 8,    /* result is not a function of the inputs: never folded nor merged */
  BT_OP_SUBGRAPH = 16, /* owns graphs; run through env->run_graph */
  BT_OP_EXTRA = 32,    /* rare: lives in the extra library */
  BT_OP_SHAPE = 64,    /* reads the shape of its input, never the bytes */
  BT_OP_OWN = 128,     /* not an ONNX operator: the importer refuses it */
  BT_OP_WORDS = 256,   /* takes quantized 16-bit values of one scale as they are */
  BT_OP_JOIN = 512     /* output 0 is the inputs, one behind the other along the axis that attribute 0
                          names; `run` leaves alone what lies in its place already */
};

#define BT_MANY 255

typedef struct bt_call bt_call;

typedef struct bt_op {
  const char* name;
  const char* summary;       /* one line for the documentation */
  const bt_attr_spec* attrs; /* ends with a NULL name; NULL: none */
  uint8_t in_min, in_max;    /* number of inputs; BT_MANY: no limit */
  uint8_t out_min, out_max;
  uint16_t flags;
  uint8_t layout; /* bt_layout_rule */
  uint8_t quant;  /* bt_quant_rule */
  bt_status (*infer)(bt_call* c);
  bt_status (*load)(bt_call* c);
  bt_status (*prepare)(bt_call* c);
  bt_status (*run)(bt_call* c);
  int64_t (*macs)(const bt_call* c); /* multiply-adds; NULL: not counted */
} bt_op;

/* All operators that a program carries: the build writes one with everything, and
   `bantam inspect --op-table` one with just what a model needs. */
typedef struct bt_op_table {
  int count;
  const bt_op* const* ops;
} bt_op_table;
const bt_op* bt_find_op(const bt_op_table* table, const char* name);

/* ---------------------------------------------------------------------------- a call */

typedef struct bt_env bt_env;

struct bt_call {
  const bt_op* op;
  const char* name; /* of the node */
  int n_in, n_out;
  const bt_tensor** in; /* NULL: not given */
  bt_tensor** out;      /* never NULL; see bt_wants */
  const bt_attr* attr;  /* in the order of op->attrs, defaults filled in */
  bt_env* env;
  void* weights;        /* set by load, from bt_keep(): lives as long as the session */
  void* plan;           /* set by prepare, from bt_keep_plan(): lives while the shapes stay */
  uint64_t loaded;      /* set by load: bit i says that input i (< 64) needs no raw bytes any more */
  size_t scratch_bytes; /* set by prepare */
  void* scratch;        /* there in run: scratch_bytes, aligned to 64 */
  int takes_pitch;      /* set by prepare: `run` can write output 0 with a pitch */
  int64_t pitch;        /* there in run: elements from one row (last axis) of output 0 to the next;
                           0: rows follow each other */
  void* owner;          /* the executor: a bt_frame, or NULL in the tool's shape inference */
  int node;             /* index in the graph */
};

/* Reports an error; returns `status`, so that it can stand behind `return`. The executor puts the
   node's name and operator in front. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
bt_status bt_fail(bt_call* c, bt_status status, const char* format, ...);

#define BT_TRY(expression)                  \
  do {                                      \
    bt_status bt_try_ = (expression);       \
    if (bt_try_ != BT_OK) return bt_try_;   \
  } while (0)

/* Memory with the lifetimes named in bt_call, zeroed, aligned to 64; NULL when there is none left
   (return bt_fail_memory). Freed by the executor. */
void* bt_keep(bt_call* c, size_t bytes);
void* bt_keep_plan(bt_call* c, size_t bytes);
bt_status bt_fail_memory(bt_call* c);
/* Memory for the duration of one function (of load, or of operators with data-dependent shapes). */
void* bt_alloc_scratch(bt_call* c, size_t bytes);
void bt_free_scratch(void* p);

/* The node has an output i (optional ones may be left out; `run` must not write those). */
int bt_wants(const bt_call* c, int i);

/* Gives output i its shape in `run`, for operators whose shape depends on values. Allocates. */
bt_status bt_set_output(bt_call* c, int i, int rank, const int64_t* dims);

/* Fails where so many bytes are above the session's limit, for buffers that grow in `run`. */
bt_status bt_check_bytes(bt_call* c, size_t bytes);

/* Splits [0, n) into one contiguous part per thread and runs them; `grain` is the smallest part
   worth a thread. `thread` is below bt_threads(c). */
typedef void (*bt_part_fn)(void* arg, int64_t begin, int64_t end, int thread);
void bt_parallel(bt_call* c, int64_t n, int64_t grain, bt_part_fn fn, void* arg);
int bt_threads(const bt_call* c);
const bt_kernels* bt_call_kernels(const bt_call* c);

/* Subgraphs (If, Loop, Scan). `in` and `out` are tensors of the caller; outputs of a run stay
   valid until the same graph runs again. */
bt_status bt_infer_graph(bt_call* c, const struct bt_graph* g, const bt_tensor* const* in, int n_in,
                         bt_tensor* out, int n_out);
bt_status bt_run_graph(bt_call* c, const struct bt_graph* g, const bt_tensor* const* in, int n_in,
                       bt_tensor* out, int n_out);
/* Counts one more turn of a loop against the session's limit. */
bt_status bt_count_turn(bt_call* c);
/* The next 64 random bits of the session's seeded stream. */
uint64_t bt_random(bt_call* c);

#ifdef __cplusplus
}
#endif
#endif
