// SPDX-License-Identifier: Apache-2.0
// Integers that stand for reals: DequantizeLinear in front of whoever reads them, QuantizeLinear behind whoever
// makes them, weights as integer constants.
//
// What happens to the integers alone (a clamp that the range does not imply, a move) stands behind QuantizeLinear:
// between it and the operator it would keep runtimes from fusing the two. Of 16 bits runtimes have no such
// kernels; there, and where the target wants every operator between its own pair, it works on reals.
#include <algorithm>
#include <cmath>

#include "formats/onnx/write_graph.h"
#include "ir/match.h"

namespace bantam {
namespace {

Tensor zeros_of(const Quant& q, DType type, const Shape& shape) {
  const int shift = type == BT_U8 && q.storage == BT_I8 ? 128 : type == BT_U16 && q.storage == BT_I16 ? 32768 : 0;
  std::vector<uint8_t> bytes;
  for (size_t c = 0; c < q.scale.size(); ++c)
    for (size_t b = 0; b < bt_dtype_size(type); ++b) bytes.push_back(static_cast<uint8_t>((q.zero_at(c) + shift) >> (8 * b)));
  return {type, shape, Bytes(std::move(bytes))};
}

struct StoredRange {
  int64_t lo = -128, hi = 127;
};

// What a fused clamp leaves of the integers; the same rounding as that of the kernels.
StoredRange clamped(const Node& node, const Quant& q) {
  StoredRange range{bt_dtype_min(q.storage), bt_dtype_max(q.storage)};
  if (!has_clamp(node)) return range;
  const auto stored = [&](float real) { return static_cast<double>(std::nearbyint(real / q.scale[0]) + static_cast<float>(q.zero_at(0))); };
  const double lo = stored(node.attr_float("lo")), hi = stored(node.attr_float("hi"));
  const auto least = static_cast<double>(range.lo), most = static_cast<double>(range.hi);
  return {static_cast<int64_t>(std::clamp(lo, least, most)), static_cast<int64_t>(std::clamp(hi, least, most))};
}

// A constant that products alone read, as their weight.
bool is_weight(const Value& v) {
  if (!v.is_constant() || v.uses().empty()) return false;
  return std::all_of(v.uses().begin(), v.uses().end(), [](const Use& u) { return u.node->op->quant == BT_QUANT_MACS && u.index == 1; });
}

}  // namespace

Tensor stored(const Tensor& integers, DType type) {
  if (type == integers.dtype()) return integers;
  if (type == BT_I32) {
    std::vector<int32_t> narrow;
    for (const int64_t i : integers.integers()) narrow.push_back(static_cast<int32_t>(i));
    return {type, integers.shape(), Bytes::copy_of(narrow.data(), narrow.size() * sizeof(int32_t))};
  }
  std::vector<uint8_t> bytes(integers.bytes().data(), integers.bytes().data() + integers.bytes().size());
  const size_t size = bt_dtype_size(type);  // the sign is in the last byte
  for (size_t i = size - 1; i < bytes.size() && (type == BT_U8 || type == BT_U16); i += size) bytes[i] ^= 0x80;
  return {type, integers.shape(), Bytes(std::move(bytes))};
}

bool OnnxGraphWriter::is_moved_as_stored(const Node& node) const {
  if (attempt_.pairs || !is_stored_quantized(node.input(0)) || !is_stored_quantized(node.output())) return false;
  return node.output()->dtype == BT_I8 && (node.is("Pad") || node.is("SpaceToDepth"));
}

std::string OnnxGraphWriter::activation(const std::string& base, const Tensor& i8) { return constant(base, stored(i8, attempt_.activations)); }
std::string OnnxGraphWriter::activation(const std::string& base, int64_t i8) {
  return scalar(base, attempt_.activations, static_cast<double>(attempt_.activations == BT_U8 ? i8 + 128 : i8));
}

// The type in which the integers of a quantized value are stored in the file; its own where it is not quantized.
DType OnnxGraphWriter::stored_type(const Value* v) const {
  if (!v->quant) return v->dtype;
  if (v->dtype == BT_I8) return is_weight(*v) ? attempt_.weights : attempt_.activations;
  if (v->dtype == BT_I16) return attempt_.wide;
  if (v->dtype == BT_I64 && v->is_constant()) {  // a bias beside 16 bits; ONNX gives it 32
    const auto all = v->constant->integers();
    const bool fits = std::all_of(all.begin(), all.end(), [](int64_t i) { return i >= INT32_MIN && i <= INT32_MAX; });
    return fits ? BT_I32 : BT_I64;
  }
  if (v->dtype != BT_F32 || !v->is_constant()) return v->dtype;
  const Quant& q = *v->quant;
  return q.storage == BT_I8 && q.lo() >= -8 && q.hi() <= 7 && attempt_.allows(21) ? BT_I4 : q.storage;
}

AttrList OnnxGraphWriter::Affine::attrs() const {
  return axis < 0 ? AttrList{} : AttrList{{"axis", axis}};
}

const OnnxGraphWriter::Affine& OnnxGraphWriter::affine_of(const Value* v) {
  Affine& affine = affines_[v];
  if (!affine.scale.empty()) return affine;
  const Quant& q = *v->quant;
  const DType type = stored_type(v);
  const Shape shape = q.axis < 0 ? Shape{} : Shape{static_cast<int64_t>(q.scale.size())};
  affine.axis = q.axis < 0 ? -1 : std::min(q.axis, v->rank() - 1);
  affine.scale = constant(v->name + ".scale", Tensor::of_floats(shape, q.scale));
  const bool needless = v->dtype != BT_I8 && v->dtype != BT_I16 && std::all_of(q.zero.begin(), q.zero.end(), [](int32_t z) { return z == 0; });
  if (!needless) affine.zero = constant(v->name + ".zero", zeros_of(q, type, shape));
  return affine;
}

// A stack of matrices with a scale per column: onnxruntime takes it for its integer product, whose kernel then
// refuses it when the model runs. Something between DequantizeLinear and MatMul keeps it from that.
static bool is_stack_by_columns(const Value& v) {
  const auto is_product = [](const Use& u) { return u.node->is("MatMul"); };
  return v.rank() > 2 && v.quant->scale.size() > 1 && is_weight(v) && std::all_of(v.uses().begin(), v.uses().end(), is_product);
}

std::string OnnxGraphWriter::real_of(const Value* v) {
  std::string& real = reals_[v];
  if (!real.empty()) return real;
  if (v->is_constant()) write_constant(v);
  for (const Use& use : v->uses())
    if (use.node->is("Dequantize") && real.empty()) real = name_of(use.node->output());
  if (real.empty()) real = attempt_.fresh_name(v->name + ".real");
  const Affine& affine = affine_of(v);
  const std::string as_stored = is_stack_by_columns(*v) ? attempt_.fresh_name(v->name + ".stack") : real;
  write({"DequantizeLinear", attempt_.names ? as_stored : "", {name_of(v), affine.scale, affine.zero}, {as_stored}, affine.attrs(), {}, "", ""});
  if (as_stored != real)
    write({"Reshape", attempt_.names ? real : "", {as_stored, constant(v->name + ".shape", Tensor::vector_of(*v->shape))}, {real}, {}, {}, "", ""});
  return real;
}

// onnxruntime rounds the bias of a product between quantized values to 32 bits of their scale, and one that is larger
// becomes any number. So it stands behind the product, where nothing rounds it: as its opposite taken off, since an
// Add would become the bias again.
void OnnxGraphWriter::put_wide_bias_behind(const Node& node, OnnxCall& call) {
  const Value* bias = node.op->quant == BT_QUANT_MACS ? node.input(2) : nullptr;
  if (!bias || !bias->quant || stored_type(bias) != BT_I64) return;
  if (attempt_.pairs) return attempt_.refuse(node, "QNN has biases of 32 bits, and this one needs more; keep it in 8 bits (wide=) or in float (keep=)");
  const Tensor reals = decode(*bias->constant, *bias->quant);
  std::vector<float> opposite;
  for (const float b : reals.floats()) opposite.push_back(-b);
  Shape shape = bias->constant->shape();
  if (node.op->layout == BT_LAYOUT_SPATIAL) shape.insert(shape.end(), static_cast<size_t>(node.input(0)->rank() - 2), 1);
  call.subtracted = constant(bias->name + ".opposite", Tensor::of_floats(shape, opposite));
}

void OnnxGraphWriter::need_wide(const Node& node) {
  const auto is_wide = [](const Value* v) { return v && v->quant && v->dtype == BT_I16; };
  if (std::any_of(node.inputs.begin(), node.inputs.end(), is_wide) || is_wide(node.output()))
    attempt_.need(node, 21, "activations of 16 bits");
}

// A float constant that is stored in integers.
std::string OnnxGraphWriter::stored_weight(const Value* v) {
  std::string& real = reals_[v];
  if (!real.empty()) return real;
  const DType type = stored_type(v);
  const bool new_type = type != BT_I8 && type != BT_U8;
  if (new_type && !attempt_.allows(21)) {
    write_constant(v);
    return real = name_of(v);
  }
  if (new_type) attempt_.needed = std::max(attempt_.needed, 21);
  const Tensor codes = encode(*v->constant, *v->quant);
  const std::string integers = constant(v->name + ".stored", stored(codes, type));
  attempt_.constants.emplace_back(v->name, proto_.initializer(proto_.initializer_size() - 1).raw_data().size());
  real = attempt_.fresh_name(v->name + ".real");
  const Affine& affine = affine_of(v);
  write({"DequantizeLinear", attempt_.names ? real : "", {integers, affine.scale, affine.zero}, {real}, affine.attrs(), {}, "", ""});
  return real;
}

void OnnxGraphWriter::write_quantize(const std::string& real, const Value* v, const std::string& to) {
  const Affine& affine = affine_of(v);
  write({"QuantizeLinear", attempt_.names ? to : "", {real, affine.scale, affine.zero}, {to}, affine.attrs(), {}, "", ""});
}

// ---- what follows a node ----

void OnnxGraphWriter::finish_quantized(const Node& node, OnnxCall& call) {
  const Value* y = node.output();
  const std::string result = call.outputs[0];
  const StoredRange range = clamped(node, *y->quant);
  const bool clamps = range.lo > bt_dtype_min(y->dtype) || range.hi < bt_dtype_max(y->dtype);
  if (attempt_.pairs || y->dtype == BT_I16) return finish_in_pairs(node, call, clamps);
  call.outputs[0] = attempt_.fresh_name(y->name + ".unrounded");
  write_operator(call);
  std::string at = clamps || !call.move.empty() ? attempt_.fresh_name(y->name + ".rounded") : result;
  write_quantize(call.outputs[0], y, at);
  if (clamps) {
    const std::string to = call.move.empty() ? result : attempt_.fresh_name(y->name + ".clamped");
    write({"Clip", "", {at, activation(y->name + ".lo", range.lo), activation(y->name + ".hi", range.hi)}, {to}, {}, {}, "", ""});
    at = to;
  }
  if (!call.move.empty()) write({call.move, "", {at, call.move_list}, {result}, {}, {}, "", ""});
}

// The result is rounded before it is clamped or moved, and again behind: a clamp between the operator and its
// QuantizeLinear would keep runtimes from fusing these.
void OnnxGraphWriter::finish_in_pairs(const Node& node, OnnxCall& call, bool clamps) {
  const Value* y = node.output();
  const std::string result = call.outputs[0];
  const bool moves = !call.move.empty();
  std::string at = call.outputs[0] = attempt_.fresh_name(y->name + ".unrounded");
  write_operator(call);
  // Quantizes `at`; gives the reals of that for another step.
  const auto rounded = [&](const std::string& what) {
    const Affine& affine = affine_of(y);
    const std::string integers = attempt_.fresh_name(y->name + what);
    write_quantize(at, y, integers);
    at = attempt_.fresh_name(integers + ".unrounded");
    return emit("DequantizeLinear", {integers, affine.scale, affine.zero}, affine.attrs(), integers + ".real");
  };
  if (clamps) {
    const std::string real = rounded(".rounded");
    const StoredRange range = clamped(node, *y->quant);
    const bool floor = node.attr_float("lo") == 0 && range.hi == bt_dtype_max(y->dtype);  // the largest integer is the ceiling
    if (floor) write({"Relu", "", {real}, {at}, {}, {}, "", ""});
    else write_clamp(node, real, at);
    // measured on its emulator: a Clip of 16-bit values leaves them as they are
    if (!floor && attempt_.pairs && y->dtype == BT_I16)
      attempt_.refuse(node, "QNN clamps no 16-bit values but at 0; keep this one in 8 bits (wide=)");
  }
  if (moves) {
    const std::string real = rounded(clamps ? ".clamped" : ".rounded");
    write({call.move, "", {real, call.move_list}, {at}, {}, {}, "", ""});
  }
  write_quantize(at, y, result);
}

// Input and output have the same scale; what a Pad puts around is a real number of ours.
void OnnxGraphWriter::write_moved(const Node& node, OnnxCall& call) {
  const Value *x = node.input(0), *y = node.output();
  call.inputs[0] = name_of(x);
  if (x->is_constant()) write_constant(x);
  if (node.is("Pad")) {
    const Tensor around = node.input(2) ? *node.input(2)->constant : Tensor::scalar_float(0);
    call.inputs.resize(std::max<size_t>(call.inputs.size(), 3));
    call.inputs[2] = activation(y->name + ".around", around.dtype() == BT_I8 ? around.reshaped({}) : encode(around.reshaped({}), *y->quant));
  }
  write(call);
}

void OnnxGraphWriter::finish_float(const Node& node, OnnxCall& call) {
  std::string at = call.outputs.empty() ? "" : call.outputs[0];
  const bool clamps = has_clamp(node), moves = !call.move.empty();
  const std::string result = at;
  if (clamps || moves) at = call.outputs[0] = attempt_.fresh_name(result + ".inner");
  write_operator(call);
  if (clamps) {
    const std::string to = moves ? attempt_.fresh_name(result + ".clamped") : result;
    write_clamp(node, at, to);
    at = to;
  }
  if (moves) write({call.move, "", {at, call.move_list}, {result}, {}, {}, "", ""});
}

void OnnxGraphWriter::write_clamp(const Node& node, const std::string& from, const std::string& to) {
  const float lo = node.attr_float("lo"), hi = node.attr_float("hi");
  OnnxCall call{"Relu", "", {from}, {to}, {}, {}, "", ""};
  if (lo != 0 || hi != INFINITY) {
    const DType dtype = is_stored_quantized(node.output()) ? BT_F32 : node.output()->dtype;
    call.op = "Clip";
    call.inputs.push_back(lo == -INFINITY ? "" : scalar(to + ".lo", dtype, static_cast<double>(lo)));
    call.inputs.push_back(hi == INFINITY ? "" : scalar(to + ".hi", dtype, static_cast<double>(hi)));
  }
  write(call);
}

}  // namespace bantam
