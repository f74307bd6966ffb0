// SPDX-License-Identifier: Apache-2.0
// Model metadata, by which ML Kit, the Task library and Android Studio know what goes in and comes
// out: how pictures become inputs, and the names of the classes. The names stand in a file
// `labels.txt` that is packed behind the model: a .tflite file with such files is a ZIP archive as
// well.
#pragma once

#include <string>
#include <vector>

#include "format/format.h"

namespace bantam {

// Whether there is anything to say.
inline bool has_metadata(const WriteOptions& options) {
  return options.pictures || !options.class_names.empty();
}

// The metadata of a graph whose pictures are channels-last. An error of code usage where no output
// has as many numbers along its last axis as there are names of classes.
Result<std::vector<uint8_t>> metadata_of(const Graph& graph, const WriteOptions& options);

// Appends a ZIP archive (stored, without dates) with the one file `name`; returns the bytes added.
size_t append_zip(std::vector<uint8_t>& file, const std::string& name, const std::string& text);

// One name per line, as the metadata say.
constexpr const char* kLabelsFile = "labels.txt";
std::string labels_text(const std::vector<std::string>& class_names);

}  // namespace bantam
