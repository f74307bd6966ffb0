// SPDX-License-Identifier: Apache-2.0
#include "formats/coreml/package.h"

#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace bantam::coreml {
namespace {

// A UUID of version 8 (free form), made of a hash.
std::string identifier(const char* item, const std::vector<uint8_t>& content) {
  Hash hash = hash_of(content.data(), content.size());
  std::vector<uint8_t> seed(hash.begin(), hash.end());
  seed.insert(seed.end(), item, item + std::char_traits<char>::length(item));
  hash = hash_of(seed.data(), seed.size());
  hash[6] = static_cast<uint8_t>((hash[6] & 0x0f) | 0x80);
  hash[8] = static_cast<uint8_t>((hash[8] & 0x3f) | 0x80);
  std::string text = hex(hash, 16);
  for (const size_t at : {8u, 13u, 18u, 23u}) text.insert(at, "-");
  return text;
}

nlohmann::ordered_json entry(const char* description, const char* name, const char* path) {
  return {{"author", "com.apple.CoreML"}, {"description", description}, {"name", name}, {"path", path}};
}

}  // namespace

WrittenModel package_of(std::vector<uint8_t> program, std::vector<uint8_t> weights) {
  const std::string root = identifier("model", program);
  nlohmann::ordered_json manifest;
  manifest["fileFormatVersion"] = "1.0.0";
  manifest["itemInfoEntries"][root] = entry("CoreML Model Specification", "model.mlmodel", "com.apple.CoreML/model.mlmodel");
  if (!weights.empty())
    manifest["itemInfoEntries"][identifier("weights", weights)] = entry("CoreML Model Weights", "weights", "com.apple.CoreML/weights");
  manifest["rootModelIdentifier"] = root;
  const std::string text = manifest.dump(4) + "\n";
  WrittenModel out;
  out.files.push_back({"Manifest.json", Bytes::copy_of(text.data(), text.size())});
  out.files.push_back({"Data/com.apple.CoreML/model.mlmodel", Bytes(std::move(program))});
  if (!weights.empty()) out.files.push_back({"Data/com.apple.CoreML/weights/weight.bin", Bytes(std::move(weights))});
  return out;
}

}  // namespace bantam::coreml
