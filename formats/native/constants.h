// SPDX-License-Identifier: Apache-2.0
// The scales and constants of a .btm file that is being written: equal ones are stored once. Sections QPRM,
// TENS and WGHT are made of them at the end, when it is known whether they go into PACK.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/native/encode_tensor.h"
#include "format/size_map.h"
#include "ir/tensor_index.h"
#include "runtime/graph.h"

namespace bantam {

class Out;
class Spool;

class Constants {
 public:
  explicit Constants(Codec codec) : codec_(codec) {}

  // The place of a scale in QPRM.
  uint64_t quant_index(const bt_quant& q);
  // The place of a constant in TENS. `quant` may be null; `grid` says how floats lie on it. The name is that
  // of the owner of the bytes.
  uint64_t tensor_index(const Tensor& t, const bt_quant* quant, const Quant* grid, const std::string& name);

  // At the next place, even if there is an equal one. `quant` is the scale's place + 1, or 0.
  void add_quant(const bt_quant& q);
  void add_tensor(const Tensor& t, uint64_t quant, const Quant* grid, const std::string& name);

  struct Sections {
    std::vector<uint8_t> quants, tensors;
    Bytes weights;
    std::vector<uint8_t> scales;  // the stream behind QPRM in PACK; empty: there is none
    std::vector<SizeRow> owners;  // of the bytes in `weights`
  };
  // An error where the disk failed, here or while tensors were added.
  Result<Sections> write(bool packed) const;

 private:
  struct Scales {
    int axis;
    std::vector<float> scale;
    std::vector<int32_t> zero;  // empty: all are 0
  };
  struct Record {
    std::vector<uint8_t> head;  // type, lengths, scale
    EncodedTensor code;        // its bytes have moved to `bytes`
    Bytes bytes;
    std::vector<uint8_t> raw;  // elements that are shorter inside of PACK than coded; empty: they are not
    std::string name;
  };

  static void put_scales(const Scales& q, bool packed, Out& out, std::vector<uint32_t>& stream);
  static void put_tensor(const Record& r, bool packed, Out& out, Spool& weights, std::vector<SizeRow>& owners);

  Codec codec_;
  std::map<std::string, uint64_t> known_quants_;
  TensorIndex known_tensors_;
  std::vector<Scales> quants_;
  std::vector<Record> tensors_;
  size_t in_memory_ = 0;  // coded bytes of tensors
  std::optional<Error> failed_;
};

}  // namespace bantam
