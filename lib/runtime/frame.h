/* SPDX-License-Identifier: Apache-2.0
   How a program runs: a session owns the environment (threads, kernels, messages) and one frame per
   graph, the main one and one for each subgraph. A frame holds the tensors and the plan of its
   graph. Internal to lib/runtime and lib/eval. */
#ifndef BANTAM_RUNTIME_FRAME_H_
#define BANTAM_RUNTIME_FRAME_H_
#include "runtime/graph.h"
#include "runtime/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BT_ALIGN 64
#define BT_MESSAGE 600

/* A list of blocks that are freed together. */
typedef struct bt_blocks {
  void* first;
} bt_blocks;
void* bt_blocks_get(bt_blocks* b, size_t bytes); /* zeroed, aligned to BT_ALIGN */
void bt_blocks_free(bt_blocks* b);
void* bt_alloc(size_t bytes); /* aligned, not zeroed; bt_release frees it */
void bt_release(void* p);

/* Where the bytes of a value live while the shapes stay. */
typedef enum bt_place {
  BT_PLACE_NONE = 0, /* not computed: a missing or unused value */
  BT_PLACE_CONSTANT,
  BT_PLACE_INPUT, /* the caller's */
  BT_PLACE_ARENA,
  BT_PLACE_FOLDED, /* computed while planning: shape arithmetic */
  BT_PLACE_HEAP    /* shape depends on data: a buffer of its own that grows */
} bt_place;

typedef struct bt_slot {
  bt_tensor tensor;
  uint8_t place;
  uint8_t owned;    /* constant: the decoded bytes belong to this frame */
  uint8_t keep;     /* constant: some node reads the raw bytes while it runs */
  int32_t readers;  /* constant: nodes that still have to be loaded */
  int32_t view_of;  /* shares the bytes of this value, which has its own; -1: has its own */
  size_t offset;    /* where it begins among them */
  int64_t pitch;    /* bt_call.pitch of the node that makes it */
  size_t capacity;  /* heap buffer, kept between runs */
  void* buffer;     /* heap or folded bytes */
} bt_slot;

typedef struct bt_step {
  void* weights;   /* bt_call.weights */
  void* plan;      /* bt_call.plan */
  size_t scratch_bytes, scratch_offset;
  struct bt_half* half; /* how f16 operands become f32; NULL where they need not */
  uint8_t loaded;
  uint8_t folded;  /* nothing to do in a run */
  uint8_t dynamic; /* shape inference and allocation happen in every run */
  uint8_t takes_pitch; /* bt_call.takes_pitch */
  bt_blocks blocks; /* of a dynamic step: its plan, renewed in every run */
} bt_step;

typedef void (*bt_tap_fn)(void* user, const bt_graph* graph, int node, int output,
                          const bt_tensor* value);

struct bt_env {
  const bt_kernels* kernels;
  bt_pool* pool;
  size_t max_bytes;  /* of arenas, buffers and scratch together; 0: no limit */
  size_t held;       /* bytes of arenas and buffers now */
  int64_t max_turns; /* 0: no limit */
  int64_t turns;
  uint64_t seed, random;
  bt_tap_fn tap; /* called with every value right after it was computed */
  void* tap_user;
  /* called before node `node` of `graph`, and after the last one with node == n_nodes */
  void (*timer)(void* user, const bt_graph* graph, int node);
  /* subgraphs; the tool's shape inference brings its own first function and no second */
  bt_status (*infer_graph)(bt_call* c, const bt_graph* g, const bt_tensor* const* in, int n_in,
                           bt_tensor* out, int n_out);
  bt_status (*run_graph)(bt_call* c, const bt_graph* g, const bt_tensor* const* in, int n_in,
                         bt_tensor* out, int n_out);
  struct bt_frame* frames; /* list; the main one is the last */
  char message[BT_MESSAGE];
};

typedef struct bt_frame {
  bt_env* env;
  const bt_graph* graph;
  struct bt_frame* next; /* in env->frames */
  bt_slot* slots;
  bt_step* steps;
  const bt_tensor** in; /* pointers for one call, long enough for the widest node */
  bt_tensor** out;
  bt_blocks weights; /* made by load */
  bt_blocks plans;   /* made by prepare */
  unsigned char* arena;
  size_t arena_bytes, arena_capacity;
  int planned;
  bt_tensor* planned_inputs; /* shapes that the plan is made for */
  bt_tensor unused;          /* stands in for outputs that nobody reads */
} bt_frame;

/* ---- frames ---- */
bt_status bt_frame_create(bt_env* env, const bt_graph* graph, bt_frame** frame);
void bt_frame_destroy(bt_frame* frame);
/* Fits the frame to the inputs' shapes (their data is not read). Nothing is done if they are the
   same as last time. */
bt_status bt_frame_plan(bt_frame* frame, const bt_tensor* const* inputs);
/* Runs; inputs[i]->data is read. Outputs are then in bt_frame_output. */
bt_status bt_frame_run(bt_frame* frame, const bt_tensor* const* inputs);
const bt_tensor* bt_frame_output(const bt_frame* frame, int i);
size_t bt_frame_bytes(const bt_frame* frame);

/* The two functions of an env that runs programs: subgraphs have frames of their own. */
bt_status bt_frame_infer_graph(bt_call* c, const bt_graph* g, const bt_tensor* const* in, int n_in,
                               bt_tensor* out, int n_out);
bt_status bt_frame_run_graph(bt_call* c, const bt_graph* g, const bt_tensor* const* in, int n_in,
                             bt_tensor* out, int n_out);

/* ---- pieces ---- */
/* Fills `c` for node `n` of a frame; pointers are valid until the next call of it. */
void bt_call_begin(bt_call* c, bt_frame* f, int n);
/* infer, then the checks that hold for every operator: sizes that fit, counts of inputs. */
bt_status bt_call_infer(bt_call* c);
/* Lets inputs of joining nodes (BT_OP_JOIN) be made in their place in the result; join.c. */
bt_status bt_join_in_place(bt_frame* f);
/* Gives every arena value and every scratch its offset; arena.c. */
bt_status bt_arena_layout(bt_frame* f);
/* prepare, by way of f32 where that is needed; fills the step. */
bt_status bt_step_prepare(bt_call* c, bt_step* s);
/* Runs step n; for a dynamic one inference, allocation and preparation come first. */
bt_status bt_step_run(bt_frame* f, int n);
/* The value whose bytes value v has. One step, however long a chain of views is. */
static inline int32_t bt_root_of(const bt_frame* f, int32_t v) {
  return f->slots[v].view_of >= 0 ? f->slots[v].view_of : v;
}
/* The node computes on f16, bf16 or 16-bit quantized operands by way of f32 (half.h). */
int bt_needs_half(const bt_call* c);
/* Operands are quantized in 16 bits, and the operator knows reals only. */
int bt_needs_reals(const bt_call* c);
/* Stored integers stand for the same reals. */
int bt_is_same_quant(const bt_quant* a, const bt_quant* b);
/* Grows the buffer of a heap or folded value to its tensor's size. */
bt_status bt_slot_grow(bt_call* c, bt_slot* s);
bt_status bt_check_size(bt_call* c, const bt_tensor* t);
/* Decodes a stored constant into bytes of its own; weights.c. */
bt_status bt_decode(bt_env* env, const bt_value* v, void** data);
extern const bt_op_table bt_all_ops;

#ifdef __cplusplus
}
#endif
#endif
