// SPDX-License-Identifier: Apache-2.0
// Which opset knows an operator, with the types and attributes that a node has.
#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "formats/onnx/write_form.h"

namespace bantam {
namespace {

// Operators that are younger than opset 13, or took bf16 later than it.
struct Since {
  const char* op;
  int known, bf16;
};
constexpr Since kSince[] = {
    {"Acos", 13, 22}, {"Acosh", 13, 22}, {"AffineGrid", 20, 20}, {"Asin", 13, 22}, {"Asinh", 13, 22}, {"Atan", 13, 22},
    {"Atanh", 13, 22}, {"Attention", 23, 23}, {"AveragePool", 13, 22}, {"BatchNormalization", 13, 14}, {"Bernoulli", 15, 22},
    {"BitwiseAnd", 18, 18}, {"BitwiseNot", 18, 18}, {"BitwiseOr", 18, 18}, {"BitwiseXor", 18, 18}, {"BlackmanWindow", 17, 17},
    {"CastLike", 15, 15}, {"CenterCropPad", 18, 18}, {"Col2Im", 18, 18}, {"ConstantOfShape", 13, 20}, {"Conv", 13, 22},
    {"ConvTranspose", 13, 22}, {"Cos", 13, 22}, {"Cosh", 13, 22}, {"CumSum", 13, 14}, {"DFT", 17, 20}, {"DeformConv", 19, 22},
    {"Det", 13, 22}, {"Dropout", 13, 22}, {"Elu", 13, 22}, {"EyeLike", 13, 22}, {"GRU", 13, 22}, {"Gelu", 20, 20},
    {"GlobalAveragePool", 13, 22}, {"GlobalLpPool", 13, 22}, {"GlobalMaxPool", 13, 22}, {"GreaterOrEqual", 13, 16},
    {"GridSample", 16, 22}, {"GroupNormalization", 21, 21}, {"HammingWindow", 17, 17}, {"HannWindow", 17, 17},
    {"HardSigmoid", 13, 22}, {"HardSwish", 14, 22}, {"If", 13, 16}, {"InstanceNormalization", 13, 22}, {"IsInf", 13, 20},
    {"LSTM", 13, 22}, {"LayerNormalization", 17, 17}, {"LeakyRelu", 13, 16}, {"LessOrEqual", 13, 16}, {"Loop", 13, 16},
    {"LpNormalization", 13, 22}, {"LpPool", 13, 22}, {"MaxPool", 13, 22}, {"MaxRoiPool", 13, 22}, {"MaxUnpool", 13, 22},
    {"MelWeightMatrix", 17, 17}, {"Mish", 18, 22}, {"Multinomial", 13, 22}, {"NegativeLogLikelihoodLoss", 13, 22}, {"PRelu", 13, 16},
    {"Pow", 13, 15}, {"RMSNormalization", 23, 23}, {"RNN", 13, 22}, {"RandomNormal", 13, 22}, {"RandomNormalLike", 13, 22},
    {"RandomUniform", 13, 22}, {"RandomUniformLike", 13, 22}, {"RoiAlign", 13, 22}, {"RotaryEmbedding", 23, 23}, {"Round", 13, 22},
    {"STFT", 17, 17}, {"Scan", 13, 16}, {"Selu", 13, 22}, {"Sin", 13, 22}, {"Sinh", 13, 22}, {"Softplus", 13, 22}, {"Softsign", 13, 22},
    {"Swish", 24, 24}, {"Tan", 13, 22}, {"TensorScatter", 24, 24}, {"ThresholdedRelu", 13, 22}, {"Trilu", 14, 14}, {"Where", 13, 16}};

struct AttrSince {
  const char *op, *attr;
  int since;
};
constexpr AttrSince kAttrSince[] = {
    {"AveragePool", "dilations", 19}, {"BatchNormalization", "training_mode", 14}, {"Cast", "saturate", 19}, {"CastLike", "saturate", 19},
    {"DequantizeLinear", "block_size", 21}, {"DequantizeLinear", "output_dtype", 23}, {"GRU", "layout", 14}, {"LSTM", "layout", 14},
    {"LpPool", "ceil_mode", 18}, {"LpPool", "dilations", 18}, {"QuantizeLinear", "block_size", 21}, {"QuantizeLinear", "output_dtype", 21},
    {"QuantizeLinear", "precision", 23}, {"QuantizeLinear", "saturate", 19}, {"RNN", "layout", 14}, {"Reshape", "allowzero", 14},
    {"Resize", "antialias", 18}, {"Resize", "axes", 18}, {"Resize", "keep_aspect_ratio_policy", 18}, {"ScatterElements", "reduction", 16},
    {"ScatterND", "reduction", 16}, {"Shape", "end", 15}, {"Shape", "start", 15}};

struct WordSince {
  const char *op, *attr, *word;
  int since;
};
constexpr WordSince kWordSince[] = {
    {"Pad", "mode", "wrap", 19}, {"Resize", "coordinate_transformation_mode", "half_pixel_symmetric", 19},
    {"ScatterElements", "reduction", "max", 18}, {"ScatterElements", "reduction", "min", 18},
    {"ScatterND", "reduction", "max", 18}, {"ScatterND", "reduction", "min", 18}};

struct TypeSince {
  const char* op;
  uint32_t types;
  int since;
};
constexpr uint32_t kNarrow = BT_BIT(BT_I8) | BT_BIT(BT_U8) | BT_BIT(BT_I16) | BT_BIT(BT_U16);
constexpr TypeSince kTypeSince[] = {
    {"Add", kNarrow, 14}, {"Sub", kNarrow, 14}, {"Mul", kNarrow, 14}, {"Div", kNarrow, 14}, {"Relu", BT_TYPES_SIGNED, 14},
    {"CumSum", BT_BIT(BT_F16), 14}, {"IsInf", BT_BIT(BT_F16), 20}, {"ReduceMax", BT_BIT(BT_BOOL), 20}, {"ReduceMin", BT_BIT(BT_BOOL), 20},
    {"QuantizeLinear", BT_BIT(BT_F16), 19}, {"DequantizeLinear", BT_BIT(BT_F16), 19},
    {"QuantizeLinear", BT_BIT(BT_I16) | BT_BIT(BT_U16), 21}, {"DequantizeLinear", BT_BIT(BT_I16) | BT_BIT(BT_U16), 21}};

// Types that no operator took before.
int since_of_type(DType t) {
  switch (t) {
    case BT_F8E4M3FN:
    case BT_F8E4M3FNUZ:
    case BT_F8E5M2:
    case BT_F8E5M2FNUZ: return 19;
    case BT_U4:
    case BT_I4: return 21;
    case BT_F4E2M1: return 23;
    case BT_F8E8M0: return 24;
    case BT_U2:
    case BT_I2: return 25;
    default: return kOldestOpset;
  }
}

// Every type that the node meets; of a quantized value the float that the written operator sees.
template <typename Visit>
void for_each_type(const Node& node, const Visit& visit) {
  for (const auto* list : {&node.inputs, &node.outputs})
    for (const Value* v : *list)
      if (v) visit(is_stored_quantized(v) ? BT_F32 : v->dtype);
}

}  // namespace

void need_opset(OnnxAttempt& attempt, const Node& node, const OnnxCall& call) {
  const auto is = [&](const char* op) { return call.op == op; };
  bool bf16 = false;
  for_each_type(node, [&](DType t) {
    bf16 = bf16 || t == BT_BF16;
    if (const int since = since_of_type(t); since > kOldestOpset) attempt.need(node, since, formatted("type {}", bt_dtype_name(t)));
    for (const TypeSince& row : kTypeSince)
      if (is(row.op) && bt_is_type(t, row.types)) attempt.need(node, row.since, formatted("{} of type {}", call.op, bt_dtype_name(t)));
  });
  for (const Since& row : kSince)
    if (is(row.op)) attempt.need(node, bf16 ? row.bf16 : row.known, call.op + (bf16 ? " of type bf16" : ""));
  for (const AttrSince& row : kAttrSince)
    if (is(row.op) && call.attr(row.attr)) attempt.need(node, row.since, formatted("{} of {}", row.attr, call.op));
  for (const WordSince& row : kWordSince)
    if (const AttrValue* word = is(row.op) ? call.attr(row.attr) : nullptr; word && std::get<std::string>(*word) == row.word)
      attempt.need(node, row.since, formatted("{} {} of {}", row.attr, row.word, call.op));
}

}  // namespace bantam
