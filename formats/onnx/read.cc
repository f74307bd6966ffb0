// SPDX-License-Identifier: Apache-2.0
// Reads ONNX models. The file is hostile until proven otherwise: sizes are checked before anything is
// allocated, paths of external data stay inside the model's folder, names are quoted in messages.
#include <google/protobuf/io/coded_stream.h>

#include "base/format.h"
#include "formats/onnx/import.h"
#include "formats/onnx/read.h"
#include "formats/onnx/wire.h"

namespace bantam {

bool looks_like_onnx(const Bytes& file) {
  // A ModelProto starts with ir_version (field 1, a small varint) in every file an exporter writes.
  return file.size() > 2 && file.data()[0] == 0x08 && file.data()[1] < 0x80;
}

Result<Model> read_onnx(const Bytes& file, const std::string& path, const ReadOptions& options) {
  if (file.empty()) return Error{Code::bad_input, "the file is empty"};
  TRY(const OnnxSkeleton skeleton, split_onnx(file, options.limits));
  onnx::ModelProto proto;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(skeleton.bytes.data()),
                                            static_cast<int>(skeleton.bytes.size()));
  in.SetRecursionLimit(120);
  if (skeleton.bytes.size() > 0x7FFFFFFF || !proto.ParseFromCodedStream(&in) || !in.ConsumedEntireMessage())
    return Error{Code::bad_input, "the file is not an ONNX model: its protobuf messages do not parse"};
  const size_t slash = path.rfind('/');
  Importer importer(proto, skeleton.raw_data, slash == std::string::npos ? "" : path.substr(0, slash + 1), options);
  return importer.run();
}

}  // namespace bantam
