// SPDX-License-Identifier: Apache-2.0
// The bytes are checked by the device's own reader.
#include "formats/native/read.h"

#include <memory>

#include "base/format.h"
#include "base/text.h"
#include "ir/evaluate.h"
#include "ir/op.h"
#include "runtime/model.h"
#include "runtime/session.h"

namespace bantam {
namespace {

struct Closer {
  void operator()(bt_model* m) const { bt_close(m); }
};

class Raiser {
 public:
  Raiser(const bt_model& model, Graph& graph) : model_(model), graph_(graph) {}

  Result<void> run(const bt_graph& g) {
    values_.assign(static_cast<size_t>(g.n_values), nullptr);
    for (int i = 0; i < g.n_inputs; ++i) {
      const bt_value& v = g.values[g.inputs[i]];
      Value* in = graph_.add_input(v.name, v.dtype, shape_of(v));
      in->quant = quant_of(v.quant, v.dtype);
      values_[static_cast<size_t>(g.inputs[i])] = in;
    }
    for (int i = 0; i < g.n_values; ++i)
      if (bt_is_constant(&g.values[i])) TRY(constant(g.values[i], static_cast<size_t>(i)));
    for (int n = 0; n < g.n_nodes; ++n) TRY(node(g, g.nodes[n], n));
    for (int i = 0; i < g.n_outputs; ++i) {
      Value* v = values_[static_cast<size_t>(g.outputs[i])];
      const char* name = g.values[g.outputs[i]].name;
      if (v->name != name) {
        if (Value* other = graph_.find(name)) graph_.rename(other, std::string(name) + ".inner");
        graph_.rename(v, name);
      }
      graph_.add_output(v);
    }
    return {};
  }

 private:
  std::optional<Shape> shape_of(const bt_value& v) {
    if (v.rank < 0) return std::nullopt;
    Shape shape(v.dims, v.dims + v.rank);
    for (int64_t& d : shape)
      if (d < -1) d = graph_.symbols().dim(model_.symbols[-2 - d]);
    return shape;
  }

  static std::shared_ptr<const Quant> quant_of(const bt_quant* q, DType dtype) {
    if (!q) return nullptr;
    auto quant = std::make_shared<Quant>();
    quant->storage = bt_is_float(dtype) ? BT_I8 : dtype;
    quant->bits = bt_dtype_bits(quant->storage);
    quant->axis = q->axis;
    quant->scale.assign(q->scale, q->scale + q->n);
    if (q->zero) quant->zero.assign(q->zero, q->zero + q->n);
    return quant;
  }

  Result<void> constant(const bt_value& v, size_t index) {
    Tensor tensor;
    const Shape shape(v.dims, v.dims + v.rank);
    const size_t bytes = static_cast<size_t>(element_count(shape)) * bt_dtype_size(v.dtype);
    const bt_quant* quant = v.quant;
    if (v.data) {
      tensor = Tensor(v.dtype, shape, Bytes::copy_of(v.data, bytes));
    } else {
      std::vector<uint8_t> data(bytes);
      if (const bt_status status = bt_stored_decode(v.stored, data.data()); status != BT_OK) return runtime_error(status, bt_last_error());
      tensor = Tensor(v.dtype, shape, Bytes(std::move(data)));
      quant = v.stored->quant;
    }
    values_[index] = graph_.add_constant(v.name[0] ? v.name : formatted("c{}", index), std::move(tensor), quant_of(quant, v.dtype));
    return {};
  }

  Result<AttrValue> attr(const bt_attr& a, const bt_attr_spec& spec) {
    switch (spec.kind) {
      case BT_INT: return AttrValue(a.i);
      case BT_FLOAT: return AttrValue(a.f);
      case BT_ENUM: return AttrValue(word_at(spec, a.i));
      case BT_TEXT: return AttrValue(std::string(a.n ? a.u.text : ""));
      case BT_INTS: return AttrValue(std::vector<int64_t>(a.u.ints, a.u.ints + a.n));
      case BT_FLOATS: return AttrValue(std::vector<float>(a.u.floats, a.u.floats + a.n));
      case BT_TEXTS: return AttrValue(std::vector<std::string>(a.u.texts, a.u.texts + a.n));
      case BT_TENSOR: {
        const bt_tensor& t = *a.u.tensor;
        const Shape shape(t.dims, t.dims + t.rank);
        return AttrValue(std::make_shared<const Tensor>(t.dtype, shape, Bytes::copy_of(t.data, static_cast<size_t>(element_count(shape)) * bt_dtype_size(t.dtype))));
      }
      default: {
        auto body = std::make_shared<Graph>("", graph_.shared_symbols());
        TRY(Raiser(model_, *body).run(*a.u.graph));
        return AttrValue(std::move(body));
      }
    }
  }

  Result<void> node(const bt_graph& g, const bt_node& n, int number) {
    std::vector<Value*> inputs;
    std::vector<std::string> outputs;
    for (int i = 0; i < n.n_in; ++i) inputs.push_back(n.in[i] < 0 ? nullptr : values_[static_cast<size_t>(n.in[i])]);
    for (int i = 0; i < n.n_out; ++i) {
      const char* name = n.out[i] < 0 ? "" : g.values[n.out[i]].name;
      outputs.push_back(n.out[i] < 0 ? "" : name[0] ? name : formatted("{}_{}", n.op->name, number));
    }
    AttrList attrs;
    for (int i = 0; i < attr_count(*n.op); ++i) {
      const bt_attr_spec& spec = n.op->attrs[i];
      if (spec.kind >= BT_TEXT && n.attrs[i].n == 0) continue;
      TRY(AttrValue value, attr(n.attrs[i], spec));
      attrs.emplace_back(spec.name, std::move(value));
    }
    TRY(Node* made, graph_.append(n.op->name, n.name[0] ? n.name : outputs[0], std::move(inputs), std::move(attrs), outputs));
    for (int i = 0; i < n.n_out; ++i) {
      if (n.out[i] < 0) continue;
      Value* v = made->outputs[static_cast<size_t>(i)];
      v->dtype = g.values[n.out[i]].dtype;
      v->quant = quant_of(g.values[n.out[i]].quant, v->dtype);
      values_[static_cast<size_t>(n.out[i])] = v;
    }
    return {};
  }

  const bt_model& model_;
  Graph& graph_;
  std::vector<Value*> values_;
};

}  // namespace

bool looks_like_native(const Bytes& file) {
  return file.size() >= 8 && file.text().substr(0, 8) == std::string_view(BT_MAGIC, 8);
}

Result<Model> read_native(const Bytes& file, const std::string& path, const ReadOptions& options) {
  (void)path, (void)options;
  bt_model* opened = nullptr;
  const bt_status status = bt_open(file.data(), file.size(), nullptr, &opened);
  if (status != BT_OK) return runtime_error(status, bt_last_error());
  const std::unique_ptr<bt_model, Closer> model(opened);
  Model out;
  TRY(Raiser(*model, out.graph).run(model->graph));
  return out;
}

}  // namespace bantam
