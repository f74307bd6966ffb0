// SPDX-License-Identifier: Apache-2.0
// Limits of the importer. An ONNX file is untrusted input: a few bytes can ask for any amount of
// memory or time. Every limit is a command line option (--max-...), named in the message that
// reports it.
#pragma once

#include <cstdint>

namespace bantam {

struct ImportLimits {
  int64_t nodes = 1'000'000;              // --max-nodes: after local functions are expanded
  int nesting = 20;                       // --max-nesting: graphs inside graphs
  int64_t tensor_bytes = int64_t{1} << 36;  // --max-tensor-bytes: one constant
  int64_t sparse_bytes = int64_t{1} << 26;  // --max-sparse-bytes: one sparse constant made dense
};

}  // namespace bantam
