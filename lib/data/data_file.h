// SPDX-License-Identifier: Apache-2.0
// A .toml file that says once what a set of samples is: where it lies, how pictures become inputs, what the
// right answers are, and how a model is judged. All tables but [data] may be left out; numbers are defaults.
//
//   [data]
//   path = "val"               # .npz, .npy, a folder of pictures, or a folder of .npy files
//
//   [preprocess]               # of pictures, in the order that data/image.h defines
//   resize = 256               # the shorter side; or "640x480" (width x height)
//   crop = 224                 # or "640x480"
//   scale = "1/255"            # a number or a quotient; 1: values stay 0..255
//   mean = [0.485, 0.456, 0.406]
//   std = [0.229, 0.224, 0.225]
//   color = "rgb"              # bgr, grey
//   layout = "first"           # [channels, height, width]; last: [height, width, channels]
//   interpolation = "bilinear" # bicubic, nearest
//
//   [labels]
//   file = "labels.csv"        # lines of file,label (of a folder) or one label (of arrays); or an array
//                              # of the .npz; or an .npy file. Default: labels.csv, the array "labels"
//   offset = 0                 # added to each label: 1 where a model has a background class in front
//
//   [metric]
//   name = "top1"              # top5, psnr, ssim, agreement
//   target = "clean"           # of psnr and ssim: an array of the .npz, an .npy file, or a folder with one
//                              # file of the same name for each sample. Default: the array "target"
//   peak = 1.0                 # of psnr and ssim, which need it: the largest value that the signal can have
//   output = "scores"          # which output is judged; default: the only one
//
// Paths are relative to the .toml file. Unknown tables and keys are refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "data/image.h"

namespace bantam {

// How a model is judged. `name` is one of metric_names(), or "" where nothing is said.
struct MetricChoice {
  std::string name;
  std::string output;    // "": the only one
  double peak = 0;       // 0: not said
};

const std::vector<std::string>& metric_names();

struct DataFile {
  std::string path;
  std::optional<Preprocess> preprocess;
  std::string labels;  // "": the default
  int64_t label_offset = 0;
  std::string target;  // "": the default
  MetricChoice metric;
  std::string folder;  // that labels and target are relative to
};

// Errors say file, line and column.
Result<DataFile> read_data_file(const std::string& path);

// What DATA on a command line names: a .toml file is read, everything else is the samples themselves.
Result<DataFile> data_file_of(const std::string& data);

// Sets one key of [preprocess] from plain text, as a flag of the command line gives it: resize 256,
// resize 640x480, mean 0.485,0.456,0.406, scale 1/255, color bgr.
Result<void> set_preprocess(Preprocess& settings, const std::string& key, const std::string& text);

// A path as somebody in `folder` means it.
std::string path_in(const std::string& folder, const std::string& path);

}  // namespace bantam
