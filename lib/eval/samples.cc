// SPDX-License-Identifier: Apache-2.0
#include "eval/samples.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

bool fits(const Shape& shape, const std::optional<Shape>& want, size_t skip = 0) {
  if (!want) return skip == 0;
  if (shape.size() != want->size()) return false;
  for (size_t i = skip; i < shape.size(); ++i)
    if ((*want)[i] >= 0 && (*want)[i] != shape[i]) return false;
  return true;
}

// Elements [begin, begin + n) of the first axis.
Tensor rows(const Tensor& t, int64_t begin, int64_t n, bool drop_axis) {
  Shape shape = t.shape();
  int64_t row = static_cast<int64_t>(bt_dtype_size(t.dtype()));
  for (size_t i = 1; i < shape.size(); ++i) row *= shape[i];
  if (drop_axis) shape.erase(shape.begin());
  else shape[0] = n;
  return {t.dtype(), std::move(shape), t.bytes().part(static_cast<size_t>(begin * row), static_cast<size_t>(n * row))};
}

}  // namespace

Result<Samples> Samples::cut(std::vector<Tensor> arrays, const std::vector<Port>& ports) {
  Samples s;
  std::optional<int64_t> count;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const Shape& shape = arrays[i].shape();
    const auto& want = ports[i].shape;
    Source source{arrays[i], Kind::shared, 0};
    int64_t n = 1;
    if (!fits(shape, want)) {
      if (want && !want->empty() && shape.size() == want->size() && fits(shape, want, 1) && shape[0] % std::max<int64_t>((*want)[0], 1) == 0 && (*want)[0] > 0) {
        source.kind = Kind::sliced;
        source.step = (*want)[0];
        n = shape[0] / source.step;
      } else if (want && shape.size() == want->size() + 1 && fits(Shape(shape.begin() + 1, shape.end()), want)) {
        source.kind = Kind::entry;
        n = shape[0];
        s.stacked_ = true;
      } else {
        return Error{Code::bad_input, formatted("input {} has shape {}; the model takes {}{}", quote(ports[i].name), shape_text(shape), want ? shape_text(*want) : "any shape",
                                                want ? ", or several such samples along the first axis" : "")};
      }
      if (count && *count != n)
        return Error{Code::bad_input, formatted("input {} holds {} samples, another one {}", quote(ports[i].name), n, *count)};
      count = n;
    }
    s.sources_.push_back(std::move(source));
  }
  s.count_ = count.value_or(1);
  return s;
}

std::vector<Tensor> Samples::at(int64_t i) const {
  std::vector<Tensor> inputs;
  for (const Source& s : sources_)
    inputs.push_back(s.kind == Kind::shared ? s.array
                     : s.kind == Kind::sliced ? rows(s.array, i * s.step, s.step, false)
                                              : rows(s.array, i, 1, true));
  return inputs;
}

Result<Tensor> join_outputs(std::span<const Tensor> parts, bool stacked) {
  if (parts.size() == 1 && !stacked) return parts[0];
  Shape shape = parts[0].shape();
  if (shape.empty()) stacked = true;  // scalars have no axis to be joined along
  int64_t first = 0;
  std::vector<uint8_t> bytes;
  for (const Tensor& t : parts) {
    const Shape& s = t.shape();
    if (s.size() != shape.size() || !std::equal(s.begin() + (stacked ? 0 : 1), s.end(), shape.begin() + (stacked ? 0 : 1)))
      return Error{Code::bad_input, formatted("outputs of different samples have shapes {} and {} and cannot be put together", shape_text(shape), shape_text(s))};
    if (!stacked) first += s[0];
    bytes.insert(bytes.end(), t.bytes().data(), t.bytes().data() + t.bytes().size());
  }
  if (stacked) shape.insert(shape.begin(), static_cast<int64_t>(parts.size()));
  else shape[0] = first;
  return Tensor(parts[0].dtype(), std::move(shape), Bytes(std::move(bytes)));
}

namespace {

bool has_free_batch(const std::vector<Port>& ports) {
  return std::all_of(ports.begin(), ports.end(), [](const Port& p) { return p.shape && !p.shape->empty() && (*p.shape)[0] < 0; });
}

// Pieces of a batch whose length the model leaves open.
Result<std::vector<Tensor>> run_in_pieces(Session& session, const std::vector<Tensor>& arrays, int64_t piece) {
  std::vector<std::vector<Tensor>> parts(session.outputs().size());
  const int64_t n = arrays[0].shape()[0];
  for (int64_t at = 0; at < n; at += piece) {
    std::vector<Tensor> inputs;
    for (const Tensor& t : arrays) inputs.push_back(rows(t, at, std::min(piece, n - at), false));
    TRY(auto outputs, session.run(inputs));
    for (size_t k = 0; k < outputs.size(); ++k) parts[k].push_back(std::move(outputs[k]));
  }
  std::vector<Tensor> joined;
  for (const auto& list : parts) {
    TRY(Tensor t, join_outputs(list, false));
    joined.push_back(std::move(t));
  }
  return joined;
}

}  // namespace

Result<std::vector<Tensor>> run_samples(Session& session, std::vector<Tensor> arrays, size_t max_bytes) {
  TRY(const Samples samples, Samples::cut(arrays, session.inputs()));
  if (samples.count() == 1 && !samples.stacked()) {
    const bool splits = !arrays.empty() && has_free_batch(session.inputs()) && has_free_batch(session.outputs()) &&
                        std::all_of(arrays.begin(), arrays.end(), [&](const Tensor& t) { return t.shape()[0] == arrays[0].shape()[0]; });
    if (splits && arrays[0].shape()[0] > 1) {
      std::vector<Tensor> one;
      for (const Tensor& t : arrays) one.push_back(rows(t, 0, 1, false));
      TRY(session.plan(one));
      const size_t each = std::max<size_t>(session.arena_bytes(), 1);
      const auto piece = static_cast<int64_t>(std::max<size_t>(max_bytes / each, 1));
      if (piece < arrays[0].shape()[0]) return run_in_pieces(session, arrays, piece);
    }
    return session.run(arrays);
  }
  std::vector<std::vector<Tensor>> parts(session.outputs().size());
  for (int64_t i = 0; i < samples.count(); ++i) {
    TRY(auto outputs, session.run(samples.at(i)));
    for (size_t k = 0; k < outputs.size(); ++k) parts[k].push_back(std::move(outputs[k]));
  }
  std::vector<Tensor> joined;
  for (size_t k = 0; k < parts.size(); ++k) {
    if (parts[k].empty()) return Error{Code::bad_input, "the inputs hold no samples"};
    TRY(Tensor t, within("output " + quote(session.outputs()[k].name), join_outputs(parts[k], samples.stacked())));
    joined.push_back(std::move(t));
  }
  return joined;
}

}  // namespace bantam
