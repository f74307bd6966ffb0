// SPDX-License-Identifier: Apache-2.0
#include "report/faults.h"

#include <algorithm>
#include <optional>

#include "base/format.h"
#include "base/text.h"
#include "ir/match.h"

namespace bantam {
namespace {

constexpr int64_t kFewNumbers = 256;  // of a constant that nobody misses
constexpr size_t kExamples = 3;

bool is_quantizer(const Node& n) { return n.is("QuantizeLinear") || n.is("Quantize"); }
bool is_decoder(const Node& n) { return n.is("DequantizeLinear") || n.is("Dequantize"); }
bool is_stored(const Value* v) { return v && v->quant && bt_is_int(v->dtype); }

// The scale of a value's integers: its own, or that of the node which makes or reads them.
std::optional<double> scale_of(const Value* v) {
  if (is_stored(v)) return v->quant->scale.size() == 1 ? std::optional<double>(v->quant->scale[0]) : std::nullopt;
  if (const Node* n = v->producer; n && is_decoder(*n)) return n->is("Dequantize") ? scale_of(n->inputs[0]) : number_of(n->input(1));
  const Node* n = only_user(v);
  if (!n || !is_quantizer(*n)) return std::nullopt;
  return n->is("Quantize") ? scale_of(n->output()) : number_of(n->input(1));
}

// The operand is made of integers that the file holds or that were computed.
bool reads_integers(const Value* v) {
  return v && (is_stored(v) || (v->quant && v->is_constant()) || (v->producer && is_decoder(*v->producer)));
}

// Nodes with the same fault, told in one sentence.
class Group {
 public:
  void add(const Node& n) { names_.push_back(n.name.empty() && n.output() ? n.output()->name : n.name); }
  void tell(const std::string& text, std::vector<std::string>& faults) const {
    if (names_.empty()) return;
    std::vector<std::string> shown;
    for (size_t i = 0; i < std::min(names_.size(), kExamples); ++i) shown.push_back(quote(names_[i]));
    if (names_.size() > kExamples) shown.push_back(formatted("{} more", names_.size() - kExamples));
    faults.push_back(formatted("{} ({})", text, join(shown, ", ")));
  }

 private:
  std::vector<std::string> names_;
};

void find_dead_constants(const Graph& graph, std::vector<std::string>& faults) {
  uint64_t bytes = 0;
  std::vector<std::string> names;
  for (const Value* v : graph.values()) {
    if (!v->is_constant() || !v->uses().empty() || v->is_output() || v->dtype != BT_F32 || v->constant->count() < kFewNumbers) continue;
    bytes += v->constant->bytes().size();
    names.push_back(v->name);
  }
  if (names.empty()) return;
  faults.push_back(formatted("{} float constant{} that nothing reads, {}, such as {}: what was quantized was left in the file",
                             names.size(), names.size() == 1 ? "" : "s", human_bytes(bytes), quote(names[0])));
}

// What stands between the operands of a quantized product and the QuantizeLinear behind it.
struct Products {
  Group float_weight, float_result, activation_behind, batch_norm;

  void look_at(const Node& n) {
    if (n.op->quant != BT_QUANT_MACS || !n.output() || n.output()->dtype != BT_F32 || !reads_integers(n.input(0))) return;
    if (n.input(1)->is_constant() && !reads_integers(n.input(1))) return float_weight.add(n);
    const Node* next = only_user(n.output());
    const bool made = next && next->output() && only_user(next->output()) && is_quantizer(*only_user(next->output()));
    if (next && next->is("BatchNormalization")) return batch_norm.add(n);
    if (next && is_quantizer(*next)) return look_behind(n, *next);
    const bool fused = made && (next->is("Relu") || next->is("Clip"));
    if (!fused && !n.output()->is_output() && !n.output()->uses().empty()) float_result.add(n);
  }

  // Conv, QuantizeLinear, DequantizeLinear, Relu: the clamp is a node of its own.
  void look_behind(const Node& n, const Node& quantizer) {
    const Node* decoder = only_user(quantizer.output());
    const Node* clamp = decoder && is_decoder(*decoder) ? only_user(decoder->output()) : nullptr;
    if (clamp && (clamp->is("Relu") || clamp->is("Clip") || clamp->is("BatchNormalization"))) activation_behind.add(n);
  }
};

bool joins_other_scales(const Node& n) {
  if (!n.is("Concat") || !n.output()) return false;
  const auto result = scale_of(n.output());
  if (!result) return false;
  return std::any_of(n.inputs.begin(), n.inputs.end(), [&](const Value* v) {
    const auto own = v && reads_integers(v) ? scale_of(v) : std::nullopt;
    return own && *own != *result;
  });
}

}  // namespace

std::vector<std::string> faults_of(const Graph& graph) {
  const auto nodes = graph.nodes();
  const bool quantized = std::any_of(nodes.begin(), nodes.end(), [](const Node* n) { return is_quantizer(*n) || is_decoder(*n); });
  std::vector<std::string> faults;
  if (!quantized) return faults;
  find_dead_constants(graph, faults);
  Products products;
  Group joins;
  for (const Node* n : nodes) {
    products.look_at(*n);
    if (joins_other_scales(*n)) joins.add(*n);
  }
  products.float_weight.tell("products read integers, but their weights are float: computed in float", faults);
  products.batch_norm.tell("a BatchNormalization stands behind a quantized product; it should have been folded before", faults);
  products.float_result.tell("products read integers, but their results are not rounded to integers: runtimes compute them in float", faults);
  products.activation_behind.tell("a clamp stands behind QuantizeLinear as a node of its own; the product could have made it", faults);
  joins.tell("inputs of a Concat have other scales than its result: runtimes rescale them, or refuse the file", faults);
  return faults;
}

}  // namespace bantam
