// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/c_source.h"

#include <cctype>

#include "apps/bantam/models.h"
#include "base/format.h"

namespace bantam {
namespace {

std::string without_suffix(const std::string& path) { return path.substr(0, path.size() - 2); }

std::string identifier(const std::string& path) {
  std::string name = without_suffix(base_name(path));
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) > 127) c = '_';
  return name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) ? "model_" + name : name;
}

}  // namespace

std::string model_inside_c_source(const std::string& path) {
  if (!path.ends_with(".h") && !path.ends_with(".c")) return "";
  const std::string inside = without_suffix(path);
  return inside.ends_with(".btm") || inside.ends_with(".tflite") ? inside : inside + ".btm";
}

std::string c_source(const std::string& path, const Bytes& model, uint64_t arena_bytes) {
  const std::string name = identifier(path);
  const bool header = path.ends_with(".h");
  const std::string type = header ? "static const" : "const";
  std::string out = "/* Written by bantam. */\n";
  if (header) {
    out += "#pragma once\n";
  } else {
    out += formatted("/* extern const unsigned char {0}[]; extern const unsigned long {0}_size{1}; */\n", name,
                     arena_bytes ? ", " + name + "_arena_bytes" : "");
  }
  out += formatted("{} unsigned long {}_size = {};\n", type, name, model.size());
  if (arena_bytes) out += formatted("{} unsigned long {}_arena_bytes = {}; /* activations of one run, one thread */\n", type, name, arena_bytes);
  out += formatted("{} _Alignas(64) unsigned char {}[{}] = {{", type, name, model.size());
  for (size_t i = 0; i < model.size(); ++i) {
    if (i % 20 == 0) out += "\n ";
    out += std::to_string(model.data()[i]);
    out += ',';
  }
  return out + "\n};\n";
}

}  // namespace bantam
