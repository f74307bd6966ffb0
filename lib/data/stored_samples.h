// SPDX-License-Identifier: Apache-2.0
// Samples in the order in which they are stored: what dataset.cc sorts. Use dataset.h instead.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "data/data_file.h"
#include "eval/session.h"

namespace bantam {

struct StoredSamples {
  int64_t count = 0;
  bool is_slow = false;  // to load: worth keeping
  std::function<Result<std::vector<Tensor>>(int64_t)> load;  // the model's inputs
  std::function<Result<Hash>(int64_t)> hash;
  std::function<std::string(int64_t)> name;  // for messages
  std::vector<int64_t> labels;               // the same number for each sample; empty: none
  std::function<Result<Tensor>(int64_t)> target;  // empty: none
  std::vector<std::string> notes;
};

// Of an .npz or .npy file, and of a folder.
Result<StoredSamples> stored_arrays(const DataFile& file, const std::vector<Port>& inputs);
Result<StoredSamples> stored_files(const DataFile& file, const std::vector<Port>& inputs);

// ---- shared by both ----
// Known lengths of the port are those of the shape, from axis `from` on.
bool fits(const Shape& shape, const Port& port);
// Of type, lengths and bytes.
Hash tensor_hash(const Tensor& tensor);
// Fails where a float is NaN or infinite.
Result<void> check_finite(const Tensor& tensor);
// The array in the model's type, at an address that is good for it. Floats become floats (rounded), whole
// numbers become whole numbers (that must fit); all else fails and says what to do.
Result<Tensor> as_type(const Tensor& array, DType dtype);
// Whether as_type can do it at all, by the types alone.
Result<void> check_type(DType have, DType want);
// An .npy file without a copy: the data may lie at an odd address.
Result<Tensor> map_npy(const Bytes& file);
// Picture values as the model's input: gets the batch axis that the port asks for.
Result<Tensor> as_input(const Image& image, const Preprocess& settings, const Port& port);

}  // namespace bantam
