// SPDX-License-Identifier: Apache-2.0
// Writes the graph as a program, for the oldest system that holds it: iOS 15, raised by what operators need, and by
// weights where a newer system stores them in three quarters of the bytes or less.
#include "formats/coreml/write.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "formats/coreml/emitter.h"
#include "formats/coreml/package.h"

namespace bantam::coreml {
namespace {

constexpr int kOldest = 15;

// ---- the system ----

bool is_stored(const Value* v) {
  return v->constant && !v->uses().empty() && (v->dtype == BT_F32 || v->dtype == BT_F16 || (v->quant && bt_is_int(v->dtype)));
}

uint64_t stored_bytes(const Graph& graph, const Storage& storage) {
  uint64_t sum = 0;
  for (const Value* v : graph.values())
    if (is_stored(v)) sum += best_form(Constant::of(*v->constant, v->quant.get(), channel_axis_of(v)), storage).bytes;
  return sum;
}

int system_for_weights(const Graph& graph, Storage storage) {
  int ios = kOldest;
  uint64_t bytes = 0;
  for (const int candidate : {15, 16, 18}) {
    storage.ios = candidate;
    const uint64_t now = stored_bytes(graph, storage);
    if (candidate == kOldest || now * 4 <= bytes * 3) bytes = now, ios = candidate;
  }
  return ios;
}

// ---- one attempt ----

class Attempt {
 public:
  Attempt(const Graph& graph, const WriteOptions& options, int ios)
      : graph_(graph), options_(options), program_(options.names), ios_(ios),
        storage_{.real = options.float16 ? Element::f16 : Element::f32, .ios = ios, .compact = options.codec != "none"},
        emitter_(program_, storage_) {}

  Result<void> run() {
    borders();
    if (!refused_.empty()) return refuse(join(refused_, "; "));
    for (const Node* n : graph_.nodes()) {
      if (is_known(*n)) continue;
      if (const auto done = emitter_.write(*n); !done.ok()) {
        if (done.error().code != Code::unsupported) return done.error();
        refused_.push_back(formatted("{} {} ({})", n->op->name, quote(n->name.empty() ? n->output()->name : n->name), done.error().message));
      }
      if (!refused_.empty())  // so that readers of its outputs have something to name
        for (const Value* v : n->outputs)
          if (v) emitter_.bind(v, "refused");
    }
    if (!refused_.empty())
      return refuse(formatted("{} cannot be written as a Core ML program: {}", refused_.size() == 1 ? "1 node" : formatted("{} nodes", refused_.size()), join(refused_, "; ")));
    outputs();
    return {};
  }

  int needed() const { return emitter_.needed(); }

  WrittenModel finish() {
    if (!options_.meta.empty()) program_.describe("bantam", options_.meta);
    WrittenModel out = package_of(program_.model_file(ios_), program_.has_weights() ? program_.weight_file() : std::vector<uint8_t>());
    out.size_map = emitter_.size_map();
    uint64_t weights = 0;
    for (const SizeRow& row : out.size_map) weights += row.bytes;
    out.size_map.push_back({"(program)", "protobuf", out.bytes() - weights});
    out.notes = std::move(notes_);
    if (const size_t n = wide_weights(); n > 0) out.notes.push_back(formatted("{} of more than 8 bits {} stored as {}", n == 1 ? "1 weight" : formatted("{} weights", n), n == 1 ? "is" : "are", name_of(storage_.real)));
    out.notes.push_back(formatted("for iOS {} (macOS {}) and later", ios_, ios_ - 3));
    return out;
  }

 private:
  // Shape inference knows the value already; its readers have it as a constant.
  static bool is_known(const Node& n) {
    return std::all_of(n.outputs.begin(), n.outputs.end(), [](const Value* v) { return !v || v->known; });
  }

