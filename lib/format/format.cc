// SPDX-License-Identifier: Apache-2.0
#include "format/format.h"

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace bantam {

Result<const Format*> format_of(const Bytes& file, const std::string& path) {
  for (const Format* f : all_formats())
    if (f->read && path.ends_with(f->suffix)) return f;
  for (const Format* f : all_formats())
    if (f->read && f->sniff(file)) return f;
  std::vector<std::string> suffixes;
  for (const Format* f : all_formats())
    if (f->read) suffixes.emplace_back(f->suffix);
  return Error{Code::bad_input, formatted("{} is in no known format; files ending in {} can be read", quote(path), join(suffixes, ", "))};
}

Result<const Format*> writer_of(const std::string& path) {
  std::vector<std::string> suffixes;
  for (const Format* f : all_formats()) {
    if (!f->write) continue;
    if (path.ends_with(f->suffix)) return f;
    suffixes.emplace_back(f->suffix);
  }
  const std::string_view ort = ".ort";
  if (path.ends_with(ort)) {
    const std::string onnx = path.substr(0, path.size() - ort.size()) + ".onnx";
    return Error{Code::usage, formatted("-o {}: onnxruntime itself makes such files; write {} and run: python -m onnxruntime.tools.convert_onnx_models_to_ort {} --optimization_style Fixed",
                                        quote(path), quote(onnx), onnx)};
  }
  return Error{Code::usage, formatted("-o {}: files ending in {} can be written; NAME.btm.h, NAME.tflite.c and the like are C source", quote(path), join(suffixes, ", "))};
}

uint64_t WrittenModel::bytes() const {
  uint64_t sum = 0;
  for (const File& f : files) sum += f.bytes.size();
  return sum;
}

Result<WrittenModel> write_model(const Graph& graph, const Format& format, const WriteOptions& options) {
  for (const Value* v : graph.values())
    if (!format.target->wide && v->quant && v->dtype == BT_I16 && !v->is_constant())
      return Error{Code::unsupported, formatted("value {} is stored in 16 bits, which {} files do not hold; leave 16 bits (wide=) out of the recipe", quote(v->name), format.suffix)};
  return format.write(graph, options);
}

Result<Model> read_model(const std::string& path, const ReadOptions& options) {
  TRY(const Bytes file, read_file(path));
  TRY(const Format* format, format_of(file, path));
  TRY(Model model, within(printable(path), format->read(file, path, options)));
  model.format = format->name;
  model.file_bytes += file.size();
  file.rest();  // most constants are copies; others are read again when they are used
  return model;
}

}  // namespace bantam
