// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx/wire.h"

#include <optional>

#include "base/format.h"

namespace bantam {
namespace {

// Field numbers of onnx.proto that matter here.
constexpr uint32_t kModelGraph = 7, kModelFunctions = 25, kGraphNode = 1, kGraphInitializer = 5,
                   kTensorRawData = 9, kNodeAttribute = 5, kAttributeGraph = 6, kAttributeGraphs = 11,
                   kFunctionNode = 7;
constexpr size_t kLarge = 1024;  // raw_data of fewer bytes is not worth the trouble
constexpr int kGroupDepth = 64;

struct Field {
  uint32_t number = 0, type = 0;
  Bytes payload;     // of a length-delimited field
  size_t begin = 0;  // of the whole field, from the start of the message
  size_t end = 0;
};

Error damaged(const std::string& what, size_t at) {
  return {Code::bad_input, formatted("the file is not a whole ONNX model: {} at byte {}", what, at)};
}

// Walks the fields of one message. `base` is the message's place in the file, for error texts.
class Fields {
 public:
  Fields(const Bytes& message, size_t base) : message_(message), base_(base) {}

  // Empty at the end of the message.
  Result<std::optional<Field>> next() {
    if (at_ == message_.size()) return std::optional<Field>();
    Field f;
    f.begin = at_;
    TRY(const uint64_t tag, varint());
    f.number = static_cast<uint32_t>(tag >> 3);
    f.type = static_cast<uint32_t>(tag & 7);
    if (f.number == 0 || (tag >> 32) != 0) return damaged("an impossible field number", base_ + f.begin);
    TRY(skip(f));
    f.end = at_;
    return std::optional<Field>(std::move(f));
  }
  size_t payload_base(const Field& f) const {
    return base_ + static_cast<size_t>(f.payload.data() - message_.data());
  }

 private:
  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ >= message_.size()) return damaged("a number is cut off", base_ + at_);
      const uint8_t byte = message_.data()[at_++];
      if (shift == 63 && byte > 1) break;
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return damaged("a number of more than 10 bytes", base_ + at_);
  }

  Result<void> advance(size_t n, const char* what) {
    if (n > message_.size() - at_)
      return damaged(formatted("{} of {} bytes, where {} are left", what, n, message_.size() - at_),
                     base_ + at_);
    at_ += n;
    return {};
  }

  Result<void> skip(Field& f) {
    switch (f.type) {
      case 0: {
        TRY(varint());
        return {};
      }
      case 1: return advance(8, "a field");
      case 5: return advance(4, "a field");
      case 2: {
        TRY(const uint64_t size, varint());
        const size_t start = at_;
        TRY(advance(size, "a field"));
        f.payload = message_.part(start, size);
        return {};
      }
      case 3: return skip_group();
      default: return damaged("an impossible field type", base_ + f.begin);
    }
  }

  // Old-style groups, which ONNX never uses, but a stranger's extension may.
  Result<void> skip_group() {
    for (int depth = 1; depth > 0;) {
      if (depth > kGroupDepth) return damaged("too many nested groups", base_ + at_);
      TRY(const uint64_t tag, varint());
      Field inner;
      inner.type = static_cast<uint32_t>(tag & 7);
      inner.begin = at_;
      if (inner.type == 3) ++depth;
      else if (inner.type == 4) --depth;
      else TRY(skip(inner));
    }
    return {};
  }

  const Bytes& message_;
  size_t base_;
  size_t at_ = 0;
};

void put_varint(std::string& out, uint64_t v) {
  while (v >= 0x80) {
    out += static_cast<char>(v | 0x80);
    v >>= 7;
  }
  out += static_cast<char>(v);
}

void put_message(std::string& out, uint32_t number, const std::string& payload) {
  put_varint(out, uint64_t{number} << 3 | 2);
  put_varint(out, payload.size());
  out += payload;
}

void put_field(std::string& out, const Bytes& message, const Field& f) {
  out.append(reinterpret_cast<const char*>(message.data()) + f.begin, f.end - f.begin);
}

