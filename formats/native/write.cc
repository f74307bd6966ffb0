// SPDX-License-Identifier: Apache-2.0
#include "formats/native/write.h"

#include <algorithm>
#include <map>

#include "formats/native/container.h"
#include "formats/native/out.h"
#include "ir/op.h"

namespace bantam {
namespace {

class Writer {
 public:
  Writer(const Program& program, const Symbols& symbols, const NativeOptions& options)
      : program_(program), symbols_(symbols), options_(options), constants_(options.codec) {}

  Result<NativeFile> run() {
    collect_ops(program_.graph());
    Out graph;
    graph.varint(ops_.size());
    for (const auto& [name, index] : ops_) graph.text(name.c_str());
    Out body;
    write_graph(program_.graph(), body);
    write_symbols(graph);
    graph.append(body.bytes);
    if (!options_.meta.empty()) add(BT_SECTION_META, "(recipe and hashes)", {options_.meta.begin(), options_.meta.end()}, 0);
    if (options_.names) add(BT_SECTION_NAMES, "(names)", names(), 0);
    add(BT_SECTION_GRAPH, "(graph)", graph.bytes, BT_FLAG_CRITICAL);
    if (!options_.plans.empty()) add(BT_SECTION_PLAN, "(memory plan)", plans(), 0);
    if (!options_.tests.empty()) add(BT_SECTION_TESTS, "(test vectors)", tests(), 0);
    return assemble(std::move(sections_), constants_, options_.codec);
  }

 private:
  void add(uint32_t name, std::string owner, std::vector<uint8_t> bytes, uint32_t flags) {
    sections_.push_back({name, flags, std::move(owner), Bytes(std::move(bytes))});
  }

  void collect_ops(const bt_graph& g) {
    for (int n = 0; n < g.n_nodes; ++n) {
      ops_[g.nodes[n].op->name] = 0;
      for (int i = 0; i < attr_count(*g.nodes[n].op); ++i)
        if (g.nodes[n].op->attrs[i].kind == BT_GRAPH && g.nodes[n].attrs[i].n) collect_ops(*g.nodes[n].attrs[i].u.graph);
    }
    uint64_t next = 0;
    for (auto& [name, index] : ops_) index = next++;
  }

  // ---- graph ----

  void shape(Out& out, int rank, const int64_t* dims) {
    out.varint(static_cast<uint64_t>(rank + 1));
    for (int i = 0; i < rank; ++i) {
      int64_t d = dims[i];
      if (d < -1) {
        const auto [it, fresh] = symbol_index_.try_emplace(d, static_cast<int64_t>(symbol_index_.size()));
        if (fresh) symbol_list_.push_back(d);
        d = -2 - it->second;
      }
      out.zigzag(d);
    }
  }

  void write_symbols(Out& out) {
    out.varint(symbol_list_.size());
    for (const int64_t d : symbol_list_) out.text(symbols_.name(d).c_str());
  }

  void ports(const bt_graph& g, const int32_t* list, int n, Out& out) {
    out.varint(static_cast<uint64_t>(n));
    for (int i = 0; i < n; ++i) {
      const bt_value& v = g.values[list[i]];
      out.varint(static_cast<uint64_t>(list[i]));
      out.text(v.name);
      shape(out, v.rank, v.dims);
    }
  }

  void attr(const bt_attr& a, const bt_attr_spec& spec, Out& out) {
    switch (spec.kind) {
      case BT_INT: out.zigzag(a.i); break;
      case BT_FLOAT: out.real(a.f); break;
      case BT_ENUM: out.varint(static_cast<uint64_t>(a.i)); break;
      case BT_TEXT: out.text(a.u.text); break;
      case BT_INTS:
        out.varint(static_cast<uint64_t>(a.n));
        for (int i = 0; i < a.n; ++i) out.zigzag(a.u.ints[i]);
        break;
      case BT_FLOATS:
        out.varint(static_cast<uint64_t>(a.n));
        for (int i = 0; i < a.n; ++i) out.real(a.u.floats[i]);
        break;
      case BT_TEXTS:
        out.varint(static_cast<uint64_t>(a.n));
        for (int i = 0; i < a.n; ++i) out.text(a.u.texts[i]);
        break;
      case BT_TENSOR: {
        const bt_tensor& t = *a.u.tensor;
        const Tensor tensor(t.dtype, Shape(t.dims, t.dims + t.rank), Bytes(t.data, static_cast<size_t>(element_count(Shape(t.dims, t.dims + t.rank))) * bt_dtype_size(t.dtype), nullptr));
        out.varint(constants_.tensor_index(tensor, nullptr, nullptr, "(attribute)"));
        break;
      }
      default: write_graph(*a.u.graph, out);
    }
  }

