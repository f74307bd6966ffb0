// SPDX-License-Identifier: Apache-2.0
// The text form of a graph, in: parsing (ir/text.h).
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/format.h"
#include "base/random.h"
#include "base/text.h"
#include "ir/infer.h"
#include "ir/op.h"
#include "ir/text.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

constexpr int kDepth = 32;
constexpr int64_t kLargest = int64_t{1} << 28;  // elements of a constant in a text

int64_t saturated(double v) {
  if (std::isnan(v)) return 0;
  if (v >= 9.2e18) return std::numeric_limits<int64_t>::max();
  if (v <= -9.2e18) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(v);
}

// An integer literal keeps all its digits; other numbers are rounded towards zero.
Result<int64_t> parse_integer(Lexer& lex) {
  int64_t exact = 0;
  if (lex.peek().kind == Token::number && parse_int(lex.peek().value, &exact)) {
    lex.take();
    return exact;
  }
  TRY(const double v, lex.expect_number("an integer"));
  return saturated(v);
}

class Parser {
 public:
  Parser(Lexer& lex, std::shared_ptr<Symbols> symbols, int depth) : lex_(lex), graph_("", std::move(symbols)), depth_(depth) {}

  Result<Graph> run() {
    if (depth_ > kDepth) return lex_.error("graphs are nested too deeply");
    TRY(lex_.expect("graph"));
    if (lex_.peek().kind == Token::word || lex_.peek().kind == Token::text) graph_.name = lex_.take().value;
    TRY(lex_.expect("{"));
    while (!lex_.accept("}")) {
      if (lex_.accept("in")) TRY(input());
      else if (lex_.accept("const")) TRY(constant());
      else if (lex_.accept("out")) TRY(output());
      else TRY(node());
    }
    return std::move(graph_);
  }

 private:
  struct Head {
    std::string name;
    std::optional<TypeText> type;
    std::shared_ptr<Quant> quant;
  };

  Result<std::string> name() {
    TRY(lex_.expect("%"));
    const auto kind = lex_.peek().kind;
    if (kind == Token::end || kind == Token::symbol) return lex_.error("a name is expected behind %");
    return lex_.take().value;
  }

  // %name [: type [q(...)]]
  Result<Head> head() {
    Head h;
    TRY(h.name, name());
    if (!lex_.accept(":")) return h;
    TRY(h.type, parse_type(lex_, graph_.symbols()));
    if (lex_.accept("q")) {
      TRY(h.quant, quant(*h.type));
    }
    return h;
  }

  Result<std::shared_ptr<Quant>> quant(const TypeText& type) {
    auto q = std::make_shared<Quant>();
    q->storage = bt_is_float(type.dtype) ? BT_I8 : type.dtype;
    bool has_bits = false;
    TRY(lex_.expect("("));
    while (!lex_.accept(")")) {
      TRY(const std::string key, lex_.expect_word("a property"));
      if (key == "scale" || key == "zero") {
        TRY(lex_.expect("="));
        const bool list = lex_.accept("[");
        do {
          TRY(const double v, lex_.expect_number("a number"));
          if (key == "scale") q->scale.push_back(static_cast<float>(v));
          else q->zero.push_back(static_cast<int32_t>(v));
        } while (list && lex_.accept(","));
        if (list) TRY(lex_.expect("]"));
      } else if (key == "axis" || key == "bits" || key == "narrow") {
        TRY(lex_.expect("="));
        TRY(const int64_t v, parse_integer(lex_));
        if (key == "axis") q->axis = static_cast<int>(v);
        else if (key == "bits") q->bits = static_cast<int>(v), has_bits = true;
        else q->narrow = v != 0;
      } else {
        q->storage = dtype_named(key);
        if (!bt_is_int(q->storage)) return lex_.error(formatted("{} is no integer type", quote(key)));
      }
      lex_.accept(",");
    }
    if (!has_bits) q->bits = bt_dtype_bits(q->storage);
    if (q->scale.empty()) return lex_.error("q(...) needs a scale");
    if (!q->zero.empty() && q->zero.size() != q->scale.size()) return lex_.error("as many zeros as scales are needed");
    const auto rank = type.shape ? static_cast<int>(type.shape->size()) : 0;
    if (q->axis >= rank || (q->axis < 0 && q->scale.size() != 1) ||
        (q->axis >= 0 && q->scale.size() != 1 && (*type.shape)[static_cast<size_t>(q->axis)] != static_cast<int64_t>(q->scale.size())))
      return lex_.error("the number of scales does not fit the axis");
    return q;
  }

