// SPDX-License-Identifier: Apache-2.0
// Floats of 16 bits. The format holds them, but its kernels compute with 32 bits only:
//
//   f16 and bf16 values   =>  f32 values; constants that f16 can hold are stored in f16
//   (emitter.cc)
//
// Results differ by the roundings to 16 bits that are no longer made.
#include "formats/tflite/fit.h"
#include "ir/infer.h"

namespace bantam {
namespace {

Tensor widened(const Tensor& t) {
  std::vector<float> floats;
  for (int64_t i = 0; i < t.count(); ++i) floats.push_back(static_cast<float>(t.number(i)));
  return Tensor::of_floats(t.shape(), floats);
}

bool is_half_tensor(const AttrValue& value) {
  const auto* tensor = std::get_if<std::shared_ptr<const Tensor>>(&value);
  return tensor && *tensor && bt_is_half((*tensor)->dtype());
}

// Types that nodes name: the target of a Cast, the fill of a ConstantOfShape.
Result<void> widen_attributes(Node* n) {
  for (const auto& [key, value] : n->attrs()) {
    const auto* number = std::get_if<int64_t>(&value);
    const bool type = n->is("Cast") && key == "to" && number;
    if (type && (*number == BT_F16 || *number == BT_BF16)) TRY(n->set_attr(key, int64_t{BT_F32}));
    if (!is_half_tensor(value)) continue;
    const auto& tensor = std::get<std::shared_ptr<const Tensor>>(value);
    TRY(n->set_attr(key, std::make_shared<const Tensor>(widened(*tensor))));
  }
  return {};
}

}  // namespace

Result<void> widen_halves(Graph& graph, Notes& notes) {
  bool any = false;
  for (Value* v : graph.values()) {
    if (!bt_is_half(v->dtype)) continue;
    any = true;
    if (v->is_constant()) v->constant = std::make_shared<const Tensor>(widened(*v->constant));
    v->dtype = BT_F32;
  }
  if (!any) return {};
  for (Node* n : graph.nodes()) TRY(widen_attributes(n));
  notes.push_back("16-bit floats are computed in 32 bits, which all of the format's kernels have");
  return infer_graph(graph);
}

}  // namespace bantam
