// SPDX-License-Identifier: Apache-2.0
// Finds tensors that came before. Most differ in their first bytes already: only those that do not are
// hashed, so that a model of megabytes costs no more than a look at each of its constants.
#pragma once

#include <map>
#include <string>

#include "base/hash.h"
#include "ir/tensor.h"

namespace bantam {

class TensorIndex {
 public:
  // The number that came with the first tensor of the same kind, type, lengths and bytes; `fresh` where this
  // is the first. The bytes of a tensor must stay valid as long as the index.
  uint64_t number_of(const std::string& kind, const Tensor& tensor, uint64_t fresh);

 private:
  struct Alike {  // the first ones with one beginning
    Tensor lone;  // which is not hashed before another comes
    uint64_t number;
    std::map<Hash, uint64_t> hashed;
  };
  std::map<std::string, Alike> beginnings_;
};

}  // namespace bantam
