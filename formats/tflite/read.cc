// SPDX-License-Identifier: Apache-2.0
// The whole file: its tables, its borders, and its operators one after the other.
#include "formats/tflite/read.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "formats/tflite/read_operators.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

Error bad(std::string message) { return {Code::bad_input, std::move(message)}; }

constexpr flatbuffers::uoffset_t kMostTables = 1 << 20;
constexpr flatbuffers::uoffset_t kDeepest = 64;
constexpr uint64_t kGrowth =
    32;  // int2 becomes float: 16 times the bytes, twice where both forms are read
constexpr size_t kListed = 40;  // operators in one message

std::string text_of(const flatbuffers::String* s) { return s ? s->str() : ""; }

template <typename T>
size_t count_of(const flatbuffers::Vector<T>* list) {
  return list ? list->size() : 0;
}

}  // namespace

std::string operator_name(tfl::BuiltinOperator code) {
  const std::string name = tfl::EnumNameBuiltinOperator(code);
  return name.empty() ? formatted("operator {}", static_cast<int>(code)) : name;
}

TfliteImporter::TfliteImporter(const tfl::Model& model, const Bytes& file,
                               const ReadOptions& options)
    : model_(model),
      file_(file),
      options_(options),
      budget_(kGrowth * file.size() + (uint64_t{1} << 20)) {}

Result<const tfl::Tensor*> TfliteImporter::tensor(int index) const {
  if (index < 0 || static_cast<size_t>(index) >= values_.size())
    return bad(formatted("tensor {} is named, but there are {}", index, values_.size()));
  return sub_->tensors()->Get(static_cast<uint32_t>(index));
}

const tfl::Operator* TfliteImporter::producer(int index) const {
  return index < 0 ? nullptr : producers_[static_cast<size_t>(index)];
}

// Files of old converters have the code in 8 bits only.
tfl::BuiltinOperator TfliteImporter::code_of(const tfl::Operator& op) const {
  const tfl::OperatorCode& code = *model_.operator_codes()->Get(op.opcode_index());
  return static_cast<tfl::BuiltinOperator>(std::max(
      static_cast<int>(code.builtin_code()), static_cast<int>(code.deprecated_builtin_code())));
}

void TfliteImporter::note(const std::string& text) {
  if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) notes_.push_back(text);
}

Result<void> TfliteImporter::spend(uint64_t bytes) {
  if (bytes > budget_)
    return bad(formatted("its constants would take over {} times the bytes of the file", kGrowth));
  budget_ -= bytes;
  return {};
}

Result<Model> TfliteImporter::run() {
  if (model_.version() != 3)
    return bad(formatted("its version is {}; files of version 3 are read", model_.version()));
  if (count_of(model_.subgraphs()) == 0) return bad("it holds no graph");
  sub_ = model_.subgraphs()->Get(0);
  values_.assign(count_of(sub_->tensors()), nullptr);
  producers_.assign(values_.size(), nullptr);
  TRY(check_operators());
  graph_.name = text_of(sub_->name());
  TRY(name_borders());
  TRY(add_inputs());
  TRY(add_operators());
  TRY(add_outputs());
  for (Value* v : graph_.values())
    if (v->is_constant() && v->uses().empty() && !v->is_output()) graph_.erase_constant(v);
  Model out;
  out.graph = std::move(graph_);
  out.notes = std::move(notes_);
  return out;
}

