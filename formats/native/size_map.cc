// SPDX-License-Identifier: Apache-2.0
#include "formats/native/size_map.h"

#include <map>
#include <memory>

#include "base/format.h"
#include "ir/evaluate.h"
#include "runtime/model.h"

namespace bantam {
namespace {

struct Closer {
  void operator()(bt_model* m) const { bt_close(m); }
};

// The alphabet of entropy-coded symbols is inside their stream, so these are just "integers".
std::string kind_of(const bt_stored& s) {
  static constexpr const char* kHow[] = {"", ", sparse", ", rANS", ", adaptive", "", ""};
  const char* how = kHow[s.coding];
  if (s.mapping == BT_MAP_HALF) return "f32 as f16";
  if (s.mapping == BT_MAP_RAW || s.mapping == BT_MAP_PLANES) return std::string(bt_dtype_name(s.dtype)) + how;
  if (s.mapping == BT_MAP_BOOK) return formatted("palette of {}{}", s.book_entries, how);
  if (s.coding == BT_CODE_BITS || s.coding == BT_CODE_SPARSE) return formatted("{} bit{}", s.bits, how);
  return std::string("integers") + how;
}

std::string owner_of(uint32_t section) {
  switch (section) {
    case BT_SECTION_GRAPH: return "(graph)";
    case BT_SECTION_QUANT: return "(scales and zero points)";
    case BT_SECTION_TENSORS: return "(tensor records)";
    case BT_SECTION_NAMES: return "(names)";
    case BT_SECTION_PLAN: return "(memory plan)";
    case BT_SECTION_META: return "(recipe and hashes)";
    case BT_SECTION_TESTS: return "(test vectors)";
    case BT_SECTION_PACK: return "(graph, scales, records, names, recipe)";
    default: return "(a section of a newer version)";
  }
}

using Names = std::map<const void*, std::string>;  // by the place of the bytes

void collect_names(const bt_graph& g, Names& names) {
  for (int i = 0; i < g.n_values; ++i) {
    const bt_value& v = g.values[i];
    if (!bt_is_constant(&v)) continue;
    const void* bytes = v.data ? v.data : v.stored->bytes;
    names.try_emplace(bytes, v.name[0] ? v.name : formatted("c{}", i));
  }
  for (int n = 0; n < g.n_nodes; ++n) {
    const bt_attr_spec* spec = g.nodes[n].op->attrs;
    for (int i = 0; spec && spec[i].name; ++i)
      if (spec[i].kind == BT_GRAPH && g.nodes[n].attrs[i].n) collect_names(*g.nodes[n].attrs[i].u.graph, names);
  }
}

}  // namespace

Result<std::vector<SizeRow>> native_size_map(const Bytes& file) {
  bt_model* opened = nullptr;
  if (const bt_status status = bt_open(file.data(), file.size(), nullptr, &opened); status != BT_OK) return runtime_error(status, bt_last_error());
  const std::unique_ptr<bt_model, Closer> model(opened);
  std::vector<SizeRow> rows = {{"(header and table of contents)", "", BT_HEADER_BYTES}};
  for (int i = 0; i < model->n_sections; ++i) {
    const bt_section& s = model->sections[i];
    if (s.is_packed) continue;
    rows[0].bytes += BT_SECTION_BYTES;
    if (s.name != BT_SECTION_WEIGHTS) rows.push_back({owner_of(s.name), "", s.size});
  }
  Names names;
  collect_names(model->graph, names);
  std::map<const void*, bool> counted;  // equal constants may share their bytes
  for (int i = 0; i < model->n_tensors; ++i) {
    const bt_stored& s = model->tensors[i];
    if (s.size == 0 || s.coding == BT_CODE_INLINE || !counted.try_emplace(s.bytes, true).second) continue;
    const auto name = names.find(s.bytes);
    rows.push_back({name == names.end() ? formatted("(tensor {} of an attribute)", i) : name->second, kind_of(s), s.size});
  }
  uint64_t sum = 0;
  for (const SizeRow& row : rows) sum += row.bytes;
  if (sum > file.size()) return Error{Code::bad_input, "the tensors of the file overlap"};
  if (sum < file.size()) rows.push_back({"(alignment)", "", file.size() - sum});
  return rows;
}

}  // namespace bantam
