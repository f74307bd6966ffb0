// SPDX-License-Identifier: Apache-2.0
// The zip directory of an .npz file.
#include <zlib.h>

#include <algorithm>

#include "base/checked.h"
#include "base/format.h"
#include "base/text.h"
#include "data/npy.h"

namespace bantam {
namespace {

constexpr uint32_t kEndOfDirectory = 0x06054b50, kEndOfDirectory64 = 0x06064b50, kLocator64 = 0x07064b50,
                   kDirectoryEntry = 0x02014b50, kLocalHeader = 0x04034b50;

Error bad(const std::string& what) { return {Code::bad_input, "not a usable .npz file: " + what}; }

struct Directory {
  uint64_t offset = 0, entries = 0;
};

Result<Directory> find_directory(const Bytes& file) {
  const uint8_t* p = file.data();
  if (file.size() < 22) return bad("it is too short");
  const size_t lowest = file.size() > 22 + 65535 ? file.size() - 22 - 65535 : 0;
  for (size_t at = file.size() - 22 + 1; at-- > lowest;) {
    if (load_le(p + at, 4) != kEndOfDirectory) continue;
    Directory d{load_le(p + at + 16, 4), load_le(p + at + 10, 2)};
    if ((d.offset == 0xFFFFFFFF || d.entries == 0xFFFF) && at >= 20 && load_le(p + at - 20, 4) == kLocator64) {
      const uint64_t at64 = load_le(p + at - 20 + 8, 8);
      if (at64 > file.size() || file.size() - at64 < 56 || load_le(p + at64, 4) != kEndOfDirectory64)
        return bad("its zip64 directory is damaged");
      d = {load_le(p + at64 + 48, 8), load_le(p + at64 + 32, 8)};
    }
    return d;
  }
  return bad("it has no zip directory");
}

// Sizes above 4 GiB stand in an extra field of type 1.
void read_zip64(const uint8_t* extra, size_t size, uint64_t& raw, uint64_t& stored, uint64_t& offset) {
  for (size_t at = 0; at + 4 <= size;) {
    const auto type = load_le(extra + at, 2), length = load_le(extra + at + 2, 2);
    if (length > size - at - 4) return;
    if (type == 1) {
      size_t q = at + 4;
      const size_t end = q + length;
      for (uint64_t* field : {&raw, &stored, &offset})
        if (*field == 0xFFFFFFFF && q + 8 <= end) *field = load_le(extra + q, 8), q += 8;
    }
    at += 4 + length;
  }
}

}  // namespace

Result<Npz> Npz::open(const Bytes& file) {
  Npz npz;
  npz.file_ = file;
  TRY(const Directory directory, find_directory(file));
  uint64_t at = directory.offset;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    if (at > file.size() || file.size() - at < 46 || load_le(file.data() + at, 4) != kDirectoryEntry)
      return bad("its directory is damaged");
    const uint8_t* p = file.data() + at;
    Entry e;
    const auto method = load_le(p + 10, 2);
    e.crc = static_cast<uint32_t>(load_le(p + 16, 4));
    e.stored = load_le(p + 20, 4);
    e.raw = load_le(p + 24, 4);
    const uint64_t name = load_le(p + 28, 2), extra = load_le(p + 30, 2), comment = load_le(p + 32, 2);
    uint64_t local = load_le(p + 42, 4);
    if (file.size() - at - 46 < name + extra + comment) return bad("its directory is damaged");
    e.name = std::string(reinterpret_cast<const char*>(p + 46), name);
    read_zip64(p + 46 + name, extra, e.raw, e.stored, local);
    if (e.name.ends_with(".npy")) e.name.resize(e.name.size() - 4);
    if (method != 0 && method != 8) return bad(formatted("{} is packed with an unknown method", quote(e.name)));
    e.deflated = method == 8;
    if (local > file.size() || file.size() - local < 30 || load_le(file.data() + local, 4) != kLocalHeader)
      return bad(formatted("{} has no header", quote(e.name)));
    e.offset = local + 30 + load_le(file.data() + local + 26, 2) + load_le(file.data() + local + 28, 2);
    const auto end = checked_add(e.offset, e.stored);
    if (!end || *end > file.size()) return bad(formatted("{} is cut off", quote(e.name)));
    if (!e.deflated && e.stored != e.raw) return bad(formatted("{} has two sizes", quote(e.name)));
    npz.entries_.push_back(std::move(e));
    at += 46 + name + extra + comment;
  }
  std::sort(npz.entries_.begin(), npz.entries_.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return npz;
}

std::vector<std::string> Npz::names() const {
  std::vector<std::string> list;
  for (const Entry& e : entries_) list.push_back(e.name);
  return list;
}

bool Npz::has(const std::string& name) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
}

Result<Bytes> Npz::member(const std::string& name) const {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
  if (it == entries_.end()) return bad(formatted("it has no array {}{}", quote(name), suggestion(name, names())));
  const Bytes stored = file_.part(it->offset, it->stored);
  if (!it->deflated) return stored;
  // deflate never packs better than about 1:1032, so an absurd size is a lie
  if (it->raw / 1040 > it->stored + 64) return bad(formatted("{} claims an impossible size", quote(name)));
  std::vector<uint8_t> out(it->raw);
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return Error{Code::internal, "zlib does not start"};
  size_t in_at = 0, out_at = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    const size_t in_part = std::min<size_t>(stored.size() - in_at, 1u << 30), out_part = std::min<size_t>(out.size() - out_at, 1u << 30);
    z.next_in = const_cast<uint8_t*>(stored.data()) + in_at;
    z.avail_in = static_cast<uInt>(in_part);
    z.next_out = out.data() + out_at;
    z.avail_out = static_cast<uInt>(out_part);
    status = inflate(&z, Z_NO_FLUSH);
    in_at += in_part - z.avail_in;
    out_at += out_part - z.avail_out;
    if (status == Z_OK && in_part == z.avail_in && out_part == z.avail_out) break;
  }
  inflateEnd(&z);
  uLong crc = crc32(0, nullptr, 0);
  for (size_t p = 0; p < out.size(); p += 1u << 30)
    crc = crc32(crc, out.data() + p, static_cast<uInt>(std::min<size_t>(out.size() - p, 1u << 30)));
  if (status != Z_STREAM_END || out_at != out.size() || crc != it->crc)
    return bad(formatted("{} is damaged", quote(name)));
  return Bytes(std::move(out));
}

}  // namespace bantam
