// SPDX-License-Identifier: Apache-2.0
#include "data/labels.h"

#include <map>

#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

Error at_line(int64_t line, const std::string& what) {
  return {Code::bad_input, formatted("line {}: {}", line, what)};
}

// Fields of one line (RFC 4180 without line breaks inside of fields): "" is a quote within quotes.
Result<std::vector<std::string>> fields_of(std::string_view line, int64_t number) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') fields.back() += line[++i];
    else if (c == '"') quoted = !quoted;
    else if (c == ',' && !quoted) fields.emplace_back();
    else fields.back() += c;
  }
  if (quoted) return at_line(number, "a quote is not closed");
  for (std::string& f : fields) f = std::string(trim(f));
  return fields;
}

struct Row {
  int64_t line = 0;
  std::string file;  // of two fields
  int64_t label = 0;
};

Result<std::vector<Row>> read_rows(std::string_view text, size_t width) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<Row> rows;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    TRY(const auto fields, fields_of(line, number));
    if (fields.size() != width)
      return at_line(number, formatted("it has {} fields; {} is expected", fields.size(), width == 2 ? "file,label" : "one label"));
    if (rows.empty() && fields.back() == "label") continue;
    Row row{number, width == 2 ? fields[0] : "", 0};
    if (!parse_int(fields.back(), &row.label))
      return at_line(number, formatted("{} is not the number of a class", quote(fields.back())));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Result<std::vector<int64_t>> labels_of_files(const Bytes& csv, const std::vector<std::string>& files, int64_t* unused) {
  TRY(const auto rows, read_rows(csv.text(), 2));
  std::map<std::string, const Row*> by_name;
  for (const Row& row : rows) {
    const auto [it, is_new] = by_name.emplace(row.file, &row);
    if (!is_new && it->second->label != row.label)
      return at_line(row.line, formatted("{} has label {} here and {} in line {}", quote(row.file), row.label, it->second->label, it->second->line));
  }
  std::vector<int64_t> labels;
  std::vector<std::string> missing;
  for (const std::string& name : files) {
    const auto it = by_name.find(name);
    if (it == by_name.end()) missing.push_back(name);
    else labels.push_back(it->second->label);
  }
  if (!missing.empty())
    return Error{Code::bad_input, formatted("{} of {} files have no label, {} among them", missing.size(), files.size(), quote(missing[0]))};
  *unused = static_cast<int64_t>(by_name.size() - labels.size());
  return labels;
}

Result<std::vector<int64_t>> labels_of_rows(const Bytes& csv) {
  TRY(const auto rows, read_rows(csv.text(), 1));
  std::vector<int64_t> labels;
  for (const Row& row : rows) labels.push_back(row.label);
  return labels;
}

Result<std::vector<int64_t>> labels_of_array(const Tensor& array) {
  if (!bt_is_int(array.dtype()) || array.rank() < 1 || array.count() != array.shape()[0])
    return Error{Code::bad_input, formatted("labels must be one whole number for each sample; this array is {}{}", bt_dtype_name(array.dtype()), shape_text(array.shape()))};
  return array.integers();
}

}  // namespace bantam
