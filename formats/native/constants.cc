// SPDX-License-Identifier: Apache-2.0
#include "formats/native/constants.h"

#include <algorithm>
#include <bit>

#include "base/spool.h"
#include "formats/native/entropy.h"
#include "formats/native/out.h"
#include "runtime/crc.h"

namespace bantam {
namespace {

uint32_t bits_of(float f) { return std::bit_cast<uint32_t>(f); }

// Constants of up to so many bytes may join the graph in PACK.
constexpr size_t kInlineMax = 1024;

// Where many constants are coded already, more bytes of one than these wait in a temporary file.
constexpr size_t kWorthAFile = size_t{1} << 20;

// The start of a record: type, lengths, scale.
std::vector<uint8_t> head_of(const Tensor& t, uint64_t quant) {
  Out head;
  head.byte(t.dtype());
  head.byte(t.shape().size());
  for (const int64_t d : t.shape()) head.varint(static_cast<uint64_t>(d));
  head.varint(quant);
  return head.bytes;
}

// The record behind type, lengths and scale, up to the place of the bytes.
void put_mapping(Out& out, const EncodedTensor& e) {
  out.byte(e.mapping);
  out.byte(e.coding);
  if (e.mapping == BT_MAP_INT || e.mapping == BT_MAP_REAL) out.zigzag(e.low);
  if (e.mapping == BT_MAP_BOOK) {
    out.varint(e.book_entries);
    out.varint(static_cast<uint64_t>(e.book_span));
    out.append(e.book);
  }
  if (e.coding == BT_CODE_BITS || e.coding == BT_CODE_SPARSE) out.byte(static_cast<uint64_t>(e.bits));
  if (e.coding == BT_CODE_SPARSE) out.varint(e.sparse_zero);
}

}  // namespace

void Constants::add_quant(const bt_quant& q) {
  Scales s{q.axis, {q.scale, q.scale + q.n}, {}};
  if (q.zero && std::any_of(q.zero, q.zero + q.n, [](int32_t z) { return z != 0; })) s.zero.assign(q.zero, q.zero + q.n);
  quants_.push_back(std::move(s));
}

uint64_t Constants::quant_index(const bt_quant& q) {
  Out key;
  key.zigzag(q.axis);
  for (int i = 0; i < q.n; ++i) key.real(q.scale[i]);
  for (int i = 0; i < q.n; ++i) key.zigzag(q.zero ? q.zero[i] : 0);
  const auto [it, fresh] = known_quants_.try_emplace({key.bytes.begin(), key.bytes.end()}, quants_.size());
  if (fresh) add_quant(q);
  return it->second;
}

void Constants::add_tensor(const Tensor& t, uint64_t quant, const Quant* grid, const std::string& name) {
  Record r{head_of(t, quant), encode_tensor(t, grid, codec_), {}, {}, name};
  const size_t bytes = t.bytes().size();
  const bool is_plain = r.code.mapping == BT_MAP_RAW || r.code.mapping == BT_MAP_PLANES || r.code.mapping == BT_MAP_HALF;
  if (codec_ == Codec::best && is_plain && bytes > 0 && bytes <= kInlineMax) {
    std::vector<uint8_t> raw(t.bytes().data(), t.bytes().data() + bytes);
    if (encode_mixture(raw).size() <= r.code.bytes.size() + 2) r.raw = std::move(raw);
  }
  t.bytes().rest();
  const size_t size = r.code.bytes.size();
  const bool is_full = in_memory_ + size > Spool::kInMemory;
  if (auto code = spooled(Bytes(std::move(r.code.bytes)), is_full ? kWorthAFile : Spool::kInMemory); code.ok()) r.bytes = std::move(*code);
  else failed_ = code.error();
  if (!is_full) in_memory_ += size;
  tensors_.push_back(std::move(r));
}

uint64_t Constants::tensor_index(const Tensor& t, const bt_quant* quant, const Quant* grid, const std::string& name) {
  const uint64_t place = quant ? quant_index(*quant) + 1 : 0;
  const uint64_t index = known_tensors_.number_of(std::to_string(place), t, tensors_.size());
  if (index == tensors_.size()) add_tensor(t, place, grid, name);
  return index;
}

void Constants::put_scales(const Scales& q, bool packed, Out& out, std::vector<uint32_t>& stream) {
  const bool is_short = std::all_of(q.scale.begin(), q.scale.end(), [](float f) { return (bits_of(f) & 0xFFFF) == 0; });
  const bool in_stream = packed && is_short && q.scale.size() > 1 && stream.size() + q.scale.size() <= BT_PACK_NUMBERS_MAX;
  out.varint(static_cast<uint64_t>(q.axis + 1));
  out.varint(q.scale.size());
  out.byte((is_short ? BT_QUANT_SHORT : 0) | (q.zero.empty() ? 0 : BT_QUANT_ZEROS) | (in_stream ? BT_QUANT_STREAM : 0));
  if (in_stream) {
    std::vector<float> sorted = q.scale;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
    const uint32_t middle = bits_of(sorted[sorted.size() / 2]) >> 16;
    out.varint(middle);
    for (const float f : q.scale) stream.push_back((bits_of(f) >> 16) + 32768 - middle);
  } else {
    for (const float f : q.scale) out.le(is_short ? bits_of(f) >> 16 : bits_of(f), is_short ? 2 : 4);
  }
  for (const int32_t z : q.zero) out.zigzag(z);
}

void Constants::put_tensor(const Record& r, bool packed, Out& out, Spool& weights, std::vector<SizeRow>& owners) {
  const EncodedTensor& e = r.code;
  out.append(r.head);
  if (packed && !r.raw.empty()) {
    out.byte(BT_MAP_RAW);
    out.byte(BT_CODE_INLINE);
    out.append(r.raw);
    return;
  }
  put_mapping(out, e);
  const size_t before = weights.size();
  if (e.coding == BT_CODE_STORED && !packed) weights.append_zeros((64 - before % 64) % 64);
  if (packed) out.zigzag(0);  // right behind the one before
  else out.varint(weights.size());
  out.varint(r.bytes.size());
  if (!packed) out.le(bt_crc32(r.bytes.data(), r.bytes.size()), 4);
  weights.append(r.bytes);
  owners.push_back({r.name, e.description, weights.size() - before});
}

Result<Constants::Sections> Constants::write(bool packed) const {
  if (failed_) return *failed_;
  Sections s;
  Out quants, tensors;
  Spool weights;
  std::vector<uint32_t> stream;
  quants.varint(quants_.size());
  for (const Scales& q : quants_) put_scales(q, packed, quants, stream);
  if (!stream.empty()) s.scales = encode_adaptive(stream, 32768, 0);
  tensors.varint(tensors_.size());
  for (const Record& r : tensors_) put_tensor(r, packed, tensors, weights, s.owners);
  s.quants = std::move(quants.bytes);
  s.tensors = std::move(tensors.bytes);
  TRY(s.weights, std::move(weights).finish());
  return s;
}

}  // namespace bantam
