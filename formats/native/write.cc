// SPDX-License-Identifier: Apache-2.0
#include "formats/native/write.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "base/hash.h"
#include "ir/op.h"
#include "runtime/crc.h"

namespace bantam {
namespace {

class Out {
 public:
  std::vector<uint8_t> bytes;
  void byte(uint64_t v) { bytes.push_back(static_cast<uint8_t>(v)); }
  void le(uint64_t v, int n) { store_le(bytes, v, n); }
  void varint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) byte(v | 0x80);
    byte(v);
  }
  void zigzag(int64_t v) { varint(static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63)); }
  void real(float f) { le(std::bit_cast<uint32_t>(f), 4); }
  void text(const char* s) {
    const size_t n = std::strlen(s);
    varint(n);
    bytes.insert(bytes.end(), s, s + n);
  }
  void append(const std::vector<uint8_t>& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }
};

class Writer {
 public:
  Writer(const Program& program, const Symbols& symbols, const NativeOptions& options)
      : program_(program), symbols_(symbols), options_(options) {}

  NativeFile run() {
    collect_ops(program_.graph());
    Out graph;
    graph.varint(ops_.size());
    for (const auto& [name, index] : ops_) graph.text(name.c_str());
    Out body;
    write_graph(program_.graph(), body);
    write_symbols(graph);
    graph.append(body.bytes);
    add(BT_SECTION_GRAPH, "(graph)", graph.bytes, BT_FLAG_CRITICAL);
    add(BT_SECTION_QUANT, "(scales and zero points)", counted(quant_count_, quants_), BT_FLAG_CRITICAL);
    add(BT_SECTION_TENSORS, "(tensor records)", counted(tensor_count_, tensors_), BT_FLAG_CRITICAL);
    if (options_.names) add(BT_SECTION_NAMES, "(names)", names(), 0);
    if (!options_.plans.empty()) add(BT_SECTION_PLAN, "(memory plan)", plans(), 0);
    if (!options_.tests.empty()) add(BT_SECTION_TESTS, "(test vectors)", tests(), 0);
    if (!options_.meta.empty()) add(BT_SECTION_META, "(recipe and hashes)", {options_.meta.begin(), options_.meta.end()}, 0);
    add(BT_SECTION_WEIGHTS, "", weights_.bytes, BT_FLAG_CRITICAL);
    return assemble();
  }

 private:
  struct Section {
    uint32_t name, flags;
    std::string owner;
    std::vector<uint8_t> bytes;
  };

  static std::vector<uint8_t> counted(size_t n, const Out& entries) {
    Out out;
    out.varint(n);
    out.append(entries.bytes);
    return out.bytes;
  }

