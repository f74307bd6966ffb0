// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx_text.h"

#include "base/lexer.h"
#include "formats/onnx/proto.h"
#include "ir/text.h"

namespace bantam {
namespace {

using onnx::AttributeProto;

class OnnxParser {
 public:
  explicit OnnxParser(std::string_view text) : lex_(text, "//", false) {}

  Result<std::string> run() {
    model_.set_ir_version(10);
    while (lex_.peek().kind != Token::end) {
      if (lex_.accept("ir")) {
        TRY(const double version, lex_.expect_number("a version"));
        model_.set_ir_version(static_cast<int64_t>(version));
      } else if (lex_.accept("opset")) {
        TRY(opset(*model_.add_opset_import()));
      } else if (lex_.accept("function")) {
        TRY(function());
      } else {
        TRY(line(*model_.mutable_graph()));
      }
    }
    return model_.SerializeAsString();
  }

 private:
  Result<std::string> name() {
    TRY(lex_.expect("%"));
    return lex_.take().value;
  }

  // (%a, _, %b)
  template <typename Add>
  Result<void> names(const Add& add) {
    TRY(lex_.expect("("));
    while (!lex_.accept(")")) {
      if (lex_.accept("_")) {
        add("");
      } else {
        TRY(const std::string n, name());
        add(n);
      }
      lex_.accept(",");
    }
    return {};
  }

  Result<void> opset(onnx::OperatorSetIdProto& id) {
    TRY(const double version, lex_.expect_number("a version"));
    id.set_version(static_cast<int64_t>(version));
    if (lex_.peek().kind == Token::text) id.set_domain(lex_.take().value);
    return {};
  }

  Result<void> value_info(onnx::ValueInfoProto& info) {
    TRY(const std::string n, name());
    info.set_name(n);
    if (!lex_.accept(":")) return {};
    TRY(const TypeText type, parse_type(lex_, symbols_));
    auto* tensor = info.mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type.dtype);
    if (!type.shape) return {};
    auto* shape = tensor->mutable_shape();
    for (const int64_t d : *type.shape) {
      auto* dim = shape->add_dim();
      if (d >= 0) dim->set_dim_value(d);
      else if (d < -1) dim->set_dim_param(symbols_.name(d));
    }
    return {};
  }

  // f32[2] with the elements behind it, or behind "="
  Result<void> tensor(onnx::TensorProto& proto) {
    TRY(const TypeText type, parse_type(lex_, symbols_));
    if (!type.shape) return lex_.error("a shape is needed");
    lex_.accept("=");
    TRY(const Tensor t, parse_elements(lex_, type.dtype, *type.shape));
    proto.set_data_type(type.dtype);
    for (const int64_t d : *type.shape) proto.add_dims(d);
    proto.set_raw_data(t.bytes().data(), t.bytes().size());
    return {};
  }

  Result<void> sparse(onnx::SparseTensorProto& proto) {
    TRY(const std::string n, name());
    TRY(lex_.expect(":"));
    TRY(const TypeText type, parse_type(lex_, symbols_));
    for (const int64_t d : *type.shape) proto.add_dims(d);
    proto.mutable_values()->set_name(n);
    proto.mutable_values()->set_data_type(type.dtype);
    auto* indices = proto.mutable_indices();
    indices->set_data_type(onnx::TensorProto::INT64);
    TRY(lex_.expect("["));
    while (!lex_.accept("]")) {
      TRY(const double at, lex_.expect_number("an index"));
      indices->add_int64_data(static_cast<int64_t>(at));
      lex_.accept(",");
    }
    const int64_t count = indices->int64_data_size();
    indices->add_dims(count);
    proto.mutable_values()->add_dims(count);
    TRY(lex_.expect("="));
    TRY(const Tensor values, parse_elements(lex_, type.dtype, {count}));
    proto.mutable_values()->set_raw_data(values.bytes().data(), values.bytes().size());
    return {};
  }

  Result<void> external(onnx::TensorProto& proto) {
    TRY(const std::string n, name());
    proto.set_name(n);
    TRY(lex_.expect(":"));
    TRY(const TypeText type, parse_type(lex_, symbols_));
    proto.set_data_type(type.dtype);
    for (const int64_t d : *type.shape) proto.add_dims(d);
    proto.set_data_location(onnx::TensorProto::EXTERNAL);
    TRY(lex_.expect("{"));
    while (!lex_.accept("}")) {
      auto* entry = proto.add_external_data();
      TRY(const std::string key, lex_.expect_word("a key"));
      entry->set_key(key);
      TRY(lex_.expect("="));
      entry->set_value(lex_.take().value);
      lex_.accept(",");
    }
    return {};
  }

  static bool is_float(const Token& t) {
    return t.kind != Token::text && t.value.find_first_of(".einfa") != std::string::npos;
  }

  Result<void> list(AttributeProto& attr) {
    attr.set_type(AttributeProto::INTS);
    while (!lex_.accept("]")) {
      const bool real = is_float(lex_.peek());
      if (lex_.peek().kind == Token::text) {
        attr.set_type(AttributeProto::STRINGS);
        attr.add_strings(lex_.take().value);
      } else {
        TRY(const double v, lex_.expect_number("a number"));
        if (real) attr.set_type(AttributeProto::FLOATS), attr.add_floats(static_cast<float>(v));
        else attr.add_ints(static_cast<int64_t>(v));
      }
      lex_.accept(",");
    }
    return {};
  }