  Result<void> check_free(const std::string& value_name) {
    if (graph_.find(value_name)) return lex_.error(formatted("{} is defined twice", quote(value_name)));
    return {};
  }

  Result<void> input() {
    TRY(Head h, head());
    TRY(check_free(h.name));
    if (!h.type) return lex_.error("an input needs a type");
    graph_.add_input(h.name, h.type->dtype, h.type->shape)->quant = h.quant;
    return {};
  }

  Result<void> constant() {
    TRY(Head h, head());
    TRY(check_free(h.name));
    if (!h.type || !h.type->shape || !is_known(*h.type->shape)) return lex_.error("a constant needs a type with known lengths");
    TRY(lex_.expect("="));
    TRY(Tensor t, parse_elements(lex_, h.type->dtype, *h.type->shape));
    graph_.add_constant(h.name, std::move(t), h.quant);
    return {};
  }

  Result<void> output() {
    TRY(const std::string value_name, name());
    Value* v = graph_.find(value_name);
    if (!v) return lex_.error(formatted("output {} is not defined", quote(value_name)));
    graph_.add_output(v);
    return {};
  }

  Result<AttrValue> attr(const bt_attr_spec& spec) {
    switch (spec.kind) {
      case BT_INT: {
        TRY(const int64_t v, parse_integer(lex_));
        return AttrValue(v);
      }
      case BT_FLOAT: {
        TRY(const double v, lex_.expect_number("a number"));
        return AttrValue(static_cast<float>(v));
      }
      case BT_ENUM:
      case BT_TEXT:
        if (lex_.peek().kind != Token::text) return lex_.error("a quoted text is expected");
        return AttrValue(lex_.take().value);
      case BT_TENSOR: {
        TRY(const TypeText type, parse_type(lex_, graph_.symbols()));
        if (!type.shape || !is_known(*type.shape)) return lex_.error("a tensor needs known lengths");
        TRY(Tensor t, parse_elements(lex_, type.dtype, *type.shape));
        return AttrValue(std::make_shared<const Tensor>(std::move(t)));
      }
      case BT_GRAPH: {
        Parser inner(lex_, graph_.shared_symbols(), depth_ + 1);
        TRY(Graph g, inner.run());
        return AttrValue(std::make_shared<Graph>(std::move(g)));
      }
      default: break;
    }
    std::vector<int64_t> ints;
    std::vector<float> floats;
    std::vector<std::string> texts;
    TRY(lex_.expect("["));
    while (!lex_.accept("]")) {
      if (spec.kind == BT_INTS) {
        TRY(const int64_t v, parse_integer(lex_));
        ints.push_back(v);
      } else if (spec.kind == BT_FLOATS) {
        TRY(const double v, lex_.expect_number("a number"));
        floats.push_back(static_cast<float>(v));
      } else {
        if (lex_.peek().kind != Token::text) return lex_.error("a quoted text is expected");
        texts.push_back(lex_.take().value);
      }
      if (!lex_.at("]")) TRY(lex_.expect(","));
    }
    if (spec.kind == BT_INTS) return AttrValue(std::move(ints));
    if (spec.kind == BT_FLOATS) return AttrValue(std::move(floats));
    return AttrValue(std::move(texts));
  }

