// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/emitter.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "formats/tflite/operators.h"

namespace bantam {

Error cannot(std::string reason) { return {Code::unsupported, std::move(reason)}; }

bool has_tensor_type(DType dtype) {
  constexpr uint32_t kTypes = BT_BIT(BT_F32) | BT_BIT(BT_F64) | BT_TYPES_INT | BT_BIT(BT_BOOL);
  return bt_is_type(dtype, kTypes);
}

tfl::TensorType tensor_type(DType dtype) {
  switch (dtype) {
    case BT_F64: return tfl::TensorType::FLOAT64;
    case BT_U8: return tfl::TensorType::UINT8;
    case BT_I8: return tfl::TensorType::INT8;
    case BT_U16: return tfl::TensorType::UINT16;
    case BT_I16: return tfl::TensorType::INT16;
    case BT_I32: return tfl::TensorType::INT32;
    case BT_I64: return tfl::TensorType::INT64;
    case BT_U32: return tfl::TensorType::UINT32;
    case BT_U64: return tfl::TensorType::UINT64;
    case BT_BOOL: return tfl::TensorType::BOOL;
    default: return tfl::TensorType::FLOAT32;
  }
}

// ---- tensors ----

namespace {

constexpr int64_t kFewNumbers = 256;  // saving half of fewer bytes is not worth an operator

// The numbers in f16, where all are the same there, or may be rounded. Steps of more than 8 bits
// may: they are coarser than those of f16 for all but the smallest numbers.
std::optional<Bytes> as_halves(const Tensor& data, bool rounded) {
  if (data.dtype() != BT_F32 || data.rank() < 2 || data.count() < kFewNumbers) return std::nullopt;
  std::vector<uint16_t> halves;
  for (const float f : data.floats()) {
    halves.push_back(bt_to_f16(f));
    const float back = bt_from_f16(halves.back());
    if (rounded ? !std::isfinite(back) : back != f) return std::nullopt;
  }
  return Bytes::copy_of(halves.data(), halves.size() * sizeof(uint16_t));
}

bool has_no_zeros(const Quant& quant) {
  return std::all_of(quant.zero.begin(), quant.zero.end(), [](int32_t z) { return z == 0; });
}

// Floats that are stored in integers, of which 4 bits hold each: the format has those without zero
// points.
bool fits_int4(const Quant& quant) {
  return quant.storage == BT_I8 && quant.bits <= 4 && has_no_zeros(quant);
}

// Two integers a byte, the first one in the lower half.
Bytes packed_int4(const Bytes& codes) {
  std::vector<uint8_t> packed((codes.size() + 1) / 2);
  for (size_t i = 0; i < codes.size(); ++i)
    packed[i / 2] |= static_cast<uint8_t>((codes.data()[i] & 0xf) << (i % 2 * 4));
  return Bytes(std::move(packed));
}

}  // namespace

TensorInfo Emitter::info(const Value* v) const {
  const bool integers = v->dtype != BT_F32 && v->quant;
  return {v->name, tensor_type(v->dtype), v->shape.value_or(Shape{}),
          integers ? v->quant.get() : nullptr};
}

int Emitter::tensor(const Value* v) {
  if (!v) return -1;
  const auto it = tensor_of_.find(v);
  if (it != tensor_of_.end()) return it->second;
  const int made =
      v->is_constant() ? stored(v->name, *v->constant, v->quant.get()) : file_.add_tensor(info(v));
  return tensor_of_[v] = made;
}

std::vector<int> Emitter::tensors(const std::vector<Value*>& values) {
  std::vector<int> list;
  for (const Value* v : values) list.push_back(tensor(v));
  return list;
}

// A constant that is mostly zeros, and DENSIFY: LiteRT runs that once.
std::optional<int> Emitter::densified(const TensorInfo& info, const Bytes& data) {
  const size_t size = info.type == tfl::TensorType::INT8 ? 1 : info.type == tfl::TensorType::FLOAT16 ? 2 : 4;
  const auto form = sparse_form(data, size, info.shape);
  if (!form) return std::nullopt;
  TensorInfo dense = info;
  dense.name += ".dense";
  const int made = file_.add_tensor(dense);
  op(BuiltinOperator::DENSIFY, 1, {file_.add_sparse_constant(info, *form, "sparse")}, {made});
  return made;
}

// Floats with a quant are stored in integers, those that f16 can hold in f16. Palettes and steps of
// more than 8 bits have no place in the format: their numbers are written as floats, of 16 bits
// where no integers are made of them (a step more or less there is more than what f16 rounds away).
int Emitter::stored(const std::string& name, const Tensor& data, const Quant* quant,
                    bool as_integers) {
  const auto reals = [&](int from, int version) {
    const int made = file_.add_tensor({name + ".real", tfl::TensorType::FLOAT32, data.shape()});
    op(BuiltinOperator::DEQUANTIZE, version, {from}, {made});
    return made;
  };
  if (data.dtype() == BT_F32 && quant && quant->storage == BT_I8 && quant->bits <= 8) {
    const Bytes codes = encode(data, *quant).bytes();
    const bool four = fits_int4(*quant);
    if (!as_integers && !four && has_no_zeros(*quant))
      if (const auto dense = densified({name, tfl::TensorType::INT8, data.shape(), quant}, codes))
        return reals(*dense, quant->scale.size() > 1 ? 5 : 2);
    const int integers =
        four ? file_.add_constant({name, tfl::TensorType::INT4, data.shape(), quant},
                                  packed_int4(codes), "4 bits")
             : file_.add_constant({name, tfl::TensorType::INT8, data.shape(), quant}, codes,
                                  "8 bits");
    if (as_integers) return integers;
    return reals(integers, four ? 6 : quant->scale.size() > 1 ? 5 : 2);
  }
  const bool fine = quant && quant->bits > 8 && !forms_.integers;
  const auto halves = as_halves(data, forms_.halves || fine);
  if (halves)
    if (const auto dense = densified({name, tfl::TensorType::FLOAT16, data.shape()}, *halves))
      return reals(*dense, 3);
  if (halves)
    return reals(file_.add_constant({name, tfl::TensorType::FLOAT16, data.shape()}, *halves, "f16"),
                 3);
  if (data.dtype() == BT_F32)
    if (const auto dense = densified({name, tfl::TensorType::FLOAT32, data.shape()}, data.bytes()))
      return *dense;
  const Quant* own = data.dtype() == BT_F32 ? nullptr : quant;
  return file_.add_constant({name, tensor_type(data.dtype()), data.shape(), own}, data.bytes(),
                            bt_dtype_name(data.dtype()));
}

bool Emitter::is_dynamic(const Value* x, const Value* w) const {
  const auto& q = w->quant;
  return forms_.dynamic_range && x->dtype == BT_F32 && w->is_constant() && w->dtype == BT_F32 &&
         q && q->storage == BT_I8 && q->bits <= 8 && has_no_zeros(*q);
}

bool Emitter::is_int4(const Value* w) const {
  return w->dtype == BT_F32 && w->quant && fits_int4(*w->quant);
}

int Emitter::weight(const Value* v, const Perm& perm, const Shape& shape, int axis,
                    bool as_integers) {
  std::optional<Quant> quant;
  if (v->quant) {
    quant = *v->quant;
    quant->axis = quant->axis < 0 ? -1 : axis;
  }
  return stored(v->name, permuted(*v->constant, perm).reshaped(shape), quant ? &*quant : nullptr,
                as_integers);
}

int Emitter::constant(const std::string& name, const Tensor& data, const Quant* quant) {
  return stored(name, data, quant);
}

int Emitter::int_rows(const std::vector<int64_t>& values, int64_t columns) {
  const auto it = ints_.find({values, columns});
  if (it != ints_.end()) return it->second;
  std::vector<int32_t> narrow;
  for (const int64_t v : values)
    narrow.push_back(static_cast<int32_t>(std::clamp<int64_t>(v, INT32_MIN, INT32_MAX)));
  const auto n = static_cast<int64_t>(values.size());
  const Shape shape = columns < 0 ? Shape{} : columns == 0 ? Shape{n} : Shape{n / columns, columns};
  const Bytes bytes = Bytes::copy_of(narrow.data(), narrow.size() * sizeof(int32_t));
  return ints_[{values, columns}] =
             file_.add_constant({"integers", tfl::TensorType::INT32, shape}, bytes, "i32");
}
int Emitter::ints(const std::vector<int64_t>& values) { return int_rows(values, 0); }
int Emitter::int_scalar(int64_t value) { return int_rows({value}, -1); }

int Emitter::int32_of(const Value* v) {
  if (v->dtype == BT_I32) return tensor(v);
  const Tensor* known = v->constant ? v->constant.get() : v->known.get();
  if (known) {
    if (known->rank() == 1) return ints(known->integers());
    std::vector<int32_t> narrow;
    for (const int64_t i : known->integers())
      narrow.push_back(static_cast<int32_t>(std::clamp<int64_t>(i, INT32_MIN, INT32_MAX)));
    return stored(v->name + ".int32",
                  Tensor(BT_I32, known->shape(),
                         Bytes::copy_of(narrow.data(), narrow.size() * sizeof(int32_t))),
                  nullptr);
  }
  const int y = between(v->name + ".int32", tfl::TensorType::INT32, *v->shape);
  op(BuiltinOperator::CAST, 1, {tensor(v)}, {y},
     tfl::CreateCastOptions(flat(), tensor_type(v->dtype), tfl::TensorType::INT32));
  return y;
}

int Emitter::real(float value) { return stored("number", Tensor::scalar_float(value), nullptr); }

int Emitter::between(const Value* like, const Shape& shape) {
  TensorInfo t = info(like);
  t.name += ".inner";
  t.shape = shape;
  return file_.add_tensor(t);
}
int Emitter::between(const std::string& name, tfl::TensorType type, const Shape& shape) {
  return file_.add_tensor({name, type, shape});
}

void Emitter::reshape(int x, int y, const Shape& shape) {
  std::vector<int32_t> lengths;
  for (const int64_t d : shape) lengths.push_back(d < 0 ? -1 : static_cast<int32_t>(d));
  const int list = ints({lengths.begin(), lengths.end()});
  const auto vector = flat().CreateVector(lengths);
  op(BuiltinOperator::RESHAPE, 1, {x, list}, {y}, tfl::CreateReshapeOptions(flat(), vector));
}

// ---- clamps ----

namespace {

bool is_clamped(const Node& n) {
  return n.has_attr("lo") && (n.attr_float("lo") != -INFINITY || n.attr_float("hi") != INFINITY);
}

// The stored integers cannot leave [lo, hi] anyway.
bool holds_clamp(const Value* v, float lo, float hi) {
  const Quant& q = *v->quant;
  const float zero = static_cast<float>(q.zero_at(0));
  return std::nearbyint(lo / q.scale[0]) + zero <= static_cast<float>(bt_dtype_min(v->dtype)) &&
         std::nearbyint(hi / q.scale[0]) + zero >= static_cast<float>(bt_dtype_max(v->dtype));
}

Activation activation_of(float lo, float hi) {
  if (lo == 0 && hi == INFINITY) return Activation::RELU;
  if (lo == 0 && hi == 6) return Activation::RELU6;
  if (lo == -1 && hi == 1) return Activation::RELU_N1_TO_1;
  return Activation::NONE;
}

}  // namespace

Emitter::Target Emitter::target(const Node& n) {
  const Value* y = n.output();
  if (!is_clamped(n)) return {Activation::NONE, tensor(y), false};
  const float lo = n.attr_float("lo"), hi = n.attr_float("hi");
  const Activation activation = activation_of(lo, hi);
  const bool inherent = is_quantized(y) && holds_clamp(y, lo, hi);
  if (activation != Activation::NONE || inherent) return {activation, tensor(y), false};
  return {Activation::NONE, between(y, *y->shape), true};
}

Emitter::Target Emitter::plain_target(const Node& n) {
  const Value* y = n.output();
  const bool inherent =
      !is_clamped(n) || (is_quantized(y) && holds_clamp(y, n.attr_float("lo"), n.attr_float("hi")));
  return {Activation::NONE, inherent ? tensor(y) : between(y, *y->shape), !inherent};
}

void Emitter::finish(const Node& n, const Target& target) {
  if (target.clamp_behind)
    clamp(target.tensor, tensor(n.output()), n.output(), n.attr_float("lo"), n.attr_float("hi"));
}

void Emitter::clamp(int x, int y, const Value* v, float lo, float hi) {
  const Activation activation = activation_of(lo, hi);
  if (v->dtype == BT_F32 && activation != Activation::NONE) {
    const auto code = activation == Activation::RELU    ? BuiltinOperator::RELU
                      : activation == Activation::RELU6 ? BuiltinOperator::RELU6
                                                        : BuiltinOperator::RELU_N1_TO_1;
    return op(code, 1, {x}, {y});
  }
  const auto bound = [&](float value) {
    const Tensor t = Tensor::scalar_float(value);
    return is_quantized(v) ? stored("bound", encode(t, *v->quant), v->quant.get())
                           : stored("bound", t, nullptr);
  };
  const bool both = lo != -INFINITY && hi != INFINITY;
  const int middle = both ? between(v, *v->shape) : y;
  const int since = version(v, 2, 4);
  if (lo != -INFINITY) op(BuiltinOperator::MAXIMUM, since, {x, bound(lo)}, {middle});
  if (hi != INFINITY) op(BuiltinOperator::MINIMUM, since, {both ? middle : x, bound(hi)}, {y});
}

// ---- the whole ----

namespace {

// Types that a tensor may have, but hardly any kernel takes.
constexpr uint32_t kOnlyCast =
    BT_BIT(BT_F64) | BT_BIT(BT_U16) | BT_BIT(BT_U32) | BT_BIT(BT_U64) | BT_BIT(BT_I16);

bool is_misfit(const Node& n, const Value& v) {
  if (!has_tensor_type(v.dtype) || !v.shape) return true;
  if (is_q16(&v)) return v.quant->zero_at(0) != 0;
  if (bt_is_type(v.dtype, kOnlyCast) && !n.is("Cast")) return true;
  return v.quant && v.dtype == BT_F32 && !v.is_constant();  // annotated, not lowered
}

bool is_recurrent(const Node& n) { return n.is("LSTM") || n.is("GRU") || n.is("RNN"); }

}  // namespace

Result<void> Emitter::run() {
  for (const Value* v : graph_.inputs()) tensor(v);
  for (const Node* n : graph_.nodes()) {
    const auto refuse = [&](const std::string& reason) {
      refused_.emplace_back(formatted("{} {}", n->op->name, quote(n->name)), reason);
    };
    const EmitNode emit = emitter_of(*n);
    if (!emit) {
      refuse(is_recurrent(*n) ? "it is written step by step where the length is known (--shape), for up to 256 steps and the usual activations"
                              : "TensorFlow Lite has no such operator");
      continue;
    }
    const auto bad = [&](const std::vector<Value*>& values) {
      return std::any_of(values.begin(), values.end(),
                         [&](const Value* v) { return v && is_misfit(*n, *v); });
    };
    if (bad(n->inputs) || bad(n->outputs)) {
      refuse("a value of a type that the format's kernels do not take, or of unknown rank");
      continue;
    }
    if (auto done = emit(*this, *n); !done.ok()) {
      if (done.error().code != Code::unsupported) return done.error();
      refuse(done.error().message);
    }
  }
  if (refused_.empty()) return {};
  return Error{Code::unsupported, refusals()};
}

std::string Emitter::refusals() const {
  std::string text =
      formatted("TensorFlow Lite cannot hold {} of {} nodes", refused_.size(), graph_.node_count());
  for (const auto& [node, reason] : refused_) text += formatted("\n  {}: {}", node, reason);
  return text;
}

ModelBuilder::Named Emitter::inputs() {
  ModelBuilder::Named named;
  for (const Value* v : graph_.inputs()) named.emplace_back(v->name, tensor(v));
  return named;
}
ModelBuilder::Named Emitter::outputs() {
  ModelBuilder::Named named;
  for (const Value* v : graph_.outputs()) named.emplace_back(v->name, tensor(v));
  return named;
}

}  // namespace bantam
