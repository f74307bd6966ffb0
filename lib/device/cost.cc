// SPDX-License-Identifier: Apache-2.0
#include "device/cost.h"

#include <algorithm>
#include <set>

#include "base/format.h"
#include "ir/call.h"

namespace bantam {
namespace {

// Functions that cost floats far more than their bytes. In 8 bits they are tables, as all of one value are.
bool is_function(const Node& n, const std::string& arithmetic) {
  static const std::set<std::string> names = {
      "Exp", "Log", "Tanh", "Sigmoid", "Erf", "Gelu", "Mish", "Softplus", "Swish", "Elu", "Sin", "Cos", "Pow",
      "Softmax", "LogSoftmax", "Sqrt", "CumSum"};
  return names.contains(n.op->name) || (arithmetic == "int8" && n.op->quant == BT_QUANT_TABLE);
}

double count_of(const Value& v) {
  return v.shape && is_known(*v.shape) ? static_cast<double>(element_count(*v.shape)) : 0;
}

// Fewer channels than this on one side of a window leave much of a vector of numbers empty.
constexpr int64_t kThin = 8;

bool is_convolution(const Node& n) { return n.is("Conv") || n.is("ConvTranspose") || n.is("ConvInteger"); }

// Weights of one product of a convolution are [channels, channels of a group, window], or with the channels last.
std::string kind_of_convolution(const Node& n) {
  if (n.is("ConvTranspose")) return "transposed";
  const Value* w = n.input(1);
  if (!w || w->rank() < 3) return "window";
  const bool is_last = n.has_attr("layout") && n.attr_word("layout") == "last";
  const int64_t channels = (*w->shape)[is_last ? w->shape->size() - 1 : 1];
  if (n.attr_int("group") > 1 && channels == 1) return "depthwise";
  if (element_count(*w->shape) == (*w->shape)[0] * channels) return "pointwise";
  return std::min(channels, (*w->shape)[0]) < kThin ? "thin" : "window";
}

// Elements of a window of a pooling; 0: it is none.
double window_of(const Node& n) {
  if (!n.has_attr("kernel_shape") || n.op->macs) return 0;
  double steps = 1;
  for (const int64_t length : n.attr_ints("kernel_shape")) steps *= static_cast<double>(length);
  return steps;
}

bool is_reduction(const Node& n) {
  const std::string_view name = n.op->name;
  return name.starts_with("Global") || name.starts_with("Reduce") || name.ends_with("Normalization");
}

bool is_conversion(const Node& n) {
  return n.is("Quantize") || n.is("Dequantize") || n.is("QuantizeLinear") || n.is("DequantizeLinear");
}

bool is_transpose(const Node& n) { return n.is("Transpose") || n.is("DepthToSpace") || n.is("SpaceToDepth"); }

bool is_move(const Node& n) { return n.op->quant == BT_QUANT_SAME || n.op->quant == BT_QUANT_JOIN; }

}  // namespace

const std::vector<std::string>& arithmetics() {
  static const std::vector<std::string> names = {"float", "int8", "int16"};
  return names;
}

const std::vector<std::string>& work_kinds() {
  static const std::vector<std::string> names = {"pointwise", "window", "thin", "depthwise", "transposed", "dense",
                                                 "max_pool", "average_pool", "reduce", "elementwise", "function",
                                                 "move", "transpose", "convert"};
  return names;
}

std::string arithmetic_of(const Node& n) {
  const Value* x = is_conversion(n) && n.output() && !bt_is_float(n.output()->dtype) ? n.output() : n.input(0);
  if (!x || !(x->quant || n.op->macs)) return "float";
  if (x->dtype == BT_I8 || x->dtype == BT_U8) return "int8";
  return x->dtype == BT_I16 ? "int16" : "float";
}

std::optional<Work> work_of(const Node& node) {
  if (node.op->flags & (BT_OP_VIEW | BT_OP_SHAPE)) return {};
  Work w{arithmetic_of(node), "elementwise"};
  const bool is_windowed = is_convolution(node);  // each weight serves many numbers: it costs steps, no bytes
  for (const auto* values : {&node.inputs, &node.outputs})
    for (const Value* v : *values)
      if (v && !(is_windowed && v->is_constant())) w.bytes += count_of(*v) * static_cast<double>(bt_dtype_size(v->dtype));
  if (node.op->macs) {
    w.kind = is_windowed ? kind_of_convolution(node) : "dense";
    w.steps = static_cast<double>(multiply_adds(node));
  } else if (const double window = window_of(node); window > 0 && node.output()) {
    w.kind = node.is("MaxPool") ? "max_pool" : "average_pool";
    w.steps = window * count_of(*node.output());
  } else if (is_reduction(node)) {
    w.kind = "reduce";
  } else if (is_conversion(node)) {
    w.kind = "convert";
  } else if (is_function(node, w.arithmetic)) {
    w.kind = "function";
  } else if (is_transpose(node)) {
    w.kind = "transpose";
  } else if (is_move(node)) {
    w.kind = "move";
  }
  return w;
}

Result<double> CostModel::microseconds(const Node& node) const {
  if (node.op->flags & BT_OP_SUBGRAPH) {
    double us = 0;
    for (const auto& [key, value] : node.attrs()) {
      const auto* body = std::get_if<std::shared_ptr<Graph>>(&value);
      if (!body) continue;
      TRY(const double ms, milliseconds(**body));
      const double inside = ms * 1000 - run_us;
      us = node.is("If") ? std::max(us, inside) : us + inside;
    }
    return us;
  }
  const auto work = work_of(node);
  if (!work) return 0.0;
  const auto kinds = costs.find(work->arithmetic);
  if (kinds == costs.end() || !kinds->second.contains(work->kind))
    return Error{Code::unsupported, formatted("[latency.{}] has no cost of {}, which {} needs",
                                              work->arithmetic, work->kind, node.op->name)};
  const Cost& c = kinds->second.at(work->kind);
  return c.call_us + (work->steps * c.step_ns + work->bytes * c.byte_ns) / 1000;
}

Result<double> CostModel::milliseconds(const Graph& graph) const {
  double us = run_us;
  for (const Node* n : graph.nodes()) {
    TRY(const double node_us, microseconds(*n));
    us += node_us;
  }
  return us / 1000;
}

}  // namespace bantam