  size_t wide_weights() const {
    size_t n = 0;
    for (const Value* v : graph_.values()) n += v->constant && v->dtype == BT_F32 && v->quant && v->quant->bits > 8 && !v->uses().empty();
    return n;
  }

  // Floats or whole numbers of 32 bits are what an application gives and gets.
  static Type border_type(const Value* v) {
    return {bt_is_float(v->dtype) ? Element::f32 : Element::i32, v->shape ? *v->shape : Shape()};
  }

  void refuse_border(const char* what, const Value* v) {
    std::string reason = emitter_.refusal(v);
    if (reason.empty() && v->rank() == 0) reason = "it takes and gives arrays of one axis at least";
    if (reason.empty() && v->quant) reason = "8-bit integers cannot go in or out; leave out --io int8";
    if (!reason.empty()) refused_.push_back(formatted("{} {} cannot be written for Core ML: {}", what, quote(v->name), reason));
  }

  std::string public_name(const char* what, const Value* v) {
    const std::string name = program_.name(v->name);
    if (name != v->name) notes_.push_back(formatted("the {} {} is called {}", what, quote(v->name), name));
    if (v->dtype == BT_I64) notes_.push_back(formatted("the {} {} holds 32-bit integers", what, name));
    return name;
  }

  void borders() {
    for (const Value* v : graph_.inputs()) {
      refuse_border("input", v);
      const Type outside = border_type(v);
      const std::string name = public_name("input", v);
      program_.add_input(name, outside);
      emitter_.bind(v, inside(name, outside, v));
    }
    for (const Value* v : graph_.outputs()) {
      refuse_border("output", v);
      results_.push_back(public_name("output", v));
      if (border_type(v).element == emitter_.element_of(v) && !v->quant) emitter_.output_names.try_emplace(v, results_.back());
    }
  }

  std::string inside(const std::string& name, const Type& outside, const Value* v) {
    const Element element = emitter_.element_of(v);
    if (element == outside.element) return name;
    const std::string own = program_.inner_name(v->name);
    program_.add("cast", {{"x", {name}}, {"dtype", {program_.text(name_of(element))}}}, {{own, {element, outside.dims}}});
    return own;
  }

  void outputs() {
    for (size_t i = 0; i < results_.size(); ++i) {
      const Value* v = graph_.outputs()[i];
      const Type outside = border_type(v);
      const std::string made = emitter_.value(v);
      if (made != results_[i]) {
        if (emitter_.element_of(v) == outside.element) program_.add("identity", {{"x", {made}}}, {{results_[i], outside}});
        else program_.add("cast", {{"x", {made}}, {"dtype", {program_.text(name_of(outside.element))}}}, {{results_[i], outside}});
      }
      program_.add_output(results_[i], outside);
    }
  }

  const Graph& graph_;
  const WriteOptions& options_;
  Program program_;
  const int ios_;
  const Storage storage_;
  Emitter emitter_;
  std::vector<std::string> results_, refused_, notes_;
};

}  // namespace

Result<WrittenModel> write_package(const Graph& graph, const WriteOptions& options) {
  const Storage storage{.real = options.float16 ? Element::f16 : Element::f32, .compact = options.codec != "none"};
  const int for_weights = system_for_weights(graph, storage);
  for (int ios = options.ios > 0 ? options.ios : for_weights;;) {
    Attempt attempt(graph, options, ios);
    TRY(attempt.run());
    if (attempt.needed() <= ios) {
      WrittenModel model = attempt.finish();
      if (for_weights > ios) model.notes.push_back(formatted("iOS {} would hold the weights in three quarters of the bytes or less", for_weights));
      return model;
    }
    if (options.ios > 0)
      return refuse(formatted("--ios {} has no {}; it came with iOS {}", ios, attempt.needed() == 17 ? "arithmetic on 8-bit integers or computed weights (--preset weights8 and exact need none)" : "operation that the model needs", attempt.needed()));
    ios = attempt.needed();
  }
}

}  // namespace bantam::coreml
