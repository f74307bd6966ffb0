// SPDX-License-Identifier: Apache-2.0
#include "learn/blocks.h"

#include <algorithm>
#include <unordered_map>

namespace bantam {
namespace {

using Places = std::unordered_map<const Node*, size_t>;

// The last node that reads v, and one more where it leaves the graph.
size_t last_reader(const Value& v, const Places& place) {
  size_t last = 0;
  for (const Use& u : v.uses()) last = std::max(last, place.at(u.node));
  return last;
}

// How many values are alive between node i - 1 and node i; results are needed by nobody behind.
std::vector<int> crossings(const Graph& graph, const std::vector<Node*>& nodes,
                           const Places& place) {
  std::vector<int> change(nodes.size() + 2);
  for (const Value* v : graph.values()) {
    if (v->is_constant() || v->uses().empty()) continue;
    const size_t made = v->producer ? place.at(v->producer) + 1 : 0, last = last_reader(*v, place);
    if (last < made) continue;
    ++change[made];
    --change[last + 1];
  }
  std::vector<int> alive(nodes.size() + 1);
  int now = 0;
  for (size_t i = 0; i < alive.size(); ++i) alive[i] = now += change[i];
  return alive;
}

Block block_of(const std::vector<Node*>& nodes, size_t first, size_t end, const Places& place) {
  Block block;
  for (size_t i = first; i < end; ++i) {
    block.nodes.push_back(nodes[i]);
    for (Value* v : nodes[i]->inputs) {
      const bool outside =
          v && !v->is_constant() && (!v->producer || place.at(v->producer) < first);
      if (outside && std::find(block.inputs.begin(), block.inputs.end(), v) == block.inputs.end())
        block.inputs.push_back(v);
    }
    for (Value* v : nodes[i]->outputs)
      if (v && (v->is_output() || last_reader(*v, place) >= end)) block.outputs.push_back(v);
  }
  return block;
}

// Where only chances are made of scores from there on; behind the last node where they are not.
size_t end_of_scores(const std::vector<Node*>& nodes) {
  size_t end = nodes.size();
  for (size_t i = nodes.size(); i-- > 0;) {
    const Node& n = *nodes[i];
    if (n.is("Softmax") || n.is("LogSoftmax"))
      end = i;
    else if (n.op->quant != BT_QUANT_SAME)
      break;
  }
  return end;
}

}  // namespace

std::vector<Block> blocks_of(const Graph& graph, int products,
                             const std::function<bool(const Node&)>& counts) {
  const auto nodes = graph.nodes();
  Places place;
  for (size_t i = 0; i < nodes.size(); ++i) place[nodes[i]] = i;
  const auto alive = crossings(graph, nodes, place);
  const size_t scores = end_of_scores(nodes);
  std::vector<Block> blocks;
  size_t first = 0, best = 0;
  int inside = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    inside += counts(*nodes[i]) ? 1 : 0;
    const size_t cut = i + 1;
    const bool last = cut == scores || cut == nodes.size();
    if (inside < products && !last) continue;
    if (best <= first || alive[cut] < alive[best]) best = cut;
    const bool full = alive[cut] <= 1 || inside >= 3 * products || last;
    if (!full) continue;
    const size_t end = last ? cut : best;
    blocks.push_back(block_of(nodes, first, end, place));
    i = end - 1;
    first = best = end;
    inside = 0;
  }
  return blocks;
}

}  // namespace bantam
