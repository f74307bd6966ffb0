// SPDX-License-Identifier: Apache-2.0
// Operators along axes: reductions, softmax, normalisation.
#include <algorithm>
#include <numeric>

#include "base/format.h"
#include "formats/coreml/emitter.h"

namespace bantam::coreml {
namespace {

// A tiny addend that fp16 would lose keeps it from dividing by zero.
std::string epsilon(Emitter& e) {
  constexpr float kSmallestHalf = 0x1p-24f;
  const float given = e.node().attr_float("epsilon");
  return e.scalar(e.real() == Element::f16 ? std::max(given, kSmallestHalf) : given);
}

Result<void> reduce(Emitter& e, const char* operation) {
  const auto given = e.given(1) ? e.integers(1) : std::vector<int64_t>{};
  if (!given) return refuse("its axes are computed");
  if (given->empty() && e.node().attr_int("noop_with_empty_axes")) return e.same(e.in(0)), Result<void>{};
  std::vector<int64_t> axes = *given;
  if (axes.empty()) {
    axes.resize(e.shape(0).size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  e.result(operation, {{"x", {e.in(0)}}, {"axes", {e.list(axes)}}, {"keep_dims", {e.flag(e.node().attr_int("keepdims") != 0)}}});
  return {};
}

Result<void> reduce_place(Emitter& e, const char* operation) {
  if (e.node().attr_int("select_last_index")) return refuse("it finds the first of equal elements only");
  e.result(operation, {{"x", {e.in(0)}}, {"axis", {e.integer(e.axis("axis"))}}, {"keep_dims", {e.flag(e.node().attr_int("keepdims") != 0)}}});
  return {};
}

Result<void> softmax(Emitter& e, const char*) {
  e.result("softmax", {{"x", {e.in(0)}}, {"axis", {e.integer(e.axis("axis"))}}});
  return {};
}

Result<void> log_softmax(Emitter& e, const char*) {
  const int64_t axis = e.axis("axis");
  Type type = e.type(e.node().output());
  type.dims[static_cast<size_t>(axis)] = 1;
  const std::string sum = e.temporary("reduce_log_sum_exp", {{"x", {e.in(0)}}, {"axes", {e.list({axis})}}, {"keep_dims", {e.flag(true)}}}, type);
  e.result("sub", {{"x", {e.in(0)}}, {"y", {sum}}});
  return {};
}

Result<void> cumulative_sum(Emitter& e, const char*) {
  const auto axis = e.number(1);
  if (!axis) return refuse("its axis is computed");
  const auto from_zero = static_cast<int64_t>(*axis) + (*axis < 0 ? e.rank() : 0);
  e.result("cumsum", {{"x", {e.in(0)}}, {"axis", {e.integer(from_zero)}}, {"exclusive", {e.flag(e.node().attr_int("exclusive") != 0)}}, {"reverse", {e.flag(e.node().attr_int("reverse") != 0)}}});
  return {};
}

Result<void> top_k(Emitter& e, const char*) {
  const auto k = e.number(1);
  if (!k) return refuse("the number of entries is computed");
  std::vector<Type> types(2);
  types[0] = {e.element_of(e.node().input(0)), e.node().output(0) ? e.result_shape(0) : e.result_shape(1)};
  types[1] = {Element::i32, types[0].dims};
  e.results("topk", {{"x", {e.in(0)}}, {"k", {e.integer(static_cast<int64_t>(*k))}}, {"axis", {e.integer(e.axis("axis"))}}, {"ascending", {e.flag(e.node().attr_int("largest") == 0)}}}, types);
  return {};
}

// ---- normalisation ----

Result<void> batch_norm(Emitter& e, const char*) {
  if (e.node().attr_word("layout") == "last") return refuse("its picture has the channels last");
  for (size_t i = 1; i < 5; ++i)
    if (!e.is_constant(i)) return refuse("its statistics are computed");
  if (e.node().attr_int("training_mode")) return refuse("it is in training mode");
  e.result("batch_norm", {{"x", {e.in(0)}}, {"mean", {e.in(3)}}, {"variance", {e.in(4)}}, {"gamma", {e.in(1)}}, {"beta", {e.in(2)}}, {"epsilon", {epsilon(e)}}});
  return {};
}

Result<void> instance_norm(Emitter& e, const char*) {
  if (e.node().attr_word("layout") == "last") return refuse("its picture has the channels last");
  if (!e.is_constant(1) || !e.is_constant(2)) return refuse("its scale or bias is computed");
  if (e.rank() > 4) return refuse("it takes pictures of up to two axes");
  e.result("instance_norm", {{"x", {e.in(0)}}, {"gamma", {e.in(1)}}, {"beta", {e.in(2)}}, {"epsilon", {epsilon(e)}}});
  return {};
}

std::vector<int64_t> axes_from(int64_t first, int64_t rank) {
  std::vector<int64_t> axes;
  for (int64_t a = first; a < rank; ++a) axes.push_back(a);
  return axes;
}

Result<void> layer_norm(Emitter& e, const char*) {
  if (e.node().output(1) || e.node().output(2)) return refuse("it gives no mean and deviation");
  if ((e.given(1) && !e.is_constant(1)) || (e.given(2) && !e.is_constant(2))) return refuse("its scale or bias is computed");
  const int64_t first = e.axis("axis");
  const Shape tail(e.shape(0).begin() + first, e.shape(0).end());
  Inputs inputs = {{"x", {e.in(0)}}, {"axes", {e.list(axes_from(first, e.rank()))}}};
  for (const auto& [i, key] : {std::pair{1u, "gamma"}, {2u, "beta"}}) {
    if (!e.given(i)) continue;
    if (element_count(e.shape(i)) != element_count(tail)) return refuse("its scale or bias is broadcast");
    inputs.push_back({key, {e.in_reshaped(i, tail)}});
  }
  inputs.push_back({"epsilon", {epsilon(e)}});
  e.result("layer_norm", inputs);
  return {};
}

Result<void> rms_norm(Emitter& e, const char*) {
  const int64_t first = e.axis("axis");
  Type one = e.type(e.node().output());
  std::fill(one.dims.begin() + first, one.dims.end(), 1);
  const std::string squares = e.temporary("square", {{"x", {e.in(0)}}});
  const std::string mean = e.temporary("reduce_mean", {{"x", {squares}}, {"axes", {e.list(axes_from(first, e.rank()))}}, {"keep_dims", {e.flag(true)}}}, one);
  const std::string factor = e.temporary("rsqrt", {{"x", {mean}}, {"epsilon", {epsilon(e)}}}, one);
  e.result("mul", {{"x", {e.temporary("mul", {{"x", {e.in(0)}}, {"y", {factor}}})}}, {"y", {e.in(1)}}});
  return {};
}

// Groups of channels as rows of a matrix, which layer_norm takes.
Result<void> group_norm(Emitter& e, const char*) {
  if (e.node().attr_word("layout") == "last") return refuse("its picture has the channels last");
  if (!e.is_constant(1) || !e.is_constant(2)) return refuse("its scale or bias is computed");
  const Shape& dims = e.shape(0);
  const int64_t groups = e.node().attr_int("num_groups");
  const Shape rows = {dims[0], groups, element_count(dims) / dims[0] / groups};
  const Type flat{e.real(), rows};
  const std::string x = e.temporary("reshape", {{"x", {e.in(0)}}, {"shape", {e.list(rows)}}}, flat);
  const std::string normal = e.temporary("layer_norm", {{"x", {x}}, {"axes", {e.list({2})}}, {"epsilon", {epsilon(e)}}}, flat);
  const std::string back = e.temporary("reshape", {{"x", {normal}}, {"shape", {e.list(dims)}}});
  Shape channels(dims.size() - 1, 1);
  channels[0] = dims[1];
  const std::string scaled = e.temporary("mul", {{"x", {back}}, {"y", {e.in_reshaped(1, channels)}}});
  e.result("add", {{"x", {scaled}}, {"y", {e.in_reshaped(2, channels)}}});
  return {};
}

Result<void> lp_norm(Emitter& e, const char*) {
  const int64_t axis = e.axis("axis"), p = e.node().attr_int("p");
  Type one = e.type(e.node().output());
  one.dims[static_cast<size_t>(axis)] = 1;
  const std::string length = e.temporary(p == 1 ? "reduce_l1_norm" : "reduce_l2_norm", {{"x", {e.in(0)}}, {"axes", {e.list({axis})}}, {"keep_dims", {e.flag(true)}}}, one);
  e.result("real_div", {{"x", {e.in(0)}}, {"y", {length}}});
  return {};
}

Result<void> local_response_norm(Emitter& e, const char*) {
  const Node& n = e.node();
  if (n.attr_word("layout") == "last") return refuse("its picture has the channels last");
  e.result("local_response_norm", {{"x", {e.in(0)}}, {"size", {e.integer(n.attr_int("size"))}}, {"alpha", {e.scalar(n.attr_float("alpha"))}}, {"beta", {e.scalar(n.attr_float("beta"))}}, {"k", {e.scalar(n.attr_float("bias"))}}});
  return {};
}

}  // namespace

const std::vector<OperatorRow> reduction_rows = {
    {"ArgMax", reduce_place, "reduce_argmax"},   {"ArgMin", reduce_place, "reduce_argmin"},
    {"BatchNormalization", batch_norm, ""},      {"CumSum", cumulative_sum, ""},
    {"GroupNormalization", group_norm, ""},      {"InstanceNormalization", instance_norm, ""},
    {"LRN", local_response_norm, ""},            {"LayerNormalization", layer_norm, ""},
    {"LogSoftmax", log_softmax, ""},             {"LpNormalization", lp_norm, ""},
    {"RMSNormalization", rms_norm, ""},          {"ReduceL1", reduce, "reduce_l1_norm"},
    {"ReduceL2", reduce, "reduce_l2_norm"},      {"ReduceLogSum", reduce, "reduce_log_sum"},
    {"ReduceLogSumExp", reduce, "reduce_log_sum_exp"}, {"ReduceMax", reduce, "reduce_max"},
    {"ReduceMean", reduce, "reduce_mean"},       {"ReduceMin", reduce, "reduce_min"},
    {"ReduceProd", reduce, "reduce_prod"},       {"ReduceSum", reduce, "reduce_sum"},
    {"ReduceSumSquare", reduce, "reduce_sum_square"}, {"Softmax", softmax, ""},
    {"TopK", top_k, ""},
};

}  // namespace bantam::coreml
