// SPDX-License-Identifier: Apache-2.0
#include "formats/native/repack.h"

#include <memory>

#include "base/format.h"
#include "formats/native/container.h"
#include "ir/evaluate.h"
#include "runtime/model.h"

namespace bantam {
namespace {

struct Closer {
  void operator()(bt_model* m) const { bt_close(m); }
};

// What the reader makes of a constant's bytes, and its place among the others.
Result<void> add_tensor(const bt_model& model, const bt_stored& s, const std::string& name, Constants& constants) {
  const Shape shape(s.dims, s.dims + s.rank);
  std::vector<uint8_t> bytes(static_cast<size_t>(s.count) * bt_dtype_size(s.dtype));
  if (const bt_status status = bt_stored_decode(&s, bytes.data()); status != BT_OK) return runtime_error(status, bt_last_error());
  Quant grid;
  if (s.quant && bt_is_float(s.dtype)) {
    grid.axis = s.quant->axis;
    grid.scale.assign(s.quant->scale, s.quant->scale + s.quant->n);
    if (s.quant->zero) grid.zero.assign(s.quant->zero, s.quant->zero + s.quant->n);
  }
  const uint64_t quant = s.quant ? static_cast<uint64_t>(s.quant - model.quants) + 1 : 0;
  constants.add_tensor(Tensor(s.dtype, shape, Bytes(std::move(bytes))), quant, grid.scale.empty() ? nullptr : &grid, name);
  return {};
}

}  // namespace

Result<NativeFile> repack(const Bytes& file, Codec codec) {
  bt_model* opened = nullptr;
  if (const bt_status status = bt_open(file.data(), file.size(), nullptr, &opened); status != BT_OK) return runtime_error(status, bt_last_error());
  const std::unique_ptr<bt_model, Closer> model(opened);
  Constants constants(codec);
  for (int i = 0; i < model->n_quants; ++i) constants.add_quant(model->quants[i]);
  uint64_t decoded = 0;
  for (int i = 0; i < model->n_tensors; ++i) {
    const bt_stored& s = model->tensors[i];
    decoded += static_cast<uint64_t>(s.count) * bt_dtype_size(s.dtype);
    if (decoded > BT_UNFOLD_FREE + BT_UNFOLD_FACTOR * file.size()) return Error{Code::bad_input, "its constants unfold to more than any real model's"};
    TRY(add_tensor(*model, s, formatted("tensor {}", i), constants));
  }
  std::vector<Section> sections;
  for (int i = 0; i < model->n_sections; ++i) {
    const bt_section& s = model->sections[i];
    if (s.name == BT_SECTION_PACK || s.name == BT_SECTION_QUANT || s.name == BT_SECTION_TENSORS || s.name == BT_SECTION_WEIGHTS) continue;
    sections.push_back({s.name, s.name == BT_SECTION_GRAPH ? BT_FLAG_CRITICAL : 0, "", Bytes::copy_of(s.bytes, s.size)});
  }
  return assemble(std::move(sections), constants, codec);
}

}  // namespace bantam
