// SPDX-License-Identifier: Apache-2.0
#include "ir/partial.h"

#include <algorithm>
#include <limits>

#include "runtime/op.h"

namespace bantam {
namespace {

using Elements = std::vector<int64_t>;
constexpr int64_t kPartialMax = 64;
constexpr int64_t kUnknown = BT_SYMBOL(-1);

// Elements of an integer value: known, partly known, or none.
std::optional<Elements> elements_of(const Value* v) {
  if (!v || (v->dtype != BT_I64 && v->dtype != BT_I32)) return std::nullopt;
  const Tensor* tensor = v->constant ? v->constant.get() : v->known.get();
  if (tensor) return tensor->count() <= kPartialMax ? std::optional(tensor->integers()) : std::nullopt;
  if (!v->partial.empty()) return v->partial;
  return std::nullopt;
}

// All elements known.
std::optional<Elements> numbers_of(const Value* v) {
  auto list = elements_of(v);
  if (list && std::any_of(list->begin(), list->end(), bt_is_symbol)) return std::nullopt;
  return list;
}

std::optional<Elements> shape_op(const Node& node) {
  const Value* x = node.input(0);
  if (!x->shape) return std::nullopt;
  const auto rank = static_cast<int64_t>(x->shape->size());
  const auto clip = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank); };
  int64_t end = node.attr_int("end");
  end = end == std::numeric_limits<int64_t>::max() ? rank : clip(end);
  Elements out;
  for (int64_t i = clip(node.attr_int("start")); i < end; ++i) {
    const int64_t d = (*x->shape)[static_cast<size_t>(i)];
    out.push_back(d >= 0 ? d : BT_SYMBOL(d));
  }
  return out;
}

std::optional<Elements> gather(const Node& node) {
  const auto data = elements_of(node.input(0)), index = numbers_of(node.input(1));
  if (!data || !index || node.input(0)->rank() != 1) return std::nullopt;
  Elements out;
  const auto n = static_cast<int64_t>(data->size());
  for (int64_t i : *index) {
    if (i < -n || i >= n) return std::nullopt;
    out.push_back((*data)[static_cast<size_t>(i < 0 ? i + n : i)]);
  }
  return out;
}

std::optional<Elements> concat(const Node& node) {
  Elements out;
  for (const Value* v : node.inputs) {
    if (!v || v->rank() != 1 || (*v->shape)[0] < 0) return std::nullopt;
    if (v->dtype != BT_I64 && v->dtype != BT_I32) return std::nullopt;
    const auto list = elements_of(v);
    if (!list && (*v->shape)[0] > kPartialMax) return std::nullopt;
    for (int64_t i = 0; i < (*v->shape)[0]; ++i)
      out.push_back(list ? (*list)[static_cast<size_t>(i)] : kUnknown);
  }
  return out;
}

std::optional<Elements> slice(const Node& node) {
  const auto data = elements_of(node.input(0)), starts = numbers_of(node.input(1)),
             ends = numbers_of(node.input(2));
  const auto steps = node.input(4) ? numbers_of(node.input(4)) : std::optional(Elements{1});
  if (!data || !starts || !ends || !steps || node.input(0)->rank() != 1 || starts->size() != 1 ||
      ends->size() != 1 || (*steps)[0] != 1)
    return std::nullopt;
  const auto n = static_cast<int64_t>(data->size());
  const auto place = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? (i < -n ? 0 : i + n) : i, 0, n); };
  const int64_t from = place((*starts)[0]), to = place((*ends)[0]);
  if (from >= to) return Elements{};
  return Elements(data->begin() + from, data->begin() + to);
}

// Element-wise arithmetic where a symbol survives only a neutral operand.
std::optional<Elements> arithmetic(const Node& node) {
  const auto a = elements_of(node.input(0)), b = elements_of(node.input(1));
  if (!a || !b || a->empty() || b->empty()) return std::nullopt;
  if (a->size() != b->size() && a->size() != 1 && b->size() != 1) return std::nullopt;
  Elements out;
  for (size_t i = 0; i < std::max(a->size(), b->size()); ++i) {
    const int64_t x = (*a)[a->size() == 1 ? 0 : i], y = (*b)[b->size() == 1 ? 0 : i];
    const bool known = !bt_is_symbol(x) && !bt_is_symbol(y);
    int64_t z = kUnknown;
    bool overflow = false;
    if (node.is("Add")) {
      if (known) overflow = __builtin_add_overflow(x, y, &z);
      else if (y == 0) z = x;
      else if (x == 0) z = y;
    } else if (node.is("Sub")) {
      if (known) overflow = __builtin_sub_overflow(x, y, &z);
      else if (y == 0) z = x;
    } else if (node.is("Mul")) {
      if (known) overflow = __builtin_mul_overflow(x, y, &z);
      else if (y == 1) z = x;
      else if (x == 1) z = y;
      else if (x == 0 || y == 0) z = 0;
    } else if (node.is("Div")) {
      if (known && y > 0) z = x / y;
      else if (y == 1) z = x;
    }
    out.push_back(overflow ? kUnknown : z);
  }
  return out;
}

std::optional<Elements> where(const Node& node) {
  const Value* condition = node.input(0);
  const Tensor* tensor = condition->constant ? condition->constant.get() : condition->known.get();
  const auto a = elements_of(node.input(1)), b = elements_of(node.input(2));
  if (!tensor || !a || !b || tensor->count() > kPartialMax) return std::nullopt;
  const size_t n = std::max({a->size(), b->size(), static_cast<size_t>(tensor->count())});
  Elements out;
  for (size_t i = 0; i < n; ++i) {
    const bool yes = tensor->integer(tensor->count() == 1 ? 0 : static_cast<int64_t>(i)) != 0;
    const Elements& from = yes ? *a : *b;
    if (from.size() != n && from.size() != 1) return std::nullopt;
    out.push_back(from[from.size() == 1 ? 0 : i]);
  }
  return out;
}

std::optional<Elements> compute(const Node& node) {
  if (node.is("Shape")) return shape_op(node);
  if (node.is("Gather")) return gather(node);
  if (node.is("Concat")) return concat(node);
  if (node.is("Slice")) return slice(node);
  if (node.is("Where")) return where(node);
  if (node.is("Add") || node.is("Sub") || node.is("Mul") || node.is("Div")) return arithmetic(node);
  for (const char* same : {"Identity", "Squeeze", "Unsqueeze", "Reshape", "Cast", "Flatten"})
    if (node.is(same)) return elements_of(node.input(0));
  return std::nullopt;
}

}  // namespace

void learn_partial(Node& node) {
  Value* out = node.output(0);
  if (!out || (out->dtype != BT_I64 && out->dtype != BT_I32)) return;
  if (!out->shape || !is_known(*out->shape)) return;
  const int64_t count = element_count(*out->shape);
  if (count > kPartialMax) return;
  auto elements = compute(node);
  if (!elements || static_cast<int64_t>(elements->size()) != count) return;
  if (std::all_of(elements->begin(), elements->end(), [](int64_t v) { return v == kUnknown; })) return;
  if (std::none_of(elements->begin(), elements->end(), bt_is_symbol)) {  // of lengths that are all known
    std::vector<uint8_t> bytes;
    for (const int64_t v : *elements) store_le(bytes, static_cast<uint64_t>(v), static_cast<int>(bt_dtype_size(out->dtype)));
    out->known = std::make_shared<const Tensor>(out->dtype, *out->shape, Bytes(std::move(bytes)));
    return;
  }
  out->partial = std::move(*elements);
}

}  // namespace bantam
