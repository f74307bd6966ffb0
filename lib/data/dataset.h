// SPDX-License-Identifier: Apache-2.0
// Samples to calibrate and evaluate with: what DATA on the command line means.
//
//   x.npz       arrays named as the model's inputs, one sample per entry of the first axis by the rules of
//               eval/samples.h (an input whose first length is free gets one row at a time); the arrays
//               `labels` and `target` are the right answers, others are not used (and noted)
//   x.npy       the same for a model with one input
//   a folder    of .jpg, .jpeg, .png files, or of .npy files, one sample each; labels.csv inside
//               names a class for each file
//   x.toml      says all that once: data/data_file.h
//
// Numbers must be what the model takes: floats for floats (f64 is rounded to f32), whole numbers for whole
// numbers that can hold them. u8 arrays [samples, height, width, channels] for an input of floats are pictures
// where [preprocess] of a .toml says how they become floats. NaN and infinity are refused.
//
// Order. Samples come in the order of their content hashes (BLAKE2b), so that nothing that is computed from them
// depends on how they are stored. An array sample is hashed as the model gets it: type, lengths, bytes; a
// picture as the bytes of its file and the settings of [preprocess]. Samples that are equal come in the order of
// their answers. Labels and targets follow their samples.
//
// Memory. Arrays stay in the mapped file unless the .npz is compressed; pictures are decoded when they are asked
// for, and the first of them are kept, up to kKept bytes. Files must not change while the set is open.
// One caller at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/data_file.h"
#include "eval/session.h"
#include "quant/calibration.h"

namespace bantam {

struct DataOptions {
  // 0: all; else only that many: those with the smallest content hashes, so that the choice does not depend
  // on the stored order either (and is as good as random).
  int64_t samples = 0;
  // Samples come as they are stored (files by name): for outputs that a person reads.
  bool as_stored = false;
};

class Dataset : public SampleSource {
 public:
  static constexpr size_t kKept = size_t{64} << 20;

  // Reads every sample once (of pictures: the files, without decoding them) for its hash.
  static Result<std::unique_ptr<Dataset>> open(const std::string& data, const std::vector<Port>& inputs,
                                               const DataOptions& options = {});
  static Result<std::unique_ptr<Dataset>> open(const DataFile& file, const std::vector<Port>& inputs,
                                               const DataOptions& options = {});
  // The first n samples of this set, which are not read again for it.
  std::unique_ptr<Dataset> first(int64_t n) const;
  ~Dataset() override;

  int64_t count() const override;
  Result<std::vector<Tensor>> at(int64_t i) override;
  // Over the sorted hashes of the samples that are in use; 64 hexadecimal digits.
  std::string hash() const override;

  // A name of sample i for messages: its file, or its place in the arrays.
  std::string name(int64_t i) const;
  // Classes of sample i: one, or one for each row of a model with a fixed batch. Empty where there are none.
  std::vector<int64_t> labels(int64_t i) const;
  bool has_labels() const;
  int64_t label_offset() const;  // to be added to labels
  // What the output should be, with the first axis of the sample; see has_targets().
  Result<Tensor> target(int64_t i);
  bool has_targets() const;
  // The caller checks `output` against the model's outputs.
  const MetricChoice& metric() const;
  // What a report should mention: arrays that are not used, pictures without settings.
  const std::vector<std::string>& notes() const;

 private:
  struct State;
  explicit Dataset(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bantam
