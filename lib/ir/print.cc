// SPDX-License-Identifier: Apache-2.0
// The text form of a graph, out: printing (ir/text.h).
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/hash.h"
#include "base/text.h"
#include "ir/op.h"
#include "ir/text.h"

namespace bantam {
namespace {

bool is_plain(std::string_view name) {
  if (name.empty() || !(std::isalpha(static_cast<unsigned char>(name[0])) || name[0] == '_')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '/' || c == ':';
  });
}

std::string in_quotes(std::string_view text) { return '"' + printable(text) + '"'; }

std::string list_text(const auto& values, const auto& one) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) out += (i ? ", " : "") + one(values[i]);
  return out + "]";
}

std::string number_text(const Tensor& t, int64_t i) {
  if (t.dtype() == BT_BOOL) return t.integer(i) ? "true" : "false";
  if (t.dtype() == BT_F32 || bt_is_half(t.dtype())) return shortest(static_cast<float>(t.number(i)));
  if (bt_is_int(t.dtype()))
    return t.dtype() == BT_U64 ? std::to_string(static_cast<uint64_t>(t.integer(i))) : std::to_string(t.integer(i));
  return shortest(t.number(i));
}

std::string type_text(DType dtype, const std::optional<Shape>& shape, const Symbols& symbols) {
  if (!shape) return formatted("{}[...]", bt_dtype_name(dtype));
  std::string dims;
  for (size_t i = 0; i < shape->size(); ++i) {
    const int64_t d = (*shape)[i];
    std::string text = d >= 0 ? std::to_string(d) : symbols.name(d);
    if (d < 0 && text != "?" && !is_plain(text)) text = in_quotes(text);
    dims += (i ? "," : "") + text;
  }
  return formatted("{}[{}]", bt_dtype_name(dtype), dims);
}

std::string quant_text(const Value& v) {
  if (!v.quant) return "";
  const Quant& q = *v.quant;
  std::string out = " q(";
  if (bt_is_float(v.dtype)) out += formatted("{}, ", bt_dtype_name(q.storage));
  if (q.axis >= 0) out += formatted("axis={}, ", q.axis);
  if (q.bits != bt_dtype_bits(q.storage)) out += formatted("bits={}, ", q.bits);
  if (q.narrow) out += "narrow=1, ";
  const auto real = [](float f) { return shortest(f); };
  const auto integer = [](int32_t i) { return std::to_string(i); };
  out += "scale=" + (q.scale.size() == 1 && q.axis < 0 ? real(q.scale[0]) : list_text(q.scale, real));
  if (!q.zero.empty()) out += ", zero=" + (q.zero.size() == 1 && q.axis < 0 ? integer(q.zero[0]) : list_text(q.zero, integer));
  return out + ")";
}

class Printer {
 public:
  Printer(const Graph& graph, const PrintOptions& options, std::string indent)
      : graph_(graph), options_(options), indent_(std::move(indent)) {}

  std::string run() {
    out_ = graph_.name.empty() ? "graph {\n" : "graph " + (is_plain(graph_.name) ? graph_.name : in_quotes(graph_.name)) + " {\n";
    for (const Value* v : graph_.inputs()) line("in " + head(*v));
    for (const Value* v : graph_.values())
      if (v->constant) line("const " + head(*v) + " = " + payload(*v->constant));
    for (const Node* n : graph_.nodes()) node(*n);
    for (const Value* v : graph_.outputs()) line("out " + name_text(v->name));
    return out_ + indent_ + "}";
  }

 private:
  void line(const std::string& text) { out_ += indent_ + "  " + text + "\n"; }
  std::string head(const Value& v) {
    return name_text(v.name) + " : " + type_text(v.dtype, v.shape, graph_.symbols()) + quant_text(v);
  }
  std::string payload(const Tensor& t) {
    const int64_t n = t.count();
    if (options_.full || n <= options_.longest) return elements_text(t);
    bool same = true;
    for (int64_t i = 1; i < n && same; ++i)
      same = std::memcmp(t.bytes().data(), t.bytes().data() + static_cast<size_t>(i) * bt_dtype_size(t.dtype()), bt_dtype_size(t.dtype())) == 0;
    if (same) return "splat(" + number_text(t, 0) + ")";
    double lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < n; ++i) lo = std::min(lo, t.number(i)), hi = std::max(hi, t.number(i));
    return formatted("hash(\"{}\", min={}, max={})", hex(hash_of(t.bytes().data(), t.bytes().size()), 4),
                     shortest(static_cast<float>(lo)), shortest(static_cast<float>(hi)));
  }
  std::string attr(const AttrValue& value, const bt_attr_spec& spec) {
    if (const auto* i = std::get_if<int64_t>(&value)) return std::to_string(*i);
    if (const auto* f = std::get_if<float>(&value)) return shortest(*f);
    if (const auto* s = std::get_if<std::string>(&value)) return in_quotes(*s);
    if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) return list_text(*list, [](int64_t v) { return std::to_string(v); });
    if (const auto* reals = std::get_if<std::vector<float>>(&value)) return list_text(*reals, [](float v) { return shortest(v); });
    if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) return list_text(*texts, [](const std::string& v) { return in_quotes(v); });
    if (const auto* t = std::get_if<std::shared_ptr<const Tensor>>(&value))
      return type_text((*t)->dtype(), (*t)->shape(), graph_.symbols()) + " " + payload(**t);
    (void)spec;
    return Printer(*std::get<std::shared_ptr<Graph>>(value), options_, indent_ + "  ").run();
  }
  void node(const Node& n) {
    std::string text;
    const Value* first = nullptr;
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (!first) first = n.outputs[i];
      text += (i ? ", " : "") + (n.outputs[i] ? head(*n.outputs[i]) : std::string("_"));
    }
    text += formatted(" = {}(", n.op->name);
    for (size_t i = 0; i < n.inputs.size(); ++i)
      text += (i ? ", " : "") + (n.inputs[i] ? name_text(n.inputs[i]->name) : std::string("_"));
    text += ")";
    std::string attrs;
    for (size_t i = 0; i < static_cast<size_t>(attr_count(*n.op)); ++i)
      if (const AttrValue* value = n.attr(i))
        attrs += (attrs.empty() ? "" : ", ") + std::string(n.op->attrs[i].name) + "=" + attr(*value, n.op->attrs[i]);
    if (!attrs.empty()) text += " {" + attrs + "}";
    if (n.integer) text += " integer";
    if (options_.names && first && n.name != first->name) text += " @" + in_quotes(n.name);
    line(text);
  }

  const Graph& graph_;
  const PrintOptions& options_;
  std::string indent_, out_;
};

}  // namespace

std::string name_text(std::string_view name) {
  return "%" + (is_plain(name) ? std::string(name) : in_quotes(name));
}

std::string elements_text(const Tensor& tensor) {
  std::string out = "[";
  for (int64_t i = 0; i < tensor.count(); ++i) out += (i ? ", " : "") + number_text(tensor, i);
  return out + "]";
}

std::string print(const Graph& graph, const PrintOptions& options) {
  return Printer(graph, options, "").run() + "\n";
}

}  // namespace bantam