  Result<void> node() {
    std::vector<Head> heads;
    do {
      if (lex_.accept("_")) {
        heads.emplace_back();
      } else {
        TRY(Head h, head());
        TRY(check_free(h.name));
        heads.push_back(std::move(h));
      }
    } while (lex_.accept(","));
    TRY(lex_.expect("="));
    const Token where = lex_.peek();
    TRY(const std::string op_name, lex_.expect_word("an operator"));
    const bt_op* op = find_op(op_name);
    if (!op) return lex_.error_at(where, formatted("there is no operator {}{}", quote(op_name), suggestion(op_name, op_names())));
    TRY(lex_.expect("("));
    std::vector<Value*> inputs;
    while (!lex_.accept(")")) {
      if (lex_.accept("_")) {
        inputs.push_back(nullptr);
      } else {
        TRY(const std::string value_name, name());
        inputs.push_back(graph_.find(value_name));
        if (!inputs.back()) return lex_.error(formatted("{} is not defined", quote(value_name)));
      }
      if (!lex_.at(")")) TRY(lex_.expect(","));
    }
    AttrList attrs;
    if (lex_.accept("{"))
      while (!lex_.accept("}")) {
        TRY(const std::string key, lex_.expect_word("an attribute"));
        const int index = attr_index(*op, key);
        if (index < 0) return lex_.error(formatted("{} has no attribute {}", op->name, quote(key)));
        TRY(lex_.expect("="));
        TRY(AttrValue value, attr(op->attrs[index]));
        attrs.emplace_back(key, std::move(value));
        if (!lex_.at("}")) TRY(lex_.expect(","));
      }
    const bool integer = lex_.accept("integer");
    std::string node_name = heads[0].name;
    if (lex_.accept("@")) node_name = lex_.take().value;
    return build(op_name, node_name, std::move(inputs), std::move(attrs), heads, integer);
  }

  Result<void> build(const std::string& op, const std::string& node_name, std::vector<Value*> inputs, AttrList attrs,
                     const std::vector<Head>& heads, bool integer) {
    std::vector<std::string> outputs;
    for (const Head& h : heads) outputs.push_back(h.name);
    auto made = graph_.append(op, node_name, std::move(inputs), std::move(attrs), outputs);
    if (!made.ok()) return made.error();
    Node* n = *made;
    n->integer = integer;
    bool stored = false;
    for (size_t i = 0; i < heads.size(); ++i)
      if (n->outputs[i] && heads[i].quant) {
        n->outputs[i]->quant = heads[i].quant;
        n->outputs[i]->dtype = heads[i].type->dtype;
        stored = true;
      }
    if (stored) TRY(infer_node(graph_, *n));  // the type may follow from how the output is stored
    for (size_t i = 0; i < heads.size(); ++i) {
      const auto& type = heads[i].type;
      const Value* v = n->outputs[i];
      if (!v || !type) continue;
      bool fits = type->dtype == v->dtype && (!type->shape || v->rank() < 0 || type->shape->size() == v->shape->size());
      for (size_t d = 0; fits && type->shape && v->shape && d < v->shape->size(); ++d) fits = !bt_clash((*type->shape)[d], (*v->shape)[d]);
      if (!fits)
        return lex_.error(formatted("{} is {}{}, not what is written here", quote(v->name), bt_dtype_name(v->dtype), v->shape ? shape_text(*v->shape) : "[...]"));
    }
    return {};
  }

  Lexer& lex_;
  Graph graph_;
  int depth_;
};

}  // namespace

