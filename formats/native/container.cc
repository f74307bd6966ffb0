// SPDX-License-Identifier: Apache-2.0
#include "formats/native/container.h"

#include "formats/native/entropy.h"
#include "formats/native/out.h"
#include "runtime/crc.h"

namespace bantam {
namespace {

void add_constants(std::vector<Section>& sections, const Constants::Sections& c) {
  sections.push_back({BT_SECTION_QUANT, BT_FLAG_CRITICAL, "(scales and zero points)", c.quants});
  sections.push_back({BT_SECTION_TENSORS, BT_FLAG_CRITICAL, "(tensor records)", c.tensors});
}

Section weights_of(const Constants::Sections& c) { return {BT_SECTION_WEIGHTS, BT_FLAG_CRITICAL, "", c.weights}; }

// All sections but the weights in one, entropy coded. Its decoded size goes to `raw`; 0: they are too large.
Section pack(const std::vector<Section>& sections, const Constants::Sections& c, size_t& raw) {
  Out inside;
  for (const Section& s : sections) {
    inside.le(s.name, 4);
    inside.varint(s.bytes.size());
    inside.append(s.bytes);
  }
  raw = inside.bytes.size() <= BT_PACK_MAX ? inside.bytes.size() : 0;
  if (raw == 0) return {};
  const std::vector<uint8_t> code = encode_mixture(inside.bytes);
  Out out;
  out.varint(code.size());
  out.append(code);
  out.append(c.scales);
  return {BT_SECTION_PACK, BT_FLAG_CRITICAL, "(graph, scales, records, names, recipe)", std::move(out.bytes)};
}

// `raw`: decoded size of PACK, 0 where there is none.
NativeFile frame(std::vector<Section> sections, size_t raw, const std::vector<SizeRow>& owners) {
  std::erase_if(sections, [](const Section& s) { return s.bytes.empty(); });
  NativeFile file;
  Out toc, body;
  const size_t head = BT_HEADER_BYTES + sections.size() * BT_SECTION_BYTES;
  file.size_map.push_back({"(header and table of contents)", "", head});
  for (const Section& s : sections) {
    uint64_t gap = 0;
    if (s.name == BT_SECTION_WEIGHTS && raw == 0) gap = (64 - (head + body.bytes.size()) % 64) % 64;  // raw tensors are aligned
    body.bytes.resize(body.bytes.size() + gap);
    toc.le(s.name, 4);
    toc.le(s.flags, 4);
    toc.le(head + body.bytes.size(), 8);
    toc.le(s.bytes.size(), 8);
    toc.le(s.name == BT_SECTION_PACK ? raw : s.bytes.size(), 8);
    toc.le(bt_crc32(s.bytes.data(), s.bytes.size()), 4);
    toc.le(0, 4);
    body.append(s.bytes);
    if (s.name == BT_SECTION_WEIGHTS) file.size_map.insert(file.size_map.end(), owners.begin(), owners.end());
    else file.size_map.push_back({s.owner, "", s.bytes.size()});
    if (gap) file.size_map.push_back({"(alignment)", "", gap});
  }
  Out header;
  header.bytes.assign(BT_MAGIC, BT_MAGIC + 8);
  header.le(BT_VERSION_MAJOR, 2);
  header.le(BT_VERSION_MINOR, 2);
  header.le(sections.size(), 4);
  header.le(head + body.bytes.size(), 8);
  header.le(bt_crc32(toc.bytes.data(), toc.bytes.size()), 4);
  header.bytes.resize(60);
  header.le(bt_crc32(header.bytes.data(), 60), 4);
  header.append(toc.bytes);
  header.append(body.bytes);
  file.bytes = std::move(header.bytes);
  return file;
}

}  // namespace

NativeFile assemble(std::vector<Section> sections, const Constants& constants, Codec codec) {
  if (codec == Codec::best) {
    const Constants::Sections c = constants.write(true);
    std::vector<Section> small = sections;
    add_constants(small, c);
    size_t raw = 0;
    Section packed = pack(small, c, raw);
    if (raw > 0) return frame({std::move(packed), weights_of(c)}, raw, c.owners);
  }
  const Constants::Sections c = constants.write(false);
  add_constants(sections, c);
  sections.push_back(weights_of(c));
  return frame(std::move(sections), 0, c.owners);
}

}  // namespace bantam