  void add(uint32_t name, std::string owner, std::vector<uint8_t> bytes, uint32_t flags) {
    sections_.push_back({name, flags, std::move(owner), std::move(bytes)});
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

  // ---- scales ----

  uint64_t quant_index(const bt_quant* q) {
    Out entry;
    entry.varint(static_cast<uint64_t>(q->axis + 1));
    entry.varint(static_cast<uint64_t>(q->n));
    bool is_short = true, zeros = false;
    for (int i = 0; i < q->n; ++i) {
      is_short = is_short && (std::bit_cast<uint32_t>(q->scale[i]) & 0xFFFF) == 0;
      zeros = zeros || (q->zero && q->zero[i] != 0);
    }
    entry.byte((is_short ? BT_QUANT_SHORT : 0) | (zeros ? BT_QUANT_ZEROS : 0));
    for (int i = 0; i < q->n; ++i) {
      const auto bits = std::bit_cast<uint32_t>(q->scale[i]);
      entry.le(is_short ? bits >> 16 : bits, is_short ? 2 : 4);
    }
    for (int i = 0; i < q->n && zeros; ++i) entry.zigzag(q->zero[i]);
    const std::string key(entry.bytes.begin(), entry.bytes.end());
    const auto [it, fresh] = known_quants_.try_emplace(key, quant_count_);
    if (fresh) {
      quants_.append(entry.bytes);
      ++quant_count_;
    }
    return it->second;
  }

  // ---- constants ----

  // Equal constants are stored once; the first one's name owns the bytes.
  uint64_t tensor_index(const Tensor& t, const bt_quant* quant, const Quant* grid, const char* name) {
    const uint64_t q = quant ? quant_index(quant) + 1 : 0;
    Out head;
    head.byte(t.dtype());
    head.byte(t.shape().size());
    for (const int64_t d : t.shape()) head.varint(static_cast<uint64_t>(d));
    head.varint(q);
    std::string key(head.bytes.begin(), head.bytes.end());
    const Hash hash = hash_of(t.bytes().data(), t.bytes().size());
    key.append(hash.begin(), hash.end());
    const auto [it, fresh] = known_tensors_.try_emplace(key, tensor_count_);
    if (!fresh) return it->second;
    const EncodedTensor e = encode_tensor(t, grid, options_.codec);
    tensors_.append(head.bytes);
    tensors_.byte(e.mapping);
    tensors_.byte(e.coding);
    if (e.mapping == BT_MAP_INT || e.mapping == BT_MAP_REAL) tensors_.zigzag(e.low);
    if (e.mapping == BT_MAP_BOOK) {
      tensors_.varint(e.book_entries);
      tensors_.varint(static_cast<uint64_t>(e.book_span));
      tensors_.append(e.book);
    }
    if (e.coding == BT_CODE_BITS || e.coding == BT_CODE_SPARSE) tensors_.byte(static_cast<uint64_t>(e.bits));
    if (e.coding == BT_CODE_SPARSE) tensors_.varint(e.sparse_zero);
    const size_t before = weights_.bytes.size();
    if (e.coding == BT_CODE_STORED) weights_.bytes.resize((before + 63) / 64 * 64);
    tensors_.varint(weights_.bytes.size());
    tensors_.varint(e.bytes.size());
    tensors_.le(bt_crc32(e.bytes.data(), e.bytes.size()), 4);
    weights_.append(e.bytes);
    owners_.push_back({name, e.description, weights_.bytes.size() - before});
    ++tensor_count_;
    return it->second;
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
        out.varint(tensor_index(tensor, nullptr, nullptr, "(attribute)"));
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
        out.varint(tensor_index(*t, quant, grid, v.name));
        continue;
      }
      out.byte(static_cast<uint64_t>(v.dtype) | (v.quant ? BT_VALUE_QUANT : 0));
      if (v.quant) out.varint(quant_index(v.quant));
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

  NativeFile assemble() {
    NativeFile file;
    std::erase_if(sections_, [](const Section& s) { return s.bytes.empty(); });
    Out toc, body;
    const size_t head = BT_HEADER_BYTES + sections_.size() * BT_SECTION_BYTES;
    file.size_map.push_back({"(header and table of contents)", "", head});
    for (const Section& s : sections_) {
      size_t offset = head + body.bytes.size();
      uint64_t gap = 0;
      if (s.name == BT_SECTION_WEIGHTS) {  // raw tensors are aligned to 64 inside
        gap = (64 - offset % 64) % 64;
        body.bytes.resize(body.bytes.size() + gap);
        offset += gap;
      }
      toc.le(s.name, 4);
      toc.le(s.flags, 4);
      toc.le(offset, 8);
      toc.le(s.bytes.size(), 8);
      toc.le(s.bytes.size(), 8);
      toc.le(bt_crc32(s.bytes.data(), s.bytes.size()), 4);
      toc.le(0, 4);
      body.append(s.bytes);
      if (s.name == BT_SECTION_WEIGHTS) {
        for (const SizeRow& row : owners_) file.size_map.push_back(row);
        if (gap) file.size_map.push_back({"(alignment)", "", gap});
      } else {
        file.size_map.push_back({s.owner, "", s.bytes.size()});
      }
    }
    Out header;
    header.bytes.assign(BT_MAGIC, BT_MAGIC + 8);
    header.le(BT_VERSION_MAJOR, 2);
    header.le(BT_VERSION_MINOR, 2);
    header.le(sections_.size(), 4);
    header.le(head + body.bytes.size(), 8);
    header.le(bt_crc32(toc.bytes.data(), toc.bytes.size()), 4);
    header.bytes.resize(60);
    header.le(bt_crc32(header.bytes.data(), 60), 4);
    file.bytes = std::move(header.bytes);
    file.bytes.insert(file.bytes.end(), toc.bytes.begin(), toc.bytes.end());
    file.bytes.insert(file.bytes.end(), body.bytes.begin(), body.bytes.end());
    return file;
  }

  const Program& program_;
  const Symbols& symbols_;
  const NativeOptions& options_;
  std::map<std::string, uint64_t> ops_;
  std::map<int64_t, int64_t> symbol_index_;
  std::vector<int64_t> symbol_list_;
  std::map<std::string, uint64_t> known_quants_, known_tensors_;
  Out quants_, tensors_, weights_;
  uint64_t quant_count_ = 0, tensor_count_ = 0;
  std::vector<SizeRow> owners_;
  std::vector<Section> sections_;
};

}  // namespace

NativeFile write_native(const Program& program, const Symbols& symbols, const NativeOptions& options) {
  return Writer(program, symbols, options).run();
}

}  // namespace bantam
