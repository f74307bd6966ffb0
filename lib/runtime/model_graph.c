/* SPDX-License-Identifier: Apache-2.0
   Reading a .btm file: the graph, and the names of what is in it. */
#include "runtime/model.h"
#include "runtime/session.h"

#define DEPTH_MAX 32

static bt_status count_unfolded(bt_model* m, const bt_stored* s) {
  m->unfolded += (uint64_t)s->count * bt_dtype_size(s->dtype);
  if (m->unfolded > BT_UNFOLD_FREE + BT_UNFOLD_FACTOR * (uint64_t)m->size)
    return bt_damaged("its constants unfold to more than any real model's");
  return BT_OK;
}

static const char* read_string(bt_model* m, bt_reader* r) {
  const int n = bt_read_count(r, 1);
  const unsigned char* p = bt_read_bytes(r, (uint64_t)n);
  char* text = p ? bt_blocks_get(&m->memory, (size_t)n + 1) : NULL;
  if (text) memcpy(text, p, (size_t)n);
  if (text && memchr(text, 0, (size_t)n)) r->failed = 1; /* names are C strings */
  return text ? text : "";
}

int bt_read_shape(bt_reader* r, int n_symbols, int* rank, int64_t dims[BT_MAX_RANK]) {
  *rank = bt_read_count(r, 0) - 1;
  if (*rank > BT_MAX_RANK) r->failed = 1;
  for (int i = 0; i < *rank && !r->failed; ++i) {
    dims[i] = bt_read_zigzag(r);
    if (dims[i] < -1 - n_symbols || dims[i] > INT64_MAX / 32) r->failed = 1;
  }
  return !r->failed;
}

static bt_status read_graph(bt_model* m, bt_reader* r, int depth, bt_graph* g);

static bt_status read_attr(bt_model* m, bt_reader* r, const bt_attr_spec* spec, int depth, bt_attr* a) {
  switch (spec->kind) {
    case BT_INT: a->i = bt_read_zigzag(r); break;
    case BT_FLOAT: a->f = bt_read_float(r); break;
    case BT_ENUM: {
      int words = 1;
      for (const char* p = spec->words; *p; ++p) words += *p == '|';
      a->i = (int64_t)bt_read_varint(r);
      if (a->i < 0 || a->i >= words) return bt_damaged("an attribute has an unknown word");
      break;
    }
    case BT_TEXT:
      a->n = 1;
      a->u.text = read_string(m, r);
      break;
    case BT_INTS: {
      a->n = bt_read_count(r, 1);
      int64_t* list = bt_blocks_get(&m->memory, (size_t)a->n * sizeof *list);
      if (!list) return bt_no_memory();
      for (int i = 0; i < a->n; ++i) list[i] = bt_read_zigzag(r);
      a->u.ints = list;
      break;
    }
    case BT_FLOATS: {
      a->n = bt_read_count(r, 4);
      float* list = bt_blocks_get(&m->memory, (size_t)a->n * sizeof *list);
      if (!list) return bt_no_memory();
      for (int i = 0; i < a->n; ++i) list[i] = bt_read_float(r);
      a->u.floats = list;
      break;
    }
    case BT_TEXTS: {
      a->n = bt_read_count(r, 1);
      const char** list = bt_blocks_get(&m->memory, (size_t)a->n * sizeof *list);
      if (!list) return bt_no_memory();
      for (int i = 0; i < a->n; ++i) list[i] = read_string(m, r);
      a->u.texts = list;
      break;
    }
    case BT_TENSOR: {
      const uint64_t index = bt_read_varint(r);
      if (index >= (uint64_t)m->n_tensors) return bt_damaged("an attribute names no tensor");
      const bt_stored* s = &m->tensors[index];
      BT_TRY(count_unfolded(m, s));
      bt_tensor* t = bt_blocks_get(&m->memory, sizeof *t);
      void* data = bt_blocks_get(&m->memory, (size_t)s->count * bt_dtype_size(s->dtype));
      if (!t || !data) return bt_no_memory();
      BT_TRY(bt_stored_decode(s, data));
      *t = (bt_tensor){.dtype = s->dtype, .rank = s->rank, .data = data, .constant = 1};
      memcpy(t->dims, s->dims, sizeof t->dims);
      a->n = 1;
      a->u.tensor = t;
      break;
    }
    case BT_GRAPH: {
      bt_graph* body = bt_blocks_get(&m->memory, sizeof *body);
      if (!body) return bt_no_memory();
      BT_TRY(read_graph(m, r, depth + 1, body));
      a->n = 1;
      a->u.graph = body;
      break;
    }
    default: return bt_damaged("an attribute of unknown kind");
  }
  return r->failed ? bt_damaged("an attribute") : BT_OK;
}

