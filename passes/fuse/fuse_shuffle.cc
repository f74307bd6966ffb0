// SPDX-License-Identifier: Apache-2.0
// Puts a selection of channels in place of the nodes that write it out.
//
//   %a = Reshape(%x, [1, 2, 3, 8, 8])
//   %b = Transpose(%a) {perm=[0, 2, 1, 3, 4]}   =>   %y = Gather(%x, [0, 3, 1, 4, 2, 5]) {axis=1}
//   %y = Reshape(%b, [1, 6, 8, 8])
//
// Channel shuffles, and halves of them taken by Gather, Slice, Split or Squeeze, as ShuffleNets have
// them behind every block. What such a chain moves where is found by running it on numbers that say
// where they come from. Equal steps become a Slice. One node along one axis works in either layout,
// while the longer ranks in between would turn images back to channels first. The same bits come out.
#include <algorithm>
#include <numeric>

#include "ir/evaluate.h"
#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

constexpr size_t kLongestChain = 8;
constexpr int64_t kMostElements = int64_t{1} << 21;  // that a chain is tried on
constexpr int64_t kMostMoves = int64_t{1} << 28;     // of elements in one run: about two seconds

bool is_fixed(const Value* v) {
  return v->shape && std::all_of(v->shape->begin(), v->shape->end(), [](int64_t d) { return d > 0; });
}

// Moves the elements of input 0 in a way that the other inputs, constants, say.
bool moves(const Node& node) {
  static constexpr const char* kMoving[] = {"Reshape", "Transpose", "Gather",    "Slice",
                                            "Split",   "Squeeze",   "Unsqueeze", "Flatten"};
  const auto is_same = [&](const char* name) { return node.is(name); };
  if (std::none_of(std::begin(kMoving), std::end(kMoving), is_same)) return false;
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (node.inputs[i] && !node.inputs[i]->is_constant()) return false;
  return node.inputs[0] && !node.inputs[0]->is_constant();
}

// The nodes from x to y, the last one first.
struct Chain {
  const Value* x;
  std::vector<const Node*> nodes;
};

// The longest one from an image of the same size. Where nothing changes its order there is nothing to
// gain.
std::optional<Chain> chain_to(const Value* y) {
  std::optional<Chain> best;
  std::vector<const Node*> nodes;
  bool turns = false;
  for (const Value* v = y; v->producer && moves(*v->producer) && nodes.size() < kLongestChain;) {
    nodes.push_back(v->producer);
    turns = turns || v->producer->is("Transpose") || (v->producer->is("Gather") && nodes.size() > 1);
    v = v->producer->inputs[0];
    if (!is_fixed(v) || element_count(*v->shape) > kMostElements || v->quant) break;
    if (turns && v->rank() == y->rank() &&
        std::equal(v->shape->begin() + 2, v->shape->end(), y->shape->begin() + 2))
      best = Chain{v, nodes};
  }
  return best;
}

// What the chain makes of the numbers 0, 1, 2 ... in place of x.
Result<Tensor> follow(const Chain& chain, const Value* y) {
  std::vector<int64_t> places(static_cast<size_t>(element_count(*chain.x->shape)));
  std::iota(places.begin(), places.end(), int64_t{0});
  Tensor at = Tensor::of_ints(*chain.x->shape, places);
  for (size_t i = chain.nodes.size(); i-- > 0;) {
    const Node& node = *chain.nodes[i];
    const Value* next = i ? chain.nodes[i - 1]->inputs[0] : y;
    Graph graph;  // of its own: what came before can go
    std::vector<Value*> inputs = {graph.add_constant("at", at)};
    for (size_t k = 1; k < node.inputs.size(); ++k)
      inputs.push_back(node.inputs[k] ? graph.add_constant("c", *node.inputs[k]->constant) : nullptr);
    std::vector<std::string> names;
    for (const Value* out : node.outputs) names.push_back(out ? "v" : "");
    TRY(Node * made, graph.append(node.op->name, "n", inputs, node.attrs(), names));
    TRY(std::vector<Tensor> results, evaluate_node(*made, size_t{1} << 30));
    const auto place = std::find(node.outputs.begin(), node.outputs.end(), next);
    at = std::move(results[static_cast<size_t>(place - node.outputs.begin())]);
  }
  return at;
}

// The channel of x that each channel of y is; empty where y is anything else.
std::vector<int64_t> channels_of(const Tensor& places, const Shape& x) {
  const int64_t images = places.shape()[0], channels = places.shape()[1];
  const auto place = places.as<int64_t>();
  int64_t pixels = 1;
  for (size_t d = 2; d < x.size(); ++d) pixels *= x[d];
  if (images != x[0]) return {};
  std::vector<int64_t> from;
  for (int64_t ch = 0; ch < channels; ++ch) from.push_back(place[static_cast<size_t>(ch * pixels)] / pixels);
  for (int64_t i = 0; i < images * channels * pixels; ++i) {
    const int64_t plane = i / pixels, image = plane / channels;
    const int64_t channel = from[static_cast<size_t>(plane % channels)];
    if (place[static_cast<size_t>(i)] != (image * x[1] + channel) * pixels + i % pixels) return {};
  }
  return from;
}

// Channels `from` of x, as y.
Result<void> select(Graph& graph, Node* where, Value* x, const std::vector<int64_t>& from, Value* y) {
  const int64_t step = from.size() > 1 ? from[1] - from[0] : 1;
  bool even = step > 0;
  for (size_t i = 1; i < from.size(); ++i) even = even && from[i] - from[i - 1] == step;
  const std::string name = y->name + ".channels";
  const auto constant = [&](const std::vector<int64_t>& v) {
    return graph.add_constant(name, Tensor::vector_of(v));
  };
  std::vector<Value*> inputs = {x};
  if (even)
    for (const int64_t v : {from.front(), from.back() + 1, int64_t{1}, step})
      inputs.push_back(constant({v}));
  else
    inputs.push_back(constant(from));
  AttrList attrs;
  if (!even) attrs.emplace_back("axis", int64_t{1});
  TRY(Node * made, graph.insert_before(where, even ? "Slice" : "Gather", y->name, std::move(inputs),
                                       std::move(attrs), {y->name + ".moved"}));
  take_over(graph, y, made->output());
  return {};
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  int64_t moved = 0;  // so that a file made for it cannot keep the pass busy
  for (Node* node : graph.nodes()) {
    if (!ctx.selected(*node) || !moves(*node)) continue;
    for (Value* y : std::vector<Value*>(node->outputs)) {
      if (!y || y->quant || y->rank() < 3 || !is_fixed(y)) continue;
      const auto chain = chain_to(y);
      if (!chain) continue;
      moved += element_count(*chain->x->shape) * static_cast<int64_t>(chain->nodes.size());
      if (moved > kMostMoves) return changed;
      const auto places = follow(*chain, y);
      if (!places) continue;
      const auto from = channels_of(*places, *chain->x->shape);
      if (from.empty()) continue;
      TRY(select(graph, node, chain->nodes.back()->inputs[0], from, y));
      changed = true;
    }
  }
  return changed;
}

}  // namespace

extern constinit const Pass fuse_shuffle = make_pass<NoOptions, describe_nothing, run>(
    "Puts one selection of channels in place of a shuffle that is written out.", Effect::exact);

}  // namespace bantam
