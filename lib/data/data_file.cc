// SPDX-License-Identifier: Apache-2.0
#include "data/data_file.h"

#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "data/toml_setters.h"

namespace bantam {
namespace {

// A number, or a text like "1/255" (of which no decimal has all digits).
Result<double> number_of(const toml::node& node, const std::string& key) {
  double value = std::nan("");
  if (node.is_number()) value = *node.value<double>();
  if (const auto text = node.value_exact<std::string>()) {
    const auto parts = split(*text, '/');
    double above = 0, below = 0;
    if (parts.size() == 2 && parse_double(trim(parts[0]), &above) && parse_double(trim(parts[1]), &below)) value = above / below;
  }
  if (!std::isfinite(value)) return error_at(node.source(), formatted("{} must be a number, or a quotient such as \"1/255\"", key));
  return value;
}

Setter number_setter(double& to, std::string key) {
  return [&to, key = std::move(key)](const toml::node& node) -> Result<void> {
    TRY(to, number_of(node, key));
    return {};
  };
}

Setter numbers_setter(std::vector<double>& to, std::string key) {
  return [&to, key = std::move(key)](const toml::node& node) -> Result<void> {
    to.clear();
    if (const toml::array* list = node.as_array()) {
      for (const toml::node& item : *list) {
        TRY(const double value, number_of(item, key));
        to.push_back(value);
      }
      return {};
    }
    TRY(const double value, number_of(node, key));
    to.push_back(value);
    return {};
  };
}

template <typename Enum>
Setter choice_setter(Enum& to, std::string key, std::vector<std::string> names) {
  return [&to, key = std::move(key), names = std::move(names)](const toml::node& node) -> Result<void> {
    TRY(const std::string value, text_of(node, key));
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == value) return to = static_cast<Enum>(i), Result<void>();
    return error_at(node.source(), formatted("{} = {} is unknown; it is one of {}{}", key, quote(value), join(names, ", "), suggestion(value, names)));
  };
}

bool is_side(int64_t n) { return n >= 1 && n <= kLongestSide; }

// "640x480". Arrays are refused: half of the world writes [height, width].
Result<Preprocess::Size> size_of(const toml::node& node, const std::string& key, const char* also) {
  const auto text = node.value_exact<std::string>();
  const auto parts = text ? split(*text, 'x') : std::vector<std::string>();
  int64_t width = 0, height = 0;
  if (parts.size() != 2 || !parse_int(parts[0], &width) || !parse_int(parts[1], &height) || !is_side(width) || !is_side(height))
    return error_at(node.source(), formatted("{} must be {} or a text \"640x480\" (width x height), within 1 to {}", key, also, kLongestSide));
  return Preprocess::Size{static_cast<int>(width), static_cast<int>(height)};
}

Setters preprocess_setters(Preprocess& p) {
  using P = Preprocess;
  return {{"resize",
           [&p](const toml::node& node) -> Result<void> {
             const auto n = node.value_exact<int64_t>();
             if (n && is_side(*n)) return p.shorter_side = static_cast<int>(*n), Result<void>();
             TRY(p.resize, size_of(node, "resize", "a number (the shorter side)"));
             return {};
           }},
          {"crop",
           [&p](const toml::node& node) -> Result<void> {
             const auto n = node.value_exact<int64_t>();
             if (n && is_side(*n)) return p.crop = P::Size{static_cast<int>(*n), static_cast<int>(*n)}, Result<void>();
             TRY(p.crop, size_of(node, "crop", "a number (of a square)"));
             return {};
           }},
          {"scale", number_setter(p.scale, "scale")},
          {"mean", numbers_setter(p.mean, "mean")},
          {"std", numbers_setter(p.deviation, "std")},
          {"color", choice_setter(p.color, "color", {"rgb", "bgr", "grey"})},
          {"layout", choice_setter(p.layout, "layout", {"first", "last"})},
          {"interpolation", choice_setter(p.interpolation, "interpolation", {"bilinear", "bicubic", "nearest"})}};
}

Setters metric_setters(DataFile& file) {
  return {{"name",
           [&file](const toml::node& node) -> Result<void> {
             size_t index = 0;
             TRY(choice_setter(index, "name", metric_names())(node));
             file.metric.name = metric_names()[index];
             return {};
           }},
          {"target", text_setter(file.target, "target")},
          {"output", text_setter(file.metric.output, "output")},
          {"peak", [&file](const toml::node& node) -> Result<void> {
             TRY(file.metric.peak, number_of(node, "peak"));
             if (file.metric.peak <= 0) return error_at(node.source(), "peak must be above 0");
             return {};
           }}};
}

Setters label_setters(DataFile& file) {
  return {{"file", text_setter(file.labels, "file")},
          {"offset", [&file](const toml::node& node) -> Result<void> {
             const auto n = node.value_exact<int64_t>();
             constexpr int64_t kFar = int64_t{1} << 40;
             if (!n || *n < -kFar || *n > kFar) return error_at(node.source(), "offset must be a whole number");
             file.label_offset = *n;
             return {};
           }}};
}

// What the tables need of each other.
Result<void> check_whole(const DataFile& file, const toml::table& root) {
  if (file.path.empty()) return error_at(root.source(), "there is no [data] with path = \"...\"");
  if (const toml::node* p = root.get("preprocess")) {
    const auto checked = check_settings(*file.preprocess);
    if (!checked) return error_at(p->source(), "[preprocess]: " + checked.error().message);
  }
  if (const toml::node* metric = root.get("metric")) {
    if (file.metric.name.empty())
      return error_at(metric->source(), formatted("[metric] has no name; it is one of {}", join(metric_names(), ", ")));
    const bool compares = file.metric.name == "psnr" || file.metric.name == "ssim";
    if (compares && file.metric.peak == 0)
      return error_at(metric->source(), formatted("{} needs peak: the largest value that the signal can have, such as 1.0 or 255", file.metric.name));
    if (!compares && (file.metric.peak != 0 || !file.target.empty()))
      return error_at(metric->source(), formatted("peak and target belong to psnr and ssim, not to {}", file.metric.name));
  }
  return {};
}

Result<DataFile> data_file_in(const toml::table& root) {
  DataFile file;
  Preprocess preprocess;
  const Setters tables = {{"data", table_setter("data", {{"path", text_setter(file.path, "path")}})},
                          {"preprocess", table_setter("preprocess", preprocess_setters(preprocess))},
                          {"labels", table_setter("labels", label_setters(file))},
                          {"metric", table_setter("metric", metric_setters(file))}};
  TRY(apply(root, tables, "the file"));
  if (root.contains("preprocess")) file.preprocess = preprocess;
  TRY(check_whole(file, root));
  return file;
}

}  // namespace

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> names = {"top1", "top5", "psnr", "ssim", "agreement"};
  return names;
}

