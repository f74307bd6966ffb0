// SPDX-License-Identifier: Apache-2.0
#include "ir/call.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "ir/evaluate.h"
#include "ir/op.h"

namespace bantam {

void Call::view(const Value& v, bt_tensor& t) {
  t = {};
  t.dtype = v.dtype;
  t.rank = v.rank();
  for (int i = 0; i < t.rank; ++i) t.dims[i] = (*v.shape)[static_cast<size_t>(i)];
  const Tensor* tensor = v.constant ? v.constant.get() : v.known.get();
  if (tensor && !tensor->bytes().empty()) t.data = const_cast<uint8_t*>(tensor->bytes().data());
  t.constant = v.constant != nullptr;
  if (!v.partial.empty()) t.partial = v.partial.data();
  if (v.quant && !bt_is_float(v.dtype))
    t.quant = &quants_.emplace_back(bt_quant{.axis = v.quant->axis,
                                             .n = static_cast<int>(v.quant->scale.size()),
                                             .scale = v.quant->scale.data(),
                                             .zero = v.quant->zero.empty() ? nullptr : v.quant->zero.data()});
}

void Call::fill_attrs(const Node& node) {
  const int n = attr_count(*node.op);
  attrs_.assign(static_cast<size_t>(n), {});
  ints_.assign(static_cast<size_t>(n), {});
  floats_.assign(static_cast<size_t>(n), {});
  texts_.assign(static_cast<size_t>(n), {});
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    const bt_attr_spec& spec = node.op->attrs[i];
    bt_attr& a = attrs_[i];
    a.i = spec.i;
    a.f = spec.f;
    const AttrValue* value = node.attr(i);
    if (!value) continue;
    if (const auto* number = std::get_if<int64_t>(value)) a.i = *number;
    if (const auto* real = std::get_if<float>(value)) a.f = *real;
    if (const auto* word = std::get_if<std::string>(value)) {
      if (spec.kind == BT_ENUM) a.i = word_index(spec, *word);
      else a.n = 1, a.u.text = word->c_str();
    }
    if (const auto* list = std::get_if<std::vector<int64_t>>(value)) {
      a.n = static_cast<int32_t>(list->size());
      a.u.ints = list->data();
    }
    if (const auto* list = std::get_if<std::vector<float>>(value)) {
      a.n = static_cast<int32_t>(list->size());
      a.u.floats = list->data();
    }
    if (const auto* list = std::get_if<std::vector<std::string>>(value)) {
      for (const std::string& word : *list) texts_[i].push_back(word.c_str());
      a.n = static_cast<int32_t>(list->size());
      a.u.texts = texts_[i].data();
    }
    if (const auto* tensor = std::get_if<std::shared_ptr<const Tensor>>(value)) {
      bt_tensor& t = tensors_.emplace_back();
      t.dtype = (*tensor)->dtype();
      t.rank = (*tensor)->rank();
      std::copy((*tensor)->shape().begin(), (*tensor)->shape().end(), t.dims);
      t.data = const_cast<uint8_t*>((*tensor)->bytes().data());
      a.n = 1;
      a.u.tensor = &t;
    }
    if (const auto* graph = std::get_if<std::shared_ptr<Graph>>(value)) {
      a.n = 1;
      a.u.graph = reinterpret_cast<const bt_graph*>(graph->get());  // opaque: see infer_subgraph
    }
  }
}

void Call::begin(const Node& node, bt_call& call) {
  inputs_.resize(node.inputs.size());
  outputs_.assign(std::max<size_t>(node.outputs.size(), 1), {});
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i]) view(*node.inputs[i], inputs_[i]);
    in_.push_back(node.inputs[i] ? &inputs_[i] : nullptr);
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i]) view(*node.outputs[i], outputs_[i]);
    out_.push_back(&outputs_[i]);
  }
  fill_attrs(node);
  call.op = node.op;
  call.name = node.name.empty() ? (node.output() ? node.output()->name.c_str() : "?") : node.name.c_str();
  call.n_in = static_cast<int>(in_.size());
  call.n_out = static_cast<int>(out_.size());
  call.in = in_.data();
  call.out = out_.data();
  call.attr = attrs_.data();
  call.env = &env_;
}

Result<void> Call::infer(const Node& node) {
  for (const bt_attr_spec* s = node.op->attrs; s && s->name; ++s)
    if (s->required && !node.attr(static_cast<size_t>(s - node.op->attrs)))
      return Error{Code::bad_input, formatted("node {} ({}): attribute {} is missing",
                                              quote(node.name), node.op->name, s->name)};
  bt_call call{};
  begin(node, call);
  if (const bt_status status = bt_call_infer(&call); status != BT_OK)
    return runtime_error(status, env_.message);
  return {};
}

int64_t Call::macs(const Node& node) {
  if (!node.op->macs) return 0;
  for (const auto& list : {node.inputs, node.outputs})
    for (const Value* v : list)
      if (v && (!v->shape || !is_known(*v->shape))) return 0;
  bt_call call{};
  begin(node, call);
  return node.op->macs(&call);
}

int64_t multiply_adds(const Node& node) {
  bt_env env{};
  return Call(env).macs(node);
}

}  // namespace bantam
