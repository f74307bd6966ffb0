// SPDX-License-Identifier: Apache-2.0
// Attributes of a node, checked against the operator's schema.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/format.h"
#include "base/text.h"
#include "ir/graph.h"
#include "ir/op.h"

namespace bantam {
namespace {

// Asking for an attribute that the schema does not have is a mistake in our own code.
int index_or_die(const bt_op& op, std::string_view key) {
  const int i = attr_index(op, key);
  if (i < 0) {
    std::fprintf(stderr, "bantam: internal error: %s has no attribute %.*s\n", op.name,
                 static_cast<int>(key.size()), key.data());
    std::abort();
  }
  return i;
}

template <typename T>
const T* stored(const Node& node, std::string_view key) {
  const AttrValue* value = node.attr(static_cast<size_t>(index_or_die(*node.op, key)));
  return value ? std::get_if<T>(value) : nullptr;
}

bool kind_fits(const bt_attr_spec& spec, const AttrValue& value) {
  switch (spec.kind) {
    case BT_INT: return std::holds_alternative<int64_t>(value);
    case BT_FLOAT: return std::holds_alternative<float>(value);
    case BT_ENUM:
    case BT_TEXT: return std::holds_alternative<std::string>(value);
    case BT_INTS: return std::holds_alternative<std::vector<int64_t>>(value);
    case BT_FLOATS: return std::holds_alternative<std::vector<float>>(value);
    case BT_TEXTS: return std::holds_alternative<std::vector<std::string>>(value);
    case BT_TENSOR: return std::holds_alternative<std::shared_ptr<const Tensor>>(value);
    case BT_GRAPH: return std::holds_alternative<std::shared_ptr<Graph>>(value);
    default: return false;
  }
}

bool is_default(const bt_attr_spec& spec, const AttrValue& value) {
  if (spec.required) return false;
  switch (spec.kind) {
    case BT_INT: return std::get<int64_t>(value) == spec.i;
    case BT_FLOAT: return std::get<float>(value) == spec.f;
    case BT_ENUM: return word_index(spec, std::get<std::string>(value)) == spec.i;
    case BT_TEXT: return std::get<std::string>(value).empty();
    case BT_INTS: return std::get<std::vector<int64_t>>(value).empty();
    case BT_FLOATS: return std::get<std::vector<float>>(value).empty();
    case BT_TEXTS: return std::get<std::vector<std::string>>(value).empty();
    default: return false;
  }
}

}  // namespace

const AttrValue* Node::attr(size_t schema_index) const {
  for (const auto& [index, value] : attrs_)
    if (static_cast<size_t>(index) == schema_index) return &value;
  return nullptr;
}

AttrList Node::attrs() const {
  AttrList list;
  for (const auto& [index, value] : attrs_) list.emplace_back(op->attrs[index].name, value);
  return list;
}

bool Node::has_attr(std::string_view key) const { return attr_index(*op, key) >= 0; }

int64_t Node::attr_int(std::string_view key) const {
  const auto* v = stored<int64_t>(*this, key);
  return v ? *v : op->attrs[attr_index(*op, key)].i;
}

float Node::attr_float(std::string_view key) const {
  const auto* v = stored<float>(*this, key);
  return v ? *v : op->attrs[attr_index(*op, key)].f;
}

std::string Node::attr_word(std::string_view key) const {
  const auto* v = stored<std::string>(*this, key);
  if (v) return *v;
  const bt_attr_spec& spec = op->attrs[attr_index(*op, key)];
  return spec.kind == BT_ENUM ? word_at(spec, spec.i) : "";
}

std::vector<int64_t> Node::attr_ints(std::string_view key) const {
  const auto* v = stored<std::vector<int64_t>>(*this, key);
  return v ? *v : std::vector<int64_t>();
}

std::vector<float> Node::attr_floats(std::string_view key) const {
  const auto* v = stored<std::vector<float>>(*this, key);
  return v ? *v : std::vector<float>();
}

std::shared_ptr<Graph> Node::attr_graph(std::string_view key) const {
  const auto* v = stored<std::shared_ptr<Graph>>(*this, key);
  return v ? *v : nullptr;
}

Result<void> Node::set_attr(std::string_view key, AttrValue value) {
  const int index = attr_index(*op, key);
  if (index < 0)
    return Error{Code::internal, formatted("{} has no attribute {}", op->name, quote(key))};
  const bt_attr_spec& spec = op->attrs[index];
  if (!kind_fits(spec, value))
    return Error{Code::internal, formatted("attribute {} of {} has the wrong kind", spec.name, op->name)};
  if (spec.kind == BT_ENUM && word_index(spec, std::get<std::string>(value)) < 0)
    return Error{Code::bad_input,
                 formatted("{} of {} is {}; one of {} is needed", spec.name, op->name,
                           quote(std::get<std::string>(value)), spec.words)};
  const auto at = std::find_if(attrs_.begin(), attrs_.end(),
                               [&](const auto& entry) { return entry.first >= index; });
  const bool present = at != attrs_.end() && at->first == index;
  if (is_default(spec, value)) {
    if (present) attrs_.erase(at);
  } else if (present) {
    at->second = std::move(value);
  } else {
    attrs_.insert(at, {index, std::move(value)});
  }
  return {};
}

}  // namespace bantam