std::string path_in(const std::string& folder, const std::string& path) {
  return path.starts_with('/') || folder.empty() ? path : folder + "/" + path;
}

Result<DataFile> read_data_file(const std::string& path) {
  TRY(const toml::table root, read_toml(path, "a description of samples"));
  TRY(DataFile file, within(printable(path), data_file_in(root)));
  const size_t slash = path.rfind('/');
  file.folder = slash == std::string::npos ? "" : slash == 0 ? "/" : path.substr(0, slash);
  file.path = path_in(file.folder, file.path);
  return file;
}

Result<DataFile> data_file_of(const std::string& data) {
  if (data.ends_with(".toml")) return read_data_file(data);
  DataFile file;
  file.path = data;
  return file;
}

Result<void> set_preprocess(Preprocess& settings, const std::string& key, const std::string& text) {
  const Setters setters = preprocess_setters(settings);
  const auto set = [&](const toml::node& node) { return setters.at(key)(node); };
  int64_t whole = 0;
  double real = 0;
  if (parse_int(text, &whole)) return set(toml::value<int64_t>(whole));
  if (parse_double(text, &real)) return set(toml::value<double>(real));
  const auto parts = split(text, ',');
  if (parts.size() == 1) return set(toml::value<std::string>(text));
  toml::array list;
  for (const std::string& part : parts) {
    if (parse_double(trim(part), &real)) list.push_back(real);
    else list.push_back(part);
  }
  return set(list);
}

}  // namespace bantam
