// SPDX-License-Identifier: Apache-2.0
// SLICE, STRIDED_SLICE and REVERSE_V2, and the blocks of batches that stand around dilated
// convolutions in old files.
#include <algorithm>
#include <climits>

#include "base/format.h"
#include "formats/tflite/read_operators.h"

namespace bantam {
namespace {

using Code8 = tfl::BuiltinOperator;

Error bad(std::string message) { return {Code::bad_input, std::move(message)}; }

constexpr int64_t kEnd = INT64_MAX;

Result<void> read_slice(OperatorReader& r) {
  TRY(r.need(3, 3));
  TRY(Value * x, r.input(0));
  TRY(const auto begin, r.ints(1));
  TRY(const auto size, r.ints(2));
  if (begin.size() != size.size() || static_cast<int>(begin.size()) != x->rank())
    return bad(formatted("it has {} begins and {} sizes for {} axes", begin.size(), size.size(),
                         x->rank()));
  std::vector<int64_t> end;
  for (size_t i = 0; i < begin.size(); ++i) {
    if (begin[i] < 0 || size[i] < -1 || begin[i] > INT32_MAX || size[i] > INT32_MAX)
      return bad(formatted("it takes {} elements from {}", size[i], begin[i]));
    end.push_back(size[i] < 0 ? kEnd : begin[i] + size[i]);
  }
  return r.become("Slice", {x, r.list(begin), r.list(end)});
}

Result<void> read_reverse(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(Value * x, r.input(0));
  TRY(const auto axes, r.ints(1));
  const std::vector<int64_t> from(axes.size(), -1), to(axes.size(), -kEnd), step(axes.size(), -1);
  return r.become("Slice", {x, r.list(from), r.list(to), r.list(axes), r.list(step)});
}

// ---- strided slices ----

// What a list of bounds with its masks says for each axis.
struct Cuts {
  std::vector<int64_t> begin, end, step, axes;
  std::vector<int64_t> dropped, added;  // axes of the slice that go, and of the result that come
};

struct Masks {
  int begin, end, ellipsis, added, dropped;
};

Result<Cuts> cuts_of(const Masks& m, size_t rank, const std::vector<int64_t>& begin,
                     const std::vector<int64_t>& end, const std::vector<int64_t>& step) {
  const auto has = [](int mask, size_t i) { return i < 31 && (mask >> i & 1); };
  size_t entries = 0;  // that speak of an axis of x
  for (size_t i = 0; i < begin.size(); ++i) entries += !has(m.added, i) && !has(m.ellipsis, i);
  if (entries > rank) return bad(formatted("it cuts {} axes of {}", entries, rank));
  Cuts c;
  size_t axis = 0;
  int64_t place = 0;  // in the result
  for (size_t i = 0; i < begin.size(); ++i) {
    if (has(m.ellipsis, i)) {
      axis += rank - entries;
      place += static_cast<int64_t>(rank - entries);
      continue;
    }
    if (has(m.added, i)) {
      c.added.push_back(place++);
      continue;
    }
    const int64_t from = begin[i], by = has(m.dropped, i) ? 1 : step[i];
    if (by == 0) return bad("it steps by 0");
    c.axes.push_back(static_cast<int64_t>(axis));
    c.step.push_back(by);
    if (has(m.dropped, i)) {
      c.begin.push_back(from);
      c.end.push_back(from == -1 ? kEnd : from + 1);
      c.dropped.push_back(static_cast<int64_t>(axis));
    } else {
      c.begin.push_back(!has(m.begin, i) ? from : by > 0 ? 0 : kEnd);
      c.end.push_back(!has(m.end, i) ? end[i] : by > 0 ? kEnd : -kEnd);
      ++place;
    }
    ++axis;
  }
  return c;
}

Result<void> read_strided_slice(OperatorReader& r) {
  TRY(r.need(4, 4));
  TRY(const auto* o, r.options<tfl::StridedSliceOptions>());
  TRY(Value * x, r.input(0));
  TRY(const auto begin, r.ints(1));
  TRY(const auto end, r.ints(2));
  TRY(const auto step, r.ints(3));
  if (o->offset()) return not_read("its ends are offsets");
  if (x->rank() < 0 || begin.size() != end.size() || begin.size() != step.size() ||
      begin.size() > 30)
    return bad(
        formatted("it has {} begins, {} ends and {} steps", begin.size(), end.size(), step.size()));
  const Masks masks = {o->begin_mask(), o->end_mask(), o->ellipsis_mask(), o->new_axis_mask(),
                       o->shrink_axis_mask()};
  TRY(const Cuts c, cuts_of(masks, static_cast<size_t>(x->rank()), begin, end, step));
  const std::vector<Value*> cut = {x, r.list(c.begin), r.list(c.end), r.list(c.axes),
                                   r.list(c.step)};
  if (c.dropped.empty() && c.added.empty()) return r.become("Slice", cut);
  Value* y = r.part("Slice", cut);
  if (c.added.empty()) return r.become("Squeeze", {y, r.list(c.dropped)});
  if (!c.dropped.empty()) y = r.part("Squeeze", {y, r.list(c.dropped)});
  return r.become("Unsqueeze", {y, r.list(c.added)});
}

// ---- blocks of batches ----

struct Blocks {
  int64_t size[2], begin[2], end[2];
};

Result<Blocks> blocks_of(OperatorReader& r, const Value* x) {
  TRY(const auto size, r.ints(1));
  TRY(const auto rows, r.ints(2));
  if (x->rank() != 4 || size.size() != 2 || rows.size() != 4)
    return not_read("its input is no image of 4 axes");
  const Blocks b = {{size[0], size[1]}, {rows[0], rows[2]}, {rows[1], rows[3]}};
  for (int d = 0; d < 2; ++d) {
    if (b.size[d] < 1 || b.size[d] > INT16_MAX || b.begin[d] < 0 || b.end[d] < 0)
      return bad("a block or a padding is out of range");
    if ((*x->shape)[static_cast<size_t>(d) + 1] < 0)
      return not_read("the lengths of its image are open; fix them with --shape");
  }
  if ((*x->shape)[3] < 0) return not_read("the number of channels is open; fix it with --shape");
  return b;
}

// [N,h*b,w*b,C] => [b*b*N,h,w,C]
Result<void> read_space_to_batch(OperatorReader& r) {
  TRY(r.need(3, 3));
  TRY(Value * x, r.input(0));
  TRY(const Blocks b, blocks_of(r, x));
  const Shape& in = *x->shape;
  const int64_t h = in[1] + b.begin[0] + b.end[0], w = in[2] + b.begin[1] + b.end[1];
  if (h % b.size[0] || w % b.size[1])
    return bad(formatted("{} x {} pixels do not split into blocks", h, w));
  Value* padded =
      r.part("Pad", {x, r.list({0, b.begin[0], b.begin[1], 0, 0, b.end[0], b.end[1], 0})});
  Value* split = r.part(
      "Reshape", {padded, r.list({-1, h / b.size[0], b.size[0], w / b.size[1], b.size[1], in[3]})});
  Value* moved = r.part("Transpose", {split}, {{"perm", std::vector<int64_t>{2, 4, 0, 1, 3, 5}}});
  return r.become("Reshape", {moved, r.list({-1, h / b.size[0], w / b.size[1], in[3]})});
}

Result<void> read_batch_to_space(OperatorReader& r) {
  TRY(r.need(3, 3));
  TRY(Value * x, r.input(0));
  TRY(const Blocks b, blocks_of(r, x));
  const Shape& in = *x->shape;
  const int64_t h = in[1] * b.size[0], w = in[2] * b.size[1];
  if (b.begin[0] + b.end[0] > h || b.begin[1] + b.end[1] > w)
    return bad("it cuts off more than there is");
  Value* split = r.part("Reshape", {x, r.list({b.size[0], b.size[1], -1, in[1], in[2], in[3]})});
  Value* moved = r.part("Transpose", {split}, {{"perm", std::vector<int64_t>{2, 3, 0, 4, 1, 5}}});
  Value* whole = r.part("Reshape", {moved, r.list({-1, h, w, in[3]})});
  return r.become("Slice", {whole, r.list({b.begin[0], b.begin[1]}),
                            r.list({h - b.end[0], w - b.end[1]}), r.list({1, 2})});
}

constexpr ReadRow kRows[] = {
    {Code8::SLICE, read_slice},
    {Code8::STRIDED_SLICE, read_strided_slice},
    {Code8::REVERSE_V2, read_reverse},
    {Code8::SPACE_TO_BATCH_ND, read_space_to_batch},
    {Code8::BATCH_TO_SPACE_ND, read_batch_to_space},
};

}  // namespace

std::span<const ReadRow> read_slice_rows() { return kRows; }

}  // namespace bantam
