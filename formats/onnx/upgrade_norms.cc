// SPDX-License-Identifier: Apache-2.0
// Normalizations that onnxruntime's optimizer writes: with the sum in front of them inside, by the root
// mean square alone, and with the lookups that begin a text encoder.
#include "base/format.h"
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

bool wants(const OnnxNode& n, size_t output) { return output < n.outputs.size() && !n.outputs[output].empty(); }

// The means and deviations are outputs for training; nothing computes them here.
Result<void> refuse_statistics(const OnnxNode& n, size_t first, size_t last) {
  for (size_t i = first; i <= last; ++i)
    if (wants(n, i)) return Error{Code::unsupported, formatted("{} with output {} (statistics) is not supported", n.op, i)};
  return {};
}

AttrList norm_attrs(OnnxNode& n, float epsilon) {
  return {{"axis", n.take_int("axis", -1)}, {"epsilon", n.take_float("epsilon", epsilon)}};
}

// X, scale; of no domain, though no standard has it
Result<void> simplified(NodeSink& sink, OnnxNode& n) {
  TRY(refuse_statistics(n, 1, 1));
  (void)sink;
  AttrList attrs = norm_attrs(n, 1e-5f);
  n.op = "RMSNormalization";
  n.domain.clear();
  n.outputs.resize(1);
  n.attrs = {attrs.begin(), attrs.end()};
  return {};
}

// The normalized `sum` as the node's result, the sum itself as output `at`.
Result<void> finish(NodeSink& sink, OnnxNode& n, Value* sum, size_t at, const char* op,
                    std::vector<Value*> rest) {
  const AttrList attrs = norm_attrs(n, 1e-12f);
  rest.insert(rest.begin(), sum);
  TRY(Value* y, sink.emit(n, op, rest, attrs));
  n.made.assign(n.outputs.size(), nullptr);
  n.made[0] = y;
  if (wants(n, at)) {
    TRY(n.made[at], sink.emit(n, "Identity", {sum}, {}, "sum"));
  }
  n.op.clear();
  return {};
}

// Input, skip, scale, bias of the normalization, bias of the sum
Result<void> skip_layer_norm(NodeSink& sink, OnnxNode& n) {
  TRY(refuse_statistics(n, 1, 2));
  TRY(Value* sum, sink.emit(n, "Add", {n.input(0), n.input(1)}));
  if (n.input(4)) {
    TRY(sum, sink.emit(n, "Add", {sum, n.input(4)}));
  }
  return finish(sink, n, sum, 3, "LayerNormalization", {n.input(2), n.input(3)});
}

// Input, skip, scale, bias of the sum
Result<void> skip_simplified(NodeSink& sink, OnnxNode& n) {
  TRY(refuse_statistics(n, 1, 2));
  TRY(Value* sum, sink.emit(n, "Add", {n.input(0), n.input(1)}));
  if (n.input(3)) {
    TRY(sum, sink.emit(n, "Add", {sum, n.input(3)}));
  }
  return finish(sink, n, sum, 3, "RMSNormalization", {n.input(2)});
}

// The rows of the table of positions: those asked for, or one per column of the ids.
Result<Value*> position_rows(NodeSink& sink, const OnnxNode& n, Value* table, Value* ids, Value* positions) {
  if (positions) return sink.emit(n, "Gather", {table, positions}, {{"axis", int64_t{0}}}, "positions");
  TRY(Value* shape, sink.emit(n, "Shape", {ids}, {{"start", int64_t{1}}, {"end", int64_t{2}}}));
  const std::string base = n.outputs[0];
  return sink.emit(n, "Slice", {table, sink.ints(base + ".start", {0}), shape, sink.ints(base + ".axis", {0})},
                   {}, "positions");
}

// Ids, segments, tables of words, positions and segments, scale, bias, mask, positions: the normalized
// sum of the rows, the number of keys that the mask leaves in each batch, and the sum.
Result<void> embed_layer_norm(NodeSink& sink, OnnxNode& n) {
  n.take_int("mask_index_type", 0);
  Value *ids = n.input(0), *segments = n.input(1), *mask = n.input(7);
  if (wants(n, 1) && !mask)
    return Error{Code::unsupported, "EmbedLayerNormalization with output 1 needs a mask (input 7)"};
  const AttrList rows = {{"axis", int64_t{0}}};
  TRY(Value* sum, sink.emit(n, "Gather", {n.input(2), ids}, rows, "words"));
  TRY(Value* positions, position_rows(sink, n, n.input(3), ids, n.input(8)));
  TRY(sum, sink.emit(n, "Add", {sum, positions}));
  if (segments && n.input(4)) {
    TRY(Value* part, sink.emit(n, "Gather", {n.input(4), segments}, rows, "segments"));
    TRY(sum, sink.emit(n, "Add", {sum, part}));
  }
  Value* keys = nullptr;
  if (wants(n, 1)) {
    Value* axes = sink.ints(n.outputs[0] + ".axes", {1});
    TRY(keys, sink.emit(n, "ReduceSum", {mask, axes}, {{"keepdims", int64_t{0}}}, "keys"));
  }
  TRY(finish(sink, n, sum, 2, "LayerNormalization", {n.input(5), n.input(6)}));
  if (keys) n.made[1] = keys;
  return {};
}

}  // namespace

const Upgrade norm_upgrades[] = {{"", "SimplifiedLayerNormalization", simplified},
                                 {kMicrosoft, "SimplifiedLayerNormalization", simplified},
                                 {kMicrosoft, "SkipLayerNormalization", skip_layer_norm},
                                 {kMicrosoft, "SkipSimplifiedLayerNormalization", skip_simplified},
                                 {kMicrosoft, "EmbedLayerNormalization", embed_layer_norm},
                                 {"", nullptr, nullptr}};

}  // namespace bantam
