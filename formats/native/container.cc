// SPDX-License-Identifier: Apache-2.0
#include "formats/native/container.h"

#include <algorithm>

#include "base/spool.h"
#include "formats/native/entropy.h"
#include "formats/native/out.h"
#include "runtime/crc.h"

namespace bantam {
namespace {

void add_constants(std::vector<Section>& sections, const Constants::Sections& c) {
  sections.push_back({BT_SECTION_QUANT, BT_FLAG_CRITICAL, "(scales and zero points)", Bytes(c.quants)});
  sections.push_back({BT_SECTION_TENSORS, BT_FLAG_CRITICAL, "(tensor records)", Bytes(c.tensors)});
}

Section weights_of(const Constants::Sections& c) { return {BT_SECTION_WEIGHTS, BT_FLAG_CRITICAL, "", c.weights}; }

// All sections but the weights in one, entropy coded. Its decoded size goes to `raw`; 0: they are too large.
Section pack(const std::vector<Section>& sections, const Constants::Sections& c, size_t& raw) {
  Out inside;
  for (const Section& s : sections) {
    inside.le(s.name, 4);
    inside.varint(s.bytes.size());
    inside.bytes.insert(inside.bytes.end(), s.bytes.data(), s.bytes.data() + s.bytes.size());
  }
  raw = inside.bytes.size() <= BT_PACK_MAX ? inside.bytes.size() : 0;
  if (raw == 0) return {};
  const std::vector<uint8_t> code = encode_mixture(inside.bytes);
  Out out;
  out.varint(code.size());
  out.append(code);
  out.append(c.scales);
  return {BT_SECTION_PACK, BT_FLAG_CRITICAL, "(graph, scales, records, names, recipe)", Bytes(std::move(out.bytes))};
}

uint32_t crc_of(const Bytes& bytes) {
  constexpr size_t kPart = size_t{16} << 20;
  uint32_t crc = 0;
  for (size_t at = 0; at < bytes.size(); at += kPart) {
    const Bytes part = bytes.part(at, std::min(kPart, bytes.size() - at));
    crc = bt_crc32_more(crc, part.data(), part.size());
    part.rest();
  }
  return crc;
}

// `raw`: decoded size of PACK, 0 where there is none.
Result<NativeFile> frame(std::vector<Section> sections, size_t raw, const std::vector<SizeRow>& owners) {
  std::erase_if(sections, [](const Section& s) { return s.bytes.empty(); });
  NativeFile file;
  Out toc;
  const size_t head = BT_HEADER_BYTES + sections.size() * BT_SECTION_BYTES;
  size_t at = head;
  file.size_map.push_back({"(header and table of contents)", "", head});
  std::vector<size_t> gaps;
  for (const Section& s : sections) {
    // raw tensors are aligned
    gaps.push_back(s.name == BT_SECTION_WEIGHTS && raw == 0 ? (64 - at % 64) % 64 : 0);
    at += gaps.back();
    toc.le(s.name, 4);
    toc.le(s.flags, 4);
    toc.le(at, 8);
    toc.le(s.bytes.size(), 8);
    toc.le(s.name == BT_SECTION_PACK ? raw : s.bytes.size(), 8);
    toc.le(crc_of(s.bytes), 4);
    toc.le(0, 4);
    at += s.bytes.size();
    if (s.name == BT_SECTION_WEIGHTS) file.size_map.insert(file.size_map.end(), owners.begin(), owners.end());
    else file.size_map.push_back({s.owner, "", s.bytes.size()});
    if (gaps.back()) file.size_map.push_back({"(alignment)", "", gaps.back()});
  }
  Out header;
  header.bytes.assign(BT_MAGIC, BT_MAGIC + 8);
  header.le(BT_VERSION_MAJOR, 2);
  header.le(BT_VERSION_MINOR, 2);
  header.le(sections.size(), 4);
  header.le(at, 8);
  header.le(bt_crc32(toc.bytes.data(), toc.bytes.size()), 4);
  header.bytes.resize(60);
  header.le(bt_crc32(header.bytes.data(), 60), 4);
  header.append(toc.bytes);
  Spool whole;
  whole.append(Bytes(std::move(header.bytes)));
  for (size_t i = 0; i < sections.size(); ++i) {
    whole.append_zeros(gaps[i]);
    whole.append(sections[i].bytes);
  }
  TRY(file.bytes, std::move(whole).finish());
  return file;
}

}  // namespace

Result<NativeFile> assemble(std::vector<Section> sections, const Constants& constants, Codec codec) {
  if (codec == Codec::best) {
    TRY(const Constants::Sections c, constants.write(true));
    std::vector<Section> small = sections;
    add_constants(small, c);
    size_t raw = 0;
    Section packed = pack(small, c, raw);
    if (raw > 0) return frame({std::move(packed), weights_of(c)}, raw, c.owners);
  }
  TRY(const Constants::Sections c, constants.write(false));
  add_constants(sections, c);
  sections.push_back(weights_of(c));
  return frame(std::move(sections), 0, c.owners);
}

}  // namespace bantam
