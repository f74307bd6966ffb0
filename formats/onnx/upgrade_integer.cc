// SPDX-License-Identifier: Apache-2.0
// Matrix products of com.microsoft with integer weights and float results.
#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/upgrade.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

void become(OnnxNode& n, const char* op, std::vector<Value*> inputs) {
  n.op = op;
  n.domain.clear();
  n.inputs = std::move(inputs);
  n.attrs.clear();
}

// The product [+ bias] as the node's result.
Result<void> add_bias(NodeSink& sink, OnnxNode& n, std::vector<Value*> product, const char* op, Value* bias) {
  if (!bias) {
    become(n, op, std::move(product));
    return {};
  }
  TRY(Value* y, sink.emit(n, op, std::move(product)));
  become(n, "Add", {y, bias});
  return {};
}

// A (float), B, its scale, its zero point, bias: A is quantized when it is there.
Result<void> dynamic_quantize_matmul(NodeSink& sink, OnnxNode& n) {
  const std::string base = n.outputs[0];
  TRY(Node* quantized, sink.graph().append("DynamicQuantizeLinear", n.name, {n.input(0)}, {},
                                           {base + ".quantized", base + ".scale", base + ".zero"}));
  TRY(Value* sums, sink.emit(n, "MatMulInteger", {quantized->output(0), n.input(1), quantized->output(2), n.input(3)}));
  TRY(Value* real, sink.emit(n, "Cast", {sums}, {{"to", int64_t{BT_F32}}}));
  TRY(Value* scale, sink.emit(n, "Mul", {quantized->output(1), n.input(2)}, {}, "factor"));
  return add_bias(sink, n, {real, scale}, "Mul", n.input(4));
}

// A, B, scale of A, scale of B, zero points of A and B, bias
Result<void> matmul_integer_to_float(NodeSink& sink, OnnxNode& n) {
  TRY(Value* a, sink.emit(n, "DequantizeLinear", {n.input(0), n.input(2), n.input(4)}, {{"axis", int64_t{-1}}}, "a"));
  TRY(Value* b, sink.emit(n, "DequantizeLinear", {n.input(1), n.input(3), n.input(5)}, {{"axis", int64_t{-1}}}, "b"));
  return add_bias(sink, n, {a, b}, "MatMul", n.input(6));
}

// `rows` rows of `columns` values of 2, 4 or 8 bits; every row starts on a byte, `row_bytes` apart.
Tensor unpack(const Tensor& packed, DType dtype, int64_t bits, int64_t rows, int64_t columns, int64_t row_bytes) {
  std::vector<uint8_t> out;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      const uint8_t byte = packed.bytes().data()[r * row_bytes + c * bits / 8];
      out.push_back(static_cast<uint8_t>(byte >> (c * bits % 8) & ((1 << bits) - 1)));
    }
  return {dtype, {rows, columns}, Bytes(std::move(out))};
}

struct Blocks {
  int64_t k = 0, n = 0, bits = 0, size = 0, count = 0;  // count: of one row
  DType dtype = BT_NONE;
};

Result<Blocks> read_blocks(OnnxNode& n) {
  Blocks b;
  b.k = n.take_int("K", 0);
  b.n = n.take_int("N", 0);
  b.bits = n.take_int("bits", 4);
  b.size = n.take_int("block_size", 0);
  n.take_int("accuracy_level", 0);
  b.dtype = b.bits == 2 ? BT_U2 : b.bits == 4 ? BT_U4 : b.bits == 8 ? BT_U8 : BT_NONE;
  if (b.dtype == BT_NONE) return Error{Code::unsupported, formatted("MatMulNBits with {} bits is not supported", b.bits)};
  if (b.k < 1 || b.n < 1 || b.size < 16 || b.size > 65536 || b.k > INT32_MAX || b.n > INT32_MAX)
    return Error{Code::bad_input, formatted("MatMulNBits of K={}, N={} and block_size={} makes no sense", b.k, b.n, b.size)};
  b.count = (b.k + b.size - 1) / b.size;
  return b;
}

// A, B (packed blocks), scales, zero points (packed), g_idx, bias: A times the transpose of B.
Result<void> matmul_n_bits(NodeSink& sink, OnnxNode& n) {
  TRY(const Blocks b, read_blocks(n));
  const Value *packed = n.input(1), *scales = n.input(2), *zeros = n.input(3);
  if (n.input(4)) return Error{Code::unsupported, "MatMulNBits with g_idx is not supported"};
  if (!packed || !packed->constant || !scales || !scales->constant || (zeros && !zeros->constant))
    return Error{Code::unsupported, "MatMulNBits is supported with constant weights, scales and zero points"};
  const int64_t row_bytes = b.count * b.size * b.bits / 8, zero_bytes = (b.count * b.bits + 7) / 8;
  if (packed->dtype != BT_U8 || packed->constant->count() != b.n * row_bytes || scales->constant->count() != b.n * b.count)
    return Error{Code::bad_input, formatted("MatMulNBits of K={}, N={} needs {} bytes of weights and {} scales, {} and {} are given", b.k, b.n,
                                            b.n * row_bytes, b.n * b.count, packed->constant->count(), scales->constant->count())};
  if (zeros && (zeros->dtype != BT_U8 || zeros->constant->count() != b.n * zero_bytes))
    return Error{Code::unsupported, "MatMulNBits is supported with packed zero points of type u8"};
  const std::string base = n.outputs[0];
  const std::vector<uint8_t> middle(static_cast<size_t>(b.n * b.count), static_cast<uint8_t>(1 << (b.bits - 1)));
  Value* w = sink.graph().add_constant(base + ".weight", unpack(*packed->constant, b.dtype, b.bits, b.n, b.k, row_bytes));
  Value* scale = sink.graph().add_constant(base + ".scale", scales->constant->reshaped({b.n, b.count}));
  Value* zero = sink.graph().add_constant(
      base + ".zero", zeros ? unpack(*zeros->constant, b.dtype, b.bits, b.n, b.count, zero_bytes)
                            : Tensor(b.dtype, {b.n, b.count}, Bytes(std::vector<uint8_t>(middle))));
  TRY(Value* real, sink.emit(n, "DequantizeLinear", {w, scale, zero}, {{"axis", int64_t{1}}, {"block_size", b.size}}));
  TRY(Value* turned, sink.emit(n, "Transpose", {real}, {{"perm", std::vector<int64_t>{1, 0}}}));
  return add_bias(sink, n, {n.input(0), turned}, "MatMul", n.input(5));
}

}  // namespace

const Upgrade integer_upgrades[] = {{kMicrosoft, "DynamicQuantizeMatMul", dynamic_quantize_matmul},
                                    {kMicrosoft, "MatMulIntegerToFloat", matmul_integer_to_float},
                                    {kMicrosoft, "MatMulNBits", matmul_n_bits},
                                    {"", nullptr, nullptr}};

}  // namespace bantam