  Result<void> attribute(AttributeProto& attr) {
    TRY(const std::string key, lex_.expect_word("an attribute"));
    attr.set_name(key);
    TRY(lex_.expect("="));
    if (lex_.accept("[")) return list(attr);
    if (lex_.accept("$")) {
      TRY(const std::string reference, lex_.expect_word("a name"));
      attr.set_ref_attr_name(reference);
      return {};
    }
    if (lex_.accept("body")) {
      attr.set_type(AttributeProto::GRAPH);
      TRY(lex_.expect("{"));
      while (!lex_.accept("}")) TRY(line(*attr.mutable_g()));
      return {};
    }
    const Token token = lex_.peek();
    if (token.kind == Token::text) {
      attr.set_type(AttributeProto::STRING);
      attr.set_s(lex_.take().value);
      return {};
    }
    if (token.kind == Token::word && token.value != "inf" && token.value != "nan") {
      attr.set_type(AttributeProto::TENSOR);
      return tensor(*attr.mutable_t());
    }
    TRY(const double v, lex_.expect_number("a number"));
    if (is_float(token)) attr.set_type(AttributeProto::FLOAT), attr.set_f(static_cast<float>(v));
    else attr.set_type(AttributeProto::INT), attr.set_i(static_cast<int64_t>(v));
    return {};
  }

  Result<void> node(onnx::NodeProto& proto) {
    do {
      if (lex_.accept("_")) {
        proto.add_output("");
      } else {
        TRY(const std::string n, name());
        proto.add_output(n);
      }
    } while (lex_.accept(","));
    TRY(lex_.expect("="));
    TRY(std::string op, lex_.expect_word("an operator"));
    if (const size_t colon = op.find(':'); colon != std::string::npos) {
      proto.set_domain(op.substr(0, colon));
      op = op.substr(colon + 1);
    }
    proto.set_op_type(op);
    TRY(names([&](const std::string& n) { proto.add_input(n); }));
    if (lex_.accept("{"))
      while (!lex_.accept("}")) {
        TRY(attribute(*proto.add_attribute()));
        lex_.accept(",");
      }
    if (lex_.accept("@")) proto.set_name(lex_.take().value);
    return {};
  }

  Result<void> line(onnx::GraphProto& graph) {
    if (lex_.accept("in")) return value_info(*graph.add_input());
    if (lex_.accept("out")) return value_info(*graph.add_output());
    if (lex_.accept("sparse")) return sparse(*graph.add_sparse_initializer());
    if (lex_.accept("external")) return external(*graph.add_initializer());
    if (!lex_.accept("init")) return node(*graph.add_node());
    auto& initializer = *graph.add_initializer();
    TRY(const std::string n, name());
    initializer.set_name(n);
    TRY(lex_.expect(":"));
    return tensor(initializer);
  }

  // An attribute of a function: a name, or a name with its default. The installed proto may be older
  // than defaults: they are field 11.
  Result<void> function_attribute(onnx::FunctionProto& proto) {
    TRY(const std::string key, lex_.expect_word("a name"));
    if (!lex_.accept("=")) {
      proto.add_attribute(key);
      return {};
    }
    AttributeProto attr;
    attr.set_name(key);
    TRY(const double v, lex_.expect_number("a number"));
    attr.set_type(AttributeProto::FLOAT);
    attr.set_f(static_cast<float>(v));
    const std::string bytes = attr.SerializeAsString();
    if (bytes.size() > 127) return lex_.error("the default is too long for a test");
    std::string field = {11 << 3 | 2, static_cast<char>(bytes.size())};
    if (!proto.ParseFromString(proto.SerializeAsString() + field + bytes)) return lex_.error("the default does not parse");
    return {};
  }

  Result<void> function() {
    onnx::FunctionProto proto;
    TRY(const std::string full, lex_.expect_word("domain:name"));
    const size_t colon = full.find(':');
    if (colon == std::string::npos) return lex_.error("a function needs a domain");
    proto.set_domain(full.substr(0, colon));
    proto.set_name(full.substr(colon + 1));
    TRY(names([&](const std::string& n) { proto.add_input(n); }));
    TRY(lex_.expect("gives"));
    TRY(names([&](const std::string& n) { proto.add_output(n); }));
    TRY(lex_.expect("{"));
    while (!lex_.accept("}")) {
      if (lex_.accept("attr")) TRY(function_attribute(proto));
      else if (lex_.accept("opset")) TRY(opset(*proto.add_opset_import()));
      else TRY(node(*proto.add_node()));
    }
    *model_.add_functions() = std::move(proto);
    return {};
  }

  Lexer lex_;
  Symbols symbols_;
  onnx::ModelProto model_;
};

}  // namespace

Result<std::string> onnx_from_text(std::string_view text) { return OnnxParser(text).run(); }

}  // namespace bantam
