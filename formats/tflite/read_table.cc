// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/read_table.h"

#include <algorithm>
#include <numeric>

#include "ir/evaluate.h"
#include "ir/match.h"
#include "ir/op.h"

namespace bantam {
namespace {

struct Candidate {
  const char* op;
  AttrList attrs;
  bool clamps = false;  // takes the bounds from the table's own
};

// The functions that the writer makes tables of, with the attributes that real models have.
const std::vector<Candidate>& candidates() {
  static const std::vector<Candidate> list = [] {
    std::vector<Candidate> made = {{"Relu", {}}, {"Swish", {}}, {"HardSwish", {}}, {"Gelu", {}}};
    made.push_back({"HardSigmoid", {{"alpha", 1.0f / 6}}});
    made.push_back({"Clip", {}, true});
    for (const bt_op* op : all_ops())
      if (op->quant == BT_QUANT_TABLE && op->in_min == 1 && op->in_max == 1)
        made.push_back({op->name, {}});
    return made;
  }();
  return list;
}

const tfl::Operator* maker(OperatorReader& r, int index, tfl::BuiltinOperator code) {
  const tfl::Operator* op = r.file().producer(index);
  return op && r.file().code_of(*op) == code && op->inputs() && op->inputs()->size() > 0 ? op
                                                                                         : nullptr;
}

// The tensor that CAST and ADD 128 make the index of; -1 where they do not.
Result<int> table_input(OperatorReader& r) {
  const tfl::Operator* add = maker(r, r.input_index(1), tfl::BuiltinOperator::ADD);
  if (!add || add->inputs()->size() != 2) return -1;
  const tfl::Operator* cast = maker(r, add->inputs()->Get(0), tfl::BuiltinOperator::CAST);
  if (!cast || add->inputs()->Get(1) < 0) return -1;
  TRY(const Value* shift, r.file().value(add->inputs()->Get(1)));
  return number_of(shift) == 128 ? cast->inputs()->Get(0) : -1;
}

std::vector<Value*> operands(Graph& graph, Value* x, const Candidate& c, const Tensor& table,
                             const Quant& y) {
  if (!c.clamps) return {x};
  const auto all = table.as<int8_t>();
  const auto [lo, hi] = std::minmax_element(all.begin(), all.end());
  const auto bound = [&](int8_t q) {
    return graph.add_constant(
        "bound", Tensor::scalar_float(static_cast<float>(q - y.zero_at(0)) * y.scale[0]));
  };
  return {x, bound(*lo), bound(*hi)};
}

// What the function gives for all 256 integers.
std::optional<Tensor> results_of(const Candidate& c, const Quant& x,
                                 const std::shared_ptr<const Quant>& y, const Tensor& table) {
  std::vector<int8_t> all(256);
  std::iota(all.begin(), all.end(), static_cast<int8_t>(-128));
  Graph one("", nullptr);
  Value* in = one.add_constant("x", Tensor(BT_I8, {256}, Bytes::copy_of(all.data(), all.size())),
                               std::make_shared<const Quant>(x));
  auto made = one.append(c.op, "y", operands(one, in, c, table, *y), c.attrs, {"y"});
  if (!made.ok()) return std::nullopt;
  (*made)->output()->dtype = BT_I8;
  (*made)->output()->quant = y;
  auto results = evaluate_node(**made, size_t{1} << 20);
  return results.ok() ? std::optional((*results)[0]) : std::nullopt;
}

}  // namespace

Result<bool> read_function_table(OperatorReader& r) {
  TRY(const int from, table_input(r));
  if (from < 0) return false;
  TRY(Value* x, r.file().value(from));
  TRY(const Value* table, r.input(0));
  TRY(const TensorForm form, r.output_form());
  const bool fits = x->dtype == BT_I8 && x->quant && x->quant->scale.size() == 1 && form.is_q8() &&
                    form.quant->scale.size() == 1 && table->is_constant() &&
                    table->dtype == BT_I8 && table->rank() == 1 && table->constant->count() == 256;
  if (!fits) return false;
  for (const Candidate& c : candidates()) {
    const auto results = results_of(c, *x->quant, form.quant, *table->constant);
    if (!results || !(results->bytes() == table->constant->bytes())) continue;
    TRY(r.become(c.op, operands(r.file().graph(), x, c, *table->constant, *form.quant), c.attrs));
    return true;
  }
  return false;
}

}  // namespace bantam