static bt_status read_node(bt_model* m, bt_reader* r, int depth, int n_values, bt_node* node) {
  const uint64_t op = bt_read_varint(r);
  if (r->failed || op >= (uint64_t)m->n_ops) return bt_damaged("a node names no operator");
  node->op = m->ops[op];
  node->name = "";
  int32_t* lists[2];
  int counts[2];
  for (int side = 0; side < 2; ++side) {
    counts[side] = bt_read_count(r, 1);
    lists[side] = bt_blocks_get(&m->memory, (size_t)counts[side] * sizeof(int32_t));
    if (!lists[side]) return bt_no_memory();
    for (int i = 0; i < counts[side]; ++i) {
      const uint64_t v = bt_read_varint(r);
      if (v > (uint64_t)n_values) return bt_damaged("a node names no value");
      lists[side][i] = (int32_t)v - 1;
    }
  }
  node->n_in = counts[0], node->in = lists[0];
  node->n_out = counts[1], node->out = lists[1];
  int n_attrs = 0;
  while (node->op->attrs && node->op->attrs[n_attrs].name) ++n_attrs;
  bt_attr* attrs = bt_blocks_get(&m->memory, (size_t)n_attrs * sizeof *attrs);
  if (!attrs) return bt_no_memory();
  for (int i = 0; i < n_attrs; ++i) {
    attrs[i].i = node->op->attrs[i].i;
    attrs[i].f = node->op->attrs[i].f;
  }
  unsigned char given[256] = {0};
  for (int i = bt_read_count(r, 2); i > 0; --i) {
    const uint64_t index = bt_read_varint(r);
    if (index >= (uint64_t)n_attrs || index > 255) return bt_damaged("a node has an unknown attribute");
    given[index] = 1;
    BT_TRY(read_attr(m, r, &node->op->attrs[index], depth, &attrs[index]));
  }
  for (int i = 0; i < n_attrs && i < 256; ++i)
    if (node->op->attrs[i].required && !given[i]) return bt_damaged("a node lacks an attribute");
  node->attrs = attrs;
  return r->failed ? bt_damaged("section GRPH") : BT_OK;
}

/* Values are made once, and before they are read. */
static bt_status check_order(bt_model* m, const bt_graph* g) {
  unsigned char* made = bt_blocks_get(&m->memory, (size_t)g->n_values);
  if (!made) return bt_no_memory();
  for (int i = 0; i < g->n_values; ++i) made[i] = bt_is_constant(&g->values[i]) != 0;
  for (int i = 0; i < g->n_inputs; ++i) {
    if (made[g->inputs[i]]) return bt_damaged("an input is given twice");
    made[g->inputs[i]] = 1;
  }
  for (int n = 0; n < g->n_nodes; ++n) {
    const bt_node* node = &g->nodes[n];
    for (int i = 0; i < node->n_in; ++i)
      if (node->in[i] >= 0 && !made[node->in[i]]) return bt_damaged("a node reads what was not made before");
    for (int i = 0; i < node->n_out; ++i) {
      if (node->out[i] < 0) continue;
      if (made[node->out[i]]) return bt_damaged("a value is made twice");
      made[node->out[i]] = 1;
    }
  }
  for (int i = 0; i < g->n_outputs; ++i)
    if (!made[g->outputs[i]]) return bt_damaged("an output is never made");
  return BT_OK;
}

static bt_status read_ports(bt_model* m, bt_reader* r, bt_value* values, int n_values, int* count, const int32_t** list) {
  const int n = bt_read_count(r, 3);
  int32_t* indexes = bt_blocks_get(&m->memory, (size_t)n * sizeof *indexes);
  if (!indexes) return bt_no_memory();
  for (int i = 0; i < n; ++i) {
    const uint64_t v = bt_read_varint(r);
    if (r->failed || v >= (uint64_t)n_values) return bt_damaged("a port names no value");
    const char* name = read_string(m, r);
    int rank = 0;
    int64_t dims[BT_MAX_RANK] = {0};
    if (!bt_read_shape(r, m->n_symbols, &rank, dims)) return bt_damaged("the shape of a port");
    indexes[i] = (int32_t)v;
    values[v].name = name;
    if (!bt_is_constant(&values[v])) {
      values[v].rank = rank;
      memcpy(values[v].dims, dims, sizeof dims);
    }
  }
  *count = n;
  *list = indexes;
  return BT_OK;
}

