// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/borders.h"

#include <algorithm>

#include "apps/bantam/console.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

Result<std::vector<std::string>> names_of_classes(const std::string& path) {
  TRY(const Bytes file, read_file(path));
  std::vector<std::string> names;
  for (std::string_view rest = file.text(); !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    names.emplace_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  const auto empty = std::find(names.begin(), names.end(), "");
  if (empty != names.end())
    return Error{Code::bad_input, formatted("line {} of {} is empty; every class needs a name", empty - names.begin() + 1, quote(path))};
  if (names.empty()) return Error{Code::bad_input, formatted("{} holds no names of classes", quote(path))};
  return names;
}

// The settings say (x scale - mean) / std; with the scale in the other two there are two numbers.
WriteOptions::Pictures as_written(const Preprocess& p) {
  WriteOptions::Pictures out;
  for (const double mean : p.mean) out.mean.push_back(static_cast<float>(mean / p.scale));
  for (const double deviation : p.deviation) out.deviation.push_back(static_cast<float>(deviation / p.scale));
  out.grey = p.color == Preprocess::Color::grey;
  return out;
}

}  // namespace

Result<void> describe_borders(const std::string& labels, const DataFlags& data, const std::vector<std::string>& outputs,
                              WriteOptions& options) {
  const bool apps_read_it = std::any_of(outputs.begin(), outputs.end(), [](const std::string& o) { return o.ends_with(".tflite"); });
  if (!labels.empty()) {
    if (!apps_read_it) return Error{Code::usage, "--labels needs an output that ends in .tflite: other formats have no place for names of classes"};
    TRY(options.class_names, names_of_classes(labels));
  }
  if (!apps_read_it || !data.wanted()) return {};
  TRY(const DataFile file, data_file_of(data.data));
  TRY(const auto settings, data.settings(file.preprocess));
  if (!settings) return {};
  if (settings->color == Preprocess::Color::bgr) {
    Console::get().note("note: the metadata of .tflite files know pictures in the order red, green, blue only; nothing is said there about the input");
    return {};
  }
  options.pictures = as_written(*settings);
  return {};
}

}  // namespace bantam
