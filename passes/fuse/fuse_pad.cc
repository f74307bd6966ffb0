// SPDX-License-Identifier: Apache-2.0
// Lets a convolution or an average pooling do the padding before it.
//
//   %p = Pad(%x, [0, 0, 1, 1, 0, 0, 1, 1])      =>   %y = Conv(%x, %w) {pads=[1, 1, 1, 1]}
//   %y = Conv(%p, %w)
//
// For zeros around the image (mode constant), where the window states its own pads. A pooling
// counts them afterwards (count_include_pad), as it counted the explicit zeros. The same bits come
// out.
#include <algorithm>

#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

// Zeros before and behind each axis of x; empty where the node does something else.
std::vector<int64_t> zeros_of(const Node& pad) {
  const Value* x = pad.input(0);
  const auto amounts = integers_of(pad.input(1));
  if (pad.attr_word("mode") != "constant" || !amounts || x->rank() < 3) return {};
  if (pad.input(2) && number_of(pad.input(2)) != 0.0) return {};
  const auto rank = static_cast<size_t>(x->rank());
  std::vector<int64_t> axes;
  if (pad.input(3)) {
    const auto given = integers_of(pad.input(3));
    if (!given) return {};
    axes = *given;
  } else {
    for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (amounts->size() != 2 * axes.size()) return {};
  std::vector<int64_t> zeros(2 * rank);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(axes[i] < 0 ? axes[i] + x->rank() : axes[i]);
    if (axis >= rank) return {};
    zeros[axis] = (*amounts)[i];
    zeros[axis + rank] = (*amounts)[i + axes.size()];
  }
  return zeros;
}

// The pads that the window has afterwards; empty where it cannot take them.
std::vector<int64_t> joined_pads(const Node& window, const std::vector<int64_t>& zeros) {
  const size_t rank = zeros.size() / 2, spatial = rank - 2;
  const bool last = window.attr_word("layout") == "last";
  const size_t first = last ? 1 : 2, channels = last ? rank - 1 : 1;
  for (const size_t axis : {size_t{0}, channels})
    if (zeros[axis] != 0 || zeros[axis + rank] != 0) return {};
  const std::string automatic = window.attr_word("auto_pad");
  if (automatic != "NOTSET" && automatic != "VALID") return {};
  std::vector<int64_t> pads = window.attr_ints("pads");
  if (pads.empty() || automatic == "VALID") pads.assign(2 * spatial, 0);
  if (pads.size() != 2 * spatial) return {};
  for (size_t i = 0; i < spatial; ++i)
    for (const size_t end : {size_t{0}, size_t{1}}) {
      const int64_t amount = zeros[first + i + end * rank];
      if (amount < 0 || amount > (1 << 20)) return {};
      pads[i + end * spatial] += amount;
    }
  return pads;
}

// A pooling that divides by the whole window anyway, or has no pads of its own.
bool counts_pads(const Node& pool) {
  const auto pads = pool.attr_ints("pads");
  const bool own = std::any_of(pads.begin(), pads.end(), [](int64_t p) { return p != 0; });
  return !pool.attr_int("ceil_mode") && (!own || pool.attr_int("count_include_pad"));
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  for (Node* node : graph.nodes()) {
    const bool pool = node->is("AveragePool");
    if ((!pool && !node->is("Conv")) || !ctx.selected(*node)) continue;
    const Node* pad = made_by(node->inputs[0], "Pad");
    if (!pad || !same_type(pad->inputs[0], pad->output()) || (pool && !counts_pads(*node)))
      continue;
    const auto zeros = zeros_of(*pad);
    const auto pads = zeros.empty() ? zeros : joined_pads(*node, zeros);
    if (pads.empty()) continue;
    TRY(node->set_attr("auto_pad", std::string("NOTSET")));
    TRY(node->set_attr("pads", pads));
    if (pool) TRY(node->set_attr("count_include_pad", int64_t{1}));
    graph.set_input(node, 0, pad->inputs[0]);
    changed = true;
  }
  return changed;
}

}  // namespace

extern constinit const Pass fuse_pad = make_pass<NoOptions, describe_nothing, run>(
    "Lets convolutions and average poolings pad their input themselves.", Effect::exact);

}  // namespace bantam