static bt_status read_graph(bt_model* m, bt_reader* r, int depth, bt_graph* g) {
  if (depth > DEPTH_MAX) return bt_damaged("graphs are nested too deeply");
  const int n_values = bt_read_count(r, 1);
  bt_value* values = bt_blocks_get(&m->memory, (size_t)n_values * sizeof *values);
  if (!values) return bt_no_memory();
  for (int i = 0; i < n_values; ++i) {
    bt_value* v = &values[i];
    const unsigned tag = (unsigned)bt_read_le(r, 1);
    v->name = "";
    v->rank = -1;
    if (tag & BT_VALUE_CONSTANT) {
      const uint64_t index = bt_read_varint(r);
      if (index >= (uint64_t)m->n_tensors) return bt_damaged("a constant names no tensor");
      const bt_stored* s = &m->tensors[index];
      v->dtype = s->dtype;
      v->rank = s->rank;
      memcpy(v->dims, s->dims, sizeof v->dims);
      if (!bt_is_float(s->dtype)) v->quant = s->quant;
      if (bt_stored_is_ready(s)) {
        v->data = s->bytes;
        continue;
      }
      BT_TRY(count_unfolded(m, s));
      v->stored = s;
      continue;
    }
    v->dtype = (bt_dtype)(tag & 0x1F);
    if (!bt_is_type(v->dtype < BT_DTYPE_COUNT ? v->dtype : BT_NONE, BT_TYPES_ANY)) return bt_damaged("a value of unknown type");
    if (tag & BT_VALUE_QUANT) {
      const uint64_t index = bt_read_varint(r);
      if (index >= (uint64_t)m->n_quants) return bt_damaged("a value names no scale");
      v->quant = &m->quants[index];
    }
  }
  BT_TRY(read_ports(m, r, values, n_values, &g->n_inputs, &g->inputs));
  BT_TRY(read_ports(m, r, values, n_values, &g->n_outputs, &g->outputs));
  const int n_nodes = bt_read_count(r, 4);
  bt_node* nodes = bt_blocks_get(&m->memory, (size_t)n_nodes * sizeof *nodes);
  if (!nodes) return bt_no_memory();
  g->values = values, g->n_values = n_values;
  g->nodes = nodes, g->n_nodes = n_nodes;
  for (int i = 0; i < n_nodes; ++i) BT_TRY(read_node(m, r, depth, n_values, &nodes[i]));
  if (r->failed) return bt_damaged("section GRPH");
  return check_order(m, g);
}

bt_status bt_read_graph(bt_model* m, bt_reader* r) { return read_graph(m, r, 0, &m->graph); }

bt_status bt_read_operators(bt_model* m, bt_reader* r, const bt_op_table* table) {
  const int n = bt_read_count(r, 1);
  m->ops = bt_blocks_get(&m->memory, (size_t)n * sizeof *m->ops);
  if (!m->ops) return bt_no_memory();
  for (int i = 0; i < n; ++i) {
    const char* name = read_string(m, r);
    m->ops[i] = bt_find_op(table, name);
    if (r->failed) return bt_damaged("section GRPH");
    if (!m->ops[i])
      return bt_report(BT_UNSUPPORTED, "the model needs the operator %.40s, which this program does not carry", name);
  }
  m->n_ops = n;
  const int n_symbols = bt_read_count(r, 1);
  m->symbols = bt_blocks_get(&m->memory, (size_t)n_symbols * sizeof *m->symbols);
  if (!m->symbols) return bt_no_memory();
  for (int i = 0; i < n_symbols; ++i) m->symbols[i] = read_string(m, r);
  m->n_symbols = n_symbols;
  return r->failed ? bt_damaged("section GRPH") : BT_OK;
}

bt_status bt_read_names(bt_model* m) {
  bt_reader r = bt_section_reader(m, BT_SECTION_NAMES);
  if (r.at == r.end) return BT_OK;
  for (int i = 0; i < m->graph.n_values; ++i) {
    const char* name = read_string(m, &r);
    bt_value* v = (bt_value*)(uintptr_t)&m->graph.values[i]; /* ours, and not shared yet */
    if (name[0]) v->name = name;
  }
  for (int i = 0; i < m->graph.n_nodes; ++i) ((bt_node*)(uintptr_t)&m->graph.nodes[i])->name = read_string(m, &r);
  return r.failed || r.at != r.end ? bt_damaged("section NAME") : BT_OK;
}