// All that has no counterpart here is named at once.
Result<void> TfliteImporter::check_operators() {
  const size_t codes = count_of(model_.operator_codes()), count = count_of(sub_->operators());
  if (static_cast<int64_t>(count) > options_.limits.nodes)
    return bad(
        formatted("it has {} operators; --max-nodes allows {}", count, options_.limits.nodes));
  std::map<std::string, int> unknown;
  for (uint32_t i = 0; i < count; ++i) {
    const tfl::Operator& op = *sub_->operators()->Get(i);
    if (op.opcode_index() >= codes)
      return bad(formatted("operator {} has code {} of {}", i, op.opcode_index(), codes));
    const auto code = code_of(op);
    if (!reader_of(code)) {
      const auto* custom = model_.operator_codes()->Get(op.opcode_index())->custom_code();
      ++unknown[code == tfl::BuiltinOperator::CUSTOM ? "custom operator " + quote(text_of(custom))
                                                     : operator_name(code)];
    }
    for (uint32_t k = 0; k < count_of(op.outputs()); ++k) {
      const int index = op.outputs()->Get(k);
      TRY(tensor(index));
      if (producers_[static_cast<size_t>(index)])
        return bad(formatted("tensor {} is made twice", index));
      producers_[static_cast<size_t>(index)] = &op;
    }
  }
  if (unknown.empty()) return {};
  std::string text = "operators that are not read:";
  size_t listed = 0;
  for (const auto& [name, times] : unknown)
    if (++listed <= kListed) text += formatted("{} {} ({})", listed == 1 ? "" : ",", name, times);
  return Error{Code::unsupported,
               text + (listed > kListed ? formatted(" and {} more", listed - kListed) : "")};
}

// ---- borders ----

// The names of the graph's signature, where it has one, else those of the tensors.
Result<void> TfliteImporter::name_borders() {
  const tfl::SignatureDef* signature = nullptr;
  for (uint32_t i = 0; i < count_of(model_.signature_defs()) && !signature; ++i)
    if (model_.signature_defs()->Get(i)->subgraph_index() == 0)
      signature = model_.signature_defs()->Get(i);
  for (const bool inputs : {true, false}) {
    const auto* list = inputs ? sub_->inputs() : sub_->outputs();
    for (uint32_t i = 0; i < count_of(list); ++i) {
      TRY(const tfl::Tensor* t, tensor(list->Get(i)));
      border_names_.emplace(list->Get(i), text_of(t->name()));
    }
    const auto* maps = signature ? (inputs ? signature->inputs() : signature->outputs()) : nullptr;
    for (uint32_t i = 0; i < count_of(maps); ++i) {
      const auto at = border_names_.find(static_cast<int>(maps->Get(i)->tensor_index()));
      if (at != border_names_.end() && maps->Get(i)->name())
        at->second = maps->Get(i)->name()->str();
    }
  }
  for (const auto& [index, name] : border_names_) reserved_.insert(name);
  if (count_of(model_.subgraphs()) > 1)
    note(formatted("the first of {} graphs is read", model_.subgraphs()->size()));
  return {};
}

std::string TfliteImporter::name_of(int index) const {
  if (const auto it = border_names_.find(index); it != border_names_.end()) return it->second;
  std::string name = text_of(sub_->tensors()->Get(static_cast<uint32_t>(index))->name());
  if (name.empty()) name = formatted("tensor{}", index);
  return reserved_.count(name) ? name + ".inner" : name;
}

Result<void> TfliteImporter::add_inputs() {
  std::set<std::string> names;
  for (uint32_t i = 0; i < count_of(sub_->inputs()); ++i) {
    const int index = sub_->inputs()->Get(i);
    TRY(const tfl::Tensor* t, tensor(index));
    TRY(const TensorForm form, form(*t));
    const std::string name = border_names_.at(index);
    if (values_[static_cast<size_t>(index)] || producer(index))
      return bad(formatted("input {} is made or named twice", quote(name)));
    Shape shape;
    for (uint32_t d = 0; d < count_of(t->shape()); ++d) {
      const bool open =
          count_of(t->shape_signature()) == t->shape()->size() && t->shape_signature()->Get(d) < 0;
      const int64_t length = t->shape()->Get(d);
      if (!open && length < 0)
        return bad(formatted("input {} has a length of {}", quote(name), length));
      shape.push_back(!open ? length
                            : graph_.symbols().dim(d == 0 ? "batch" : formatted("{}_{}", name, d)));
    }
    if (shape.size() > BT_MAX_RANK)
      return bad(formatted("input {} has {} axes", quote(name), shape.size()));
    if (const auto it = options_.shapes.find(name); it != options_.shapes.end()) {
      bool fits = it->second.size() == shape.size();
      for (size_t d = 0; fits && d < shape.size(); ++d) fits = !bt_clash(shape[d], it->second[d]);
      if (!fits)
        return Error{Code::usage,
                     formatted("--shape {}={} does not fit the model's input, which is {}",
                               printable(name), shape_text(it->second), shape_text(shape))};
      shape = it->second;
    }
    names.insert(name);
    Value* v = graph_.add_input(name, form.dtype, shape);
    if (v->name != name) return bad(formatted("two inputs have the name {}", quote(name)));
    if (form.is_q8() && form.dtype == BT_I8) v->quant = form.quant;
    TRY(values_[static_cast<size_t>(index)], from_border(v, form, name));
  }
  for (const auto& [name, shape] : options_.shapes)
    if (!names.count(name)) {
      const std::vector<std::string> list(names.begin(), names.end());
      return Error{Code::usage, formatted("--shape names {}, which is no input of the model{}",
                                          quote(name), suggestion(name, list))};
    }
  return {};
}

