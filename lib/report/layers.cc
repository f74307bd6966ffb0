// SPDX-License-Identifier: Apache-2.0
#include "report/layers.h"

#include <algorithm>
#include <map>

#include "ir/call.h"

namespace bantam {

std::vector<LayerRow> layer_rows(const Graph& graph, const std::vector<SizeRow>& size_map) {
  std::map<std::string, const SizeRow*> stored;
  for (const SizeRow& row : size_map) stored[row.name] = &row;
  std::vector<LayerRow> rows;
  for (const Node* n : graph.nodes()) {
    if (!n->output() || (n->op->flags & (BT_OP_VIEW | BT_OP_SHAPE))) continue;
    if (n->is("Quantize") || n->is("Dequantize")) continue;
    LayerRow row;
    row.name = n->output()->name;
    row.op = n->op->name;
    const auto reads = [&](DType type) { return n->input(0) && n->input(0)->dtype == type && n->input(0)->quant; };
    row.arithmetic = reads(BT_I8) ? "int8" : reads(BT_I16) ? "int16" : bt_is_float(n->output()->dtype) ? "float" : bt_dtype_name(n->output()->dtype);
    uint64_t largest = 0;
    for (const Value* v : n->inputs) {
      if (!v || !v->is_constant()) continue;
      const auto it = stored.find(v->name);
      if (it == stored.end()) continue;  // stored once under the name of an equal constant
      row.bytes += it->second->bytes;
      if (it->second->bytes > largest) largest = it->second->bytes, row.storage = it->second->kind;
    }
    row.macs = multiply_adds(*n);
    rows.push_back(std::move(row));
  }
  return rows;
}

void count_multiply_adds(const Graph& graph, SampleSource& source, std::vector<LayerRow>& rows) {
  const auto is_open = [](const Value* v) { return !v->shape || !is_known(*v->shape); };
  if (std::none_of(graph.inputs().begin(), graph.inputs().end(), is_open)) return;
  const auto fixed = with_lengths_of(source, graph);
  if (!fixed.ok()) return;  // lengths that inference cannot follow stay open
  for (LayerRow& row : rows) {
    const Value* v = fixed->find(row.name);
    if (row.macs == 0 && v && v->producer) row.macs = multiply_adds(*v->producer);
  }
}

int64_t parameter_count(const Graph& graph) {
  int64_t n = 0;
  for (const Value* v : graph.values())
    if (v->is_constant() && v->rank() > 0 && (bt_is_float(v->dtype) || v->quant)) n += v->constant->count();
  return n;
}

}  // namespace bantam
