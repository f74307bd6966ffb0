// SPDX-License-Identifier: Apache-2.0
#include "learn/block_graph.h"

#include <unordered_map>

#include "base/format.h"
#include "base/text.h"
#include "grad/gradient.h"

namespace bantam {
namespace {

Shape batched(Shape shape, int64_t batch) {
  if (!shape.empty()) shape[0] *= batch;
  return shape;
}

class Builder {
 public:
  Builder(const Block& block, const std::vector<Value*>& open, const BlockShapes& shapes)
      : block_(block), open_(open), shapes_(shapes) {}

  // The forward direction, for so many samples.
  Result<void> build(int64_t batch) {
    for (size_t i = 0; i < block_.inputs.size(); ++i) {
      const Value* v = block_.inputs[i];
      twin_[v] = graph.add_input(v->name, v->dtype, batched(shapes_.inputs[i], batch));
    }
    for (const Value* v : open_)
      opened.push_back(twin_[v] = graph.add_input(v->name, BT_F32, v->shape));
    for (const Node* n : block_.nodes) TRY(add(*n));
    for (const Value* v : block_.outputs)
      results.push_back(raw_.count(v) ? raw_.at(v) : twin_.at(v));
    return {};
  }

  Value* twin(const Value* v) const { return twin_.at(v); }

  Graph graph{"block", nullptr};
  std::vector<Value*> opened, results;

 private:
  Result<void> add(const Node& n) {
    std::vector<Value*> inputs;
    for (const Value* v : n.inputs) {
      if (v && !twin_.count(v)) twin_[v] = graph.add_constant(v->name, as_stored(*v));
      inputs.push_back(v ? twin_.at(v) : nullptr);
    }
    std::vector<std::string> names;
    for (const Value* v : n.outputs) names.push_back(v ? v->name : "");
    TRY(const Node* copy, graph.append(n.op->name, n.name, inputs, n.attrs(), names));
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      const Value* v = n.outputs[i];
      if (!v) continue;
      twin_[v] = copy->outputs[i];
      if (v->dtype == BT_F32 && v->quant) TRY(round(v));
    }
    return {};
  }

  Result<void> round(const Value* v) {
    const Quant& q = *v->quant;
    raw_[v] = twin_.at(v);
    TRY(const Node* n, graph.append("FakeQuantize", "", {twin_.at(v)},
                                    {{"lo", q.lo()},
                                     {"hi", q.hi()},
                                     {"scale", q.scale[0]},
                                     {"zero", int64_t{q.zero_at(0)}}},
                                    {v->name + ".rounded"}));
    twin_[v] = n->output();
    return {};
  }

  const Block& block_;
  const std::vector<Value*>& open_;
  const BlockShapes& shapes_;
  std::unordered_map<const Value*, Value*> twin_, raw_;  // as others read it; before it was rounded
};

// Several samples make of every value what one makes, so many times along the first axis.
bool is_batched(const Builder& one, const Builder& many, const Block& block, int64_t batch) {
  for (const Node* n : block.nodes)
    for (const Value* v : n->outputs) {
      if (!v) continue;
      const Value *a = one.twin(v), *b = many.twin(v);
      if (!a->shape || !b->shape || a->shape->empty() || *b->shape != batched(*a->shape, batch))
        return false;
    }
  return true;
}

Result<void> differentiate(Builder& b, std::span<const double> factors) {
  Graph& g = b.graph;
  std::vector<GradientSeed> seeds;
  for (size_t k = 0; k < b.results.size(); ++k) {
    Value* y = b.results[k];
    Value* wanted = g.add_input(y->name + ".wanted", BT_F32, y->shape);
    TRY(const Node* off, g.append("Sub", "", {y, wanted}, {}, {"off"}));
    Value* factor = g.add_constant("factor", Tensor::scalar_float(static_cast<float>(factors[k])));
    TRY(const Node* seed, g.append("Mul", "", {off->output(), factor}, {}, {"seed"}));
    seeds.push_back({y, seed->output()});
  }
  TRY(auto gradients, add_gradients(g, seeds, b.opened));
  for (Value* v : gradients) {
    if (!v) return Error{Code::unsupported, "a constant that nothing depends on"};
    TRY(const Node* out, g.append("Identity", "", {v}, {}, {"gradient"}));
    g.add_output(out->output());
  }
  return {};
}

// All that is computed, with nothing overwritten: about three times what is there at a time.
constexpr double kMostBytes = 3e9;

Result<void> refuse_large(const Graph& graph) {
  double bytes = 0;
  for (const Node* n : graph.nodes())
    for (const Value* v : n->outputs)
      if (v && v->shape && is_known(*v->shape))
        bytes += static_cast<double>(element_count(*v->shape)) *
                 static_cast<double>(bt_dtype_size(v->dtype));
  if (bytes <= kMostBytes) return {};
  return Error{Code::unsupported, "it would take too much memory"};
}

}  // namespace

Result<BlockGraph> BlockGraph::make(const Block& block, const std::vector<Value*>& open,
                                    const BlockShapes& shapes, std::span<const double> factors,
                                    int threads) {
  Builder builder(block, open, shapes);
  // What is a graph inside the model need not be one by itself, and then it is not learned.
  if (const auto built = builder.build(shapes.batch); !built.ok())
    return Error{Code::unsupported, built.error().message};
  if (shapes.batch > 1) {
    Builder one(block, open, shapes);
    TRY(one.build(1));
    if (!is_batched(one, builder, block, shapes.batch))
      return Error{Code::unsupported, "the block takes one sample at a time"};
  }
  if (factors.empty()) {
    for (Value* v : builder.results) builder.graph.add_output(v);
  } else {
    TRY(differentiate(builder, factors));
  }
  TRY(refuse_large(builder.graph));
  TRY(Session session, Session::of_graph(builder.graph, {.threads = threads}));
  return BlockGraph(std::move(session));
}

Tensor as_stored(const Value& constant) {
  const bool annotated = constant.quant && constant.dtype == BT_F32;
  return annotated ? decode(encode(*constant.constant, *constant.quant), *constant.quant)
                   : *constant.constant;
}

Tensor joined(const std::vector<const Tensor*>& samples) {
  const Tensor& first = *samples[0];
  if (samples.size() == 1) return first;
  std::vector<uint8_t> bytes;
  for (const Tensor* t : samples)
    bytes.insert(bytes.end(), t->bytes().data(), t->bytes().data() + t->bytes().size());
  return Tensor(first.dtype(), batched(first.shape(), static_cast<int64_t>(samples.size())),
                Bytes(std::move(bytes)));
}

}  // namespace bantam