Result<void> TfliteImporter::add_outputs() {
  if (count_of(sub_->outputs()) == 0) return bad("it has no outputs");
  for (uint32_t i = 0; i < count_of(sub_->outputs()); ++i) {
    const int index = sub_->outputs()->Get(i);
    TRY(Value* v, output_value(index, border_names_.at(index)));
    graph_.add_output(v);
  }
  return {};
}

// A value of the type that the file states, made by a node.
Result<Value*> TfliteImporter::output_value(int index, const std::string& name) {
  TRY(Value* v, value(index));
  TRY(const tfl::Tensor* t, tensor(index));
  TRY(const TensorForm form, form(*t));
  const auto node = [&](const char* op, std::vector<Value*> inputs) -> Result<Value*> {
    TRY(Node* n, graph_.append(op, name, std::move(inputs), {}, {name}));
    return n->output();
  };
  if (form.quant && (form.dtype == BT_U8 || form.dtype == BT_I16)) {
    TRY(Value* reals, real(v));
    TRY(Value* integers, quantized(reals, form, name));
    return integers;
  }
  if (!v->is_input() && !v->is_constant() && !v->is_output()) {
    if (!graph_.find(name)) graph_.rename(v, name);
    return v;
  }
  TRY(Value* copy, node("Identity", {v}));
  copy->quant = v->quant;
  return copy;
}

// ---- operators ----

Result<void> TfliteImporter::add_operators() {
  std::vector<std::string> refused;
  for (uint32_t i = 0; i < count_of(sub_->operators()); ++i) {
    const tfl::Operator& op = *sub_->operators()->Get(i);
    OperatorReader reader(*this, op);
    auto done = reader_of(code_of(op))(reader);
    if (done.ok()) done = reader.finish();
    if (done.ok()) continue;
    const std::string text = formatted("{} {}: {}", operator_name(code_of(op)),
                                       quote(reader.name()), done.error().message);
    if (done.error().code == Code::unsupported)
      refused.push_back(text);
    else if (refused.empty())
      return Error{done.error().code, text};
    // The rest is looked at as well, on values of which nothing is known; the graph is not used.
    for (uint32_t k = 0; k < count_of(op.outputs()); ++k) {
      const int index = op.outputs()->Get(k);
      values_[static_cast<size_t>(index)] = graph_.add_input(name_of(index), BT_F32, std::nullopt);
    }
  }
  if (refused.empty()) return {};
  std::string text =
      formatted("{} of {} operators are not read", refused.size(), sub_->operators()->size());
  for (size_t i = 0; i < refused.size() && i < kListed; ++i) text += "\n  " + refused[i];
  if (refused.size() > kListed) text += formatted("\n  and {} more", refused.size() - kListed);
  return Error{Code::unsupported, text};
}

Result<Model> read_tflite(const Bytes& file, const std::string& path, const ReadOptions& options) {
  (void)path;
  flatbuffers::Verifier verifier(file.data(), file.size(), kDeepest, kMostTables);
  if (!tfl::VerifyModelBuffer(verifier))
    return bad("the file is no valid TensorFlow Lite model: its tables do not hold together");
  return TfliteImporter(*tfl::GetModel(file.data()), file, options).run();
}

}  // namespace bantam
