// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/since.h"

#include <algorithm>

#include "base/format.h"

namespace bantam {
namespace {

using Op = tfl::BuiltinOperator;

struct Release {
  int major, minor;
  auto operator<=>(const Release&) const = default;
};
constexpr Release kOldest = {1, 14};  // of int8 files, and of everything that no row names

// Versions that we write and that came later. Of an operator and a version the first row of this version
// or a later one counts.
struct Row {
  Op code;
  int version;
  Release since;
};
constexpr Row kRows[] = {
    {Op::ABS, 1, {1, 14}},
    {Op::ABS, 5, {2, 12}},
    {Op::ADD, 2, {1, 14}},
    {Op::ADD, 3, {2, 4}},
    {Op::ADD, 4, {2, 6}},
    {Op::AVERAGE_POOL_2D, 2, {1, 14}},
    {Op::AVERAGE_POOL_2D, 3, {2, 3}},
    {Op::BATCH_MATMUL, 1, {2, 3}},
    {Op::BROADCAST_TO, 3, {2, 5}},
    {Op::CAST, 1, {1, 14}},
    {Op::CAST, 2, {2, 7}},
    {Op::CAST, 3, {2, 8}},
    {Op::CAST, 4, {2, 9}},
    {Op::CAST, 5, {2, 12}},
    {Op::CONCATENATION, 2, {1, 14}},
    {Op::CONCATENATION, 3, {2, 3}},
    {Op::CONV_2D, 3, {1, 14}},
    {Op::CONV_2D, 4, {2, 3}},
    {Op::CONV_2D, 5, {2, 4}},
    {Op::CONV_2D, 6, {2, 9}},
    {Op::CUMSUM, 1, {2, 4}},
    {Op::DEPTHWISE_CONV_2D, 3, {1, 14}},
    {Op::DEPTHWISE_CONV_2D, 6, {2, 3}},
    {Op::DEPTH_TO_SPACE, 1, {2, 1}},
    {Op::DEPTH_TO_SPACE, 2, {2, 5}},
    {Op::DENSIFY, 1, {2, 2}},
    {Op::DEQUANTIZE, 2, {1, 14}},
    {Op::DEQUANTIZE, 3, {1, 15}},
    {Op::DEQUANTIZE, 5, {2, 7}},
    {Op::DEQUANTIZE, 6, {2, 18}},  // (releases 2.14 to 2.18 were tried)
    {Op::DIV, 1, {1, 14}},
    {Op::DIV, 2, {2, 3}},
    {Op::FILL, 1, {1, 14}},
    {Op::FILL, 2, {2, 3}},
    {Op::FULLY_CONNECTED, 4, {1, 14}},
    {Op::FULLY_CONNECTED, 5, {2, 0}},
    {Op::FULLY_CONNECTED, 9, {2, 3}},
    {Op::FULLY_CONNECTED, 10, {2, 11}},
    {Op::FULLY_CONNECTED, 12, {2, 17}},
    {Op::GATHER, 2, {1, 14}},
    {Op::GATHER, 3, {1, 15}},
    {Op::GATHER, 4, {2, 4}},
    {Op::GELU, 2, {2, 9}},
    {Op::HARD_SWISH, 1, {1, 15}},
    {Op::LEAKY_RELU, 1, {1, 14}},
    {Op::LEAKY_RELU, 2, {2, 3}},
    {Op::LOGISTIC, 2, {1, 14}},
    {Op::LOGISTIC, 3, {2, 3}},
    {Op::MAXIMUM, 2, {1, 14}},
    {Op::MAXIMUM, 4, {2, 3}},
    {Op::MAX_POOL_2D, 2, {1, 14}},
    {Op::MAX_POOL_2D, 3, {2, 3}},
    {Op::MEAN, 2, {1, 14}},
    {Op::MEAN, 3, {2, 4}},
    {Op::MINIMUM, 2, {1, 14}},
    {Op::MINIMUM, 4, {2, 3}},
    {Op::MIRROR_PAD, 1, {1, 14}},
    {Op::MIRROR_PAD, 2, {2, 3}},
    {Op::MIRROR_PAD, 3, {2, 12}},
    {Op::MUL, 2, {1, 14}},
    {Op::MUL, 3, {1, 15}},
    {Op::MUL, 4, {2, 3}},
    {Op::MUL, 5, {2, 6}},
    {Op::PAD, 2, {1, 14}},
    {Op::PAD, 3, {2, 4}},
    {Op::PAD, 4, {2, 6}},
    {Op::PADV2, 2, {1, 14}},
    {Op::PADV2, 3, {2, 4}},
    {Op::PADV2, 4, {2, 6}},
    {Op::QUANTIZE, 1, {1, 14}},
    {Op::QUANTIZE, 2, {1, 15}},
    {Op::RANGE, 1, {1, 14}},
    {Op::RANGE, 2, {2, 14}},
    {Op::REDUCE_MAX, 2, {1, 14}},
    {Op::REDUCE_MAX, 3, {2, 5}},
    {Op::REDUCE_MIN, 2, {1, 14}},
    {Op::REDUCE_MIN, 3, {2, 5}},
    {Op::REDUCE_PROD, 1, {1, 14}},
    {Op::REDUCE_PROD, 2, {2, 6}},
    {Op::RELU, 1, {1, 14}},
    {Op::RELU, 2, {2, 1}},
    {Op::RELU, 3, {2, 5}},
    {Op::RESIZE_BILINEAR, 2, {1, 14}},
    {Op::RESIZE_BILINEAR, 3, {2, 2}},
    {Op::RESIZE_BILINEAR, 4, {2, 5}},
    {Op::RESIZE_NEAREST_NEIGHBOR, 2, {1, 14}},
    {Op::RESIZE_NEAREST_NEIGHBOR, 3, {2, 3}},
    {Op::RESIZE_NEAREST_NEIGHBOR, 4, {2, 4}},
    {Op::SELECT_V2, 1, {2, 2}},
    {Op::SIGN, 1, {2, 11}},
    {Op::SLICE, 2, {1, 14}},
    {Op::SLICE, 4, {2, 4}},
    {Op::SLICE, 5, {2, 5}},
    {Op::SOFTMAX, 2, {1, 14}},
    {Op::SOFTMAX, 3, {2, 3}},
    {Op::SPLIT, 3, {1, 14}},
    {Op::SPLIT, 4, {2, 3}},
    {Op::SPLIT_V, 1, {1, 14}},
    {Op::SPLIT_V, 2, {2, 3}},
    {Op::STRIDED_SLICE, 2, {1, 14}},
    {Op::STRIDED_SLICE, 3, {2, 1}},
    {Op::STRIDED_SLICE, 4, {2, 2}},
    {Op::SUB, 2, {1, 14}},
    {Op::SUB, 3, {2, 3}},
    {Op::SUB, 5, {2, 4}},
    {Op::SUM, 1, {1, 14}},
    {Op::SUM, 2, {1, 15}},
    {Op::TANH, 2, {1, 14}},
    {Op::TANH, 3, {2, 3}},
    {Op::TILE, 1, {1, 14}},
    {Op::TILE, 3, {2, 8}},
    {Op::TRANSPOSE, 2, {1, 14}},
    {Op::TRANSPOSE, 3, {1, 15}},
    {Op::TRANSPOSE, 4, {2, 3}},
    {Op::TRANSPOSE, 5, {2, 4}},
    {Op::TRANSPOSE, 6, {2, 12}},
    {Op::TRANSPOSE_CONV, 3, {2, 3}},
};

Release since(Op code, int version) {
  for (const Row& row : kRows)
    if (row.code == code && row.version >= version) return row.since;
  return kOldest;
}

}  // namespace

std::string oldest_runtime(const std::vector<std::pair<Op, int>>& operators) {
  Release oldest = kOldest;
  for (const auto& [code, version] : operators) oldest = std::max(oldest, since(code, version));
  return formatted("{}.{}.0", oldest.major, oldest.minor);
}

}  // namespace bantam