  static bool is_default(const bt_attr& a, const bt_attr_spec& spec) {
    if (spec.required) return false;
    switch (spec.kind) {
      case BT_INT:
      case BT_ENUM: return a.i == spec.i;
      case BT_FLOAT: return std::bit_cast<uint32_t>(a.f) == std::bit_cast<uint32_t>(spec.f);
      default: return a.n == 0;
    }
  }

  void write_graph(const bt_graph& g, Out& out) {
    out.varint(static_cast<uint64_t>(g.n_values));
    for (int i = 0; i < g.n_values; ++i) {
      const bt_value& v = g.values[i];
      if (const Tensor* t = program_.tensor_of(&v)) {
        out.byte(BT_VALUE_CONSTANT);
        const Quant* grid = bt_is_float(v.dtype) ? program_.quant_of(&v) : nullptr;
        bt_quant lowered{};
        if (grid) lowered = {grid->axis, static_cast<int>(grid->scale.size()), grid->scale.data(), grid->zero.empty() ? nullptr : grid->zero.data()};
        // the scale of an i32 bias follows from those of input and weight
        const bt_quant* quant = grid ? &lowered : v.dtype == BT_I32 ? nullptr : v.quant;
        out.varint(constants_.tensor_index(*t, quant, grid, v.name));
        continue;
      }
      out.byte(static_cast<uint64_t>(v.dtype) | (v.quant ? BT_VALUE_QUANT : 0));
      if (v.quant) out.varint(constants_.quant_index(*v.quant));
    }
    ports(g, g.inputs, g.n_inputs, out);
    ports(g, g.outputs, g.n_outputs, out);
    out.varint(static_cast<uint64_t>(g.n_nodes));
    for (int n = 0; n < g.n_nodes; ++n) {
      const bt_node& node = g.nodes[n];
      out.varint(ops_.at(node.op->name));
      const int n_in = node.n_in, n_out = node.n_out;
      out.varint(static_cast<uint64_t>(n_in));
      for (int i = 0; i < n_in; ++i) out.varint(static_cast<uint64_t>(node.in[i] + 1));
      out.varint(static_cast<uint64_t>(n_out));
      for (int i = 0; i < n_out; ++i) out.varint(static_cast<uint64_t>(node.out[i] + 1));
      std::vector<int> set;
      for (int i = 0; i < attr_count(*node.op); ++i)
        if (!is_default(node.attrs[i], node.op->attrs[i])) set.push_back(i);
      out.varint(set.size());
      for (const int i : set) {
        out.varint(static_cast<uint64_t>(i));
        attr(node.attrs[i], node.op->attrs[i], out);
      }
    }
  }

  // ---- the rest ----

  std::vector<uint8_t> names() const {
    Out out;
    const bt_graph& g = program_.graph();
    std::vector<bool> is_port(static_cast<size_t>(g.n_values));
    for (int i = 0; i < g.n_inputs; ++i) is_port[static_cast<size_t>(g.inputs[i])] = true;
    for (int i = 0; i < g.n_outputs; ++i) is_port[static_cast<size_t>(g.outputs[i])] = true;
    for (int i = 0; i < g.n_values; ++i) out.text(is_port[static_cast<size_t>(i)] ? "" : g.values[i].name);
    for (int n = 0; n < g.n_nodes; ++n) out.text(g.nodes[n].name);
    return out.bytes;
  }

  std::vector<uint8_t> plans() {
    Out out;
    out.varint(options_.plans.size());
    for (const WriteOptions::Plan& p : options_.plans) {
      for (const Shape& s : p.shapes) shape(out, static_cast<int>(s.size()), s.data());
      out.varint(p.bytes);
    }
    return out.bytes;
  }

  std::vector<uint8_t> tests() {
    Out out;
    out.varint(options_.tests.size());
    for (const TestVector& t : options_.tests) {
      out.le(t.seed, 8);
      for (size_t i = 0; i < t.shapes.size(); ++i) {
        shape(out, static_cast<int>(t.shapes[i].size()), t.shapes[i].data());
        out.real(t.ranges[i].first);
        out.real(t.ranges[i].second);
      }
      out.le(t.hash, 8);
    }
    return out.bytes;
  }

  const Program& program_;
  const Symbols& symbols_;
  const NativeOptions& options_;
  std::map<std::string, uint64_t> ops_;
  std::map<int64_t, int64_t> symbol_index_;
  std::vector<int64_t> symbol_list_;
  Constants constants_;
  std::vector<Section> sections_;
};

}  // namespace

Result<NativeFile> write_native(const Program& program, const Symbols& symbols, const NativeOptions& options) {
  return Writer(program, symbols, options).run();
}

}  // namespace bantam