// ---- nesting ----

// A message on the way down, and what kind it is: graph -> node -> attribute -> graph.
struct Visit {
  Bytes message;
  size_t base;
  enum Kind { graph, node, attribute } kind;
  int depth;
};

Result<void> check_nesting(const Bytes& graph, size_t base, Visit::Kind kind, int limit) {
  std::vector<Visit> stack{{graph, base, kind, 1}};
  while (!stack.empty()) {
    const Visit v = stack.back();
    stack.pop_back();
    if (v.kind == Visit::graph && v.depth > limit)
      return Error{Code::bad_input,
                   formatted("graphs are nested more than {} levels deep; --max-nesting allows more, "
                             "up to 30", limit)};
    Fields fields(v.message, v.base);
    for (;;) {
      TRY(const auto f, fields.next());
      if (!f) break;
      if (f->type != 2) continue;
      const size_t inner = fields.payload_base(*f);
      if (v.kind == Visit::graph && f->number == kGraphNode)
        stack.push_back({f->payload, inner, Visit::node, v.depth});
      else if (v.kind == Visit::node && f->number == kNodeAttribute)
        stack.push_back({f->payload, inner, Visit::attribute, v.depth});
      else if (v.kind == Visit::attribute && (f->number == kAttributeGraph || f->number == kAttributeGraphs))
        stack.push_back({f->payload, inner, Visit::graph, v.depth + 1});
    }
  }
  return {};
}

// ---- the skeleton ----

Result<std::string> split_tensor(const Bytes& tensor, size_t base, std::optional<Bytes>& raw) {
  std::string out;
  Fields fields(tensor, base);
  for (;;) {
    TRY(const auto f, fields.next());
    if (!f) return out;
    if (f->number == kTensorRawData && f->type == 2 && f->payload.size() >= kLarge) raw = f->payload;
    else put_field(out, tensor, *f);
  }
}

Result<std::string> split_graph(const Bytes& graph, size_t base, int& initializers,
                                OnnxSkeleton& skeleton) {
  std::string out;
  Fields fields(graph, base);
  for (;;) {
    TRY(const auto f, fields.next());
    if (!f) return out;
    if (f->number != kGraphInitializer || f->type != 2) {
      put_field(out, graph, *f);
      continue;
    }
    std::optional<Bytes> raw;
    TRY(const auto rest, split_tensor(f->payload, fields.payload_base(*f), raw));
    put_message(out, kGraphInitializer, rest);
    if (raw) skeleton.raw_data[initializers] = *raw;
    ++initializers;
  }
}

}  // namespace

Result<OnnxSkeleton> split_onnx(const Bytes& file, const ImportLimits& limits) {
  OnnxSkeleton skeleton;
  int initializers = 0;
  const int depth = limits.nesting < 30 ? limits.nesting : 30;  // protobuf itself stops at 100 messages
  Fields fields(file, 0);
  for (;;) {
    TRY(const auto f, fields.next());
    if (!f) return skeleton;
    if (f->type != 2 || (f->number != kModelGraph && f->number != kModelFunctions)) {
      put_field(skeleton.bytes, file, *f);
      continue;
    }
    const size_t base = fields.payload_base(*f);
    if (f->number == kModelFunctions) {
      // a function is a list of nodes, like a graph, under another number
      Fields inner(f->payload, base);
      for (;;) {
        TRY(const auto node, inner.next());
        if (!node) break;
        if (node->number == kFunctionNode && node->type == 2)
          TRY(check_nesting(node->payload, inner.payload_base(*node), Visit::node, depth));
      }
      put_field(skeleton.bytes, file, *f);
      continue;
    }
    TRY(check_nesting(f->payload, base, Visit::graph, depth));
    TRY(const auto graph, split_graph(f->payload, base, initializers, skeleton));
    put_message(skeleton.bytes, kModelGraph, graph);
  }
}

}  // namespace bantam