Result<TypeText> parse_type(Lexer& lex, Symbols& symbols) {
  TypeText type;
  TRY(const std::string word, lex.expect_word("a type"));
  type.dtype = dtype_named(word);
  if (type.dtype == BT_NONE) return lex.error(formatted("{} is no type", quote(word)));
  TRY(lex.expect("["));
  if (lex.accept(".")) {
    TRY(lex.expect("."));
    TRY(lex.expect("."));
    TRY(lex.expect("]"));
    return type;
  }
  type.shape.emplace();
  while (!lex.accept("]")) {
    const Token t = lex.take();
    int64_t d = -1;
    if (t.kind == Token::word || t.kind == Token::text) d = symbols.dim(t.value);
    else if (t.kind == Token::symbol && t.value == "?") d = -1;
    else if (t.kind != Token::number || !parse_int(t.value, &d) || d < 0) return lex.error_at(t, formatted("a length is expected, {} found", quote(t.value)));
    type.shape->push_back(d);
    if (type.shape->size() > BT_MAX_RANK) return lex.error(formatted("ranks above {} are not supported", BT_MAX_RANK));
    if (!lex.at("]")) TRY(lex.expect(","));
  }
  return type;
}

Result<Tensor> parse_elements(Lexer& lex, DType dtype, const Shape& shape) {
  const auto count = checked_count(shape);
  if (!count || *count > kLargest) return lex.error("the constant is too large for a text");
  if (!bt_is_type(dtype, BT_TYPES_ANY)) return lex.error(formatted("constants of type {} cannot be written", bt_dtype_name(dtype)));
  std::vector<uint8_t> bytes(static_cast<size_t>(*count) * bt_dtype_size(dtype));
  bt_tensor view{};
  view.dtype = dtype;
  view.data = bytes.data();
  const auto done = [&] { return Tensor(dtype, shape, Bytes(std::move(bytes))); };
  if (lex.accept("splat")) {
    TRY(lex.expect("("));
    TRY(const double v, lex.expect_number("a number"));
    TRY(lex.expect(")"));
    for (int64_t i = 0; i < *count; ++i) bt_put(&view, i, v);
    return done();
  }
  if (lex.accept("random")) {
    double seed = 0, lo = -1, hi = 1;
    TRY(lex.expect("("));
    while (!lex.accept(")")) {
      TRY(const std::string key, lex.expect_word("seed, lo or hi"));
      TRY(lex.expect("="));
      TRY(const double v, lex.expect_number("a number"));
      if (key == "seed") seed = v;
      else if (key == "lo") lo = v;
      else if (key == "hi") hi = v;
      else return lex.error(formatted("random has no {}", quote(key)));
      if (!lex.at(")")) TRY(lex.expect(","));
    }
    Random random(static_cast<uint64_t>(saturated(seed)));
    for (int64_t i = 0; i < *count; ++i) bt_put(&view, i, lo + (hi - lo) * static_cast<double>(random.uniform()));
    return done();
  }
  int64_t i = 0;
  int depth = 0;
  if (!lex.at("[")) return lex.error("a list, splat(...) or random(...) is expected");
  do {
    if (lex.accept("[")) {
      ++depth;
    } else if (lex.accept("]")) {
      --depth;
    } else if (lex.accept(",")) {
      continue;
    } else {
      if (i >= *count) return lex.error(formatted("more than {} elements", *count));
      int64_t exact = 0;
      if (lex.accept("true")) {
        bt_put_int(&view, i++, 1);
      } else if (lex.accept("false")) {
        bt_put_int(&view, i++, 0);
      } else if (bt_is_int(dtype) && lex.peek().kind == Token::number && parse_int(lex.peek().value, &exact)) {
        lex.take();
        bt_put_int(&view, i++, exact);
      } else {
        TRY(const double v, lex.expect_number("an element"));
        bt_put(&view, i++, v);
      }
    }
  } while (depth > 0);
  if (i != *count) return lex.error(formatted("{} elements are given, the shape has {}", i, *count));
  return done();
}

Result<Graph> parse_graph(Lexer& lexer, const std::shared_ptr<Symbols>& symbols) {
  return Parser(lexer, symbols, 0).run();
}

Result<Graph> parse_graph(std::string_view text) {
  Lexer lexer(text, "//", false);
  TRY(Graph graph, parse_graph(lexer, nullptr));
  if (lexer.peek().kind != Token::end) return lexer.error("nothing is expected behind the graph");
  return graph;
}

}  // namespace bantam
