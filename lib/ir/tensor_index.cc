// SPDX-License-Identifier: Apache-2.0
#include "ir/tensor_index.h"

namespace bantam {
namespace {

constexpr size_t kBeginning = 64;

template <typename T>
void append(std::string& key, T number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

Hash content_of(const Tensor& t) {
  const Hash hash = hash_of(t.bytes().data(), t.bytes().size());
  t.bytes().rest();
  return hash;
}

}  // namespace

uint64_t TensorIndex::number_of(const std::string& kind, const Tensor& tensor, uint64_t fresh) {
  std::string key;
  append(key, kind.size());
  key += kind;
  append(key, tensor.dtype());
  append(key, tensor.shape().size());
  for (const int64_t d : tensor.shape()) append(key, d);
  key += tensor.bytes().text().substr(0, kBeginning);
  const auto [it, is_new] = beginnings_.try_emplace(std::move(key), Alike{tensor, fresh, {}});
  if (is_new) return fresh;
  Alike& alike = it->second;
  if (alike.hashed.empty()) alike.hashed.emplace(content_of(alike.lone), alike.number);
  return alike.hashed.try_emplace(content_of(tensor), fresh).first->second;
}

}  // namespace bantam
