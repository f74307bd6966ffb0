// SPDX-License-Identifier: Apache-2.0
#include "quant/precision_suspects.h"

#include <algorithm>
#include <set>

#include "quant/noise_alone.h"
#include "quant/weights.h"

namespace bantam {
namespace {

constexpr double kLittle = 0.01;  // share of the multiply-adds that a value with no readers counts as

// The constant is an operand of an Add, Mul or Concat into such values: it gets their bits.
bool is_addend_of(const Value& v, const Quant* group) {
  if (!v.is_constant()) return false;
  const auto uses = v.uses();
  return std::any_of(uses.begin(), uses.end(), [&](const Use& u) {
    const Value* y = u.node->output();
    return u.node->op->quant != BT_QUANT_MACS && y && y->quant.get() == group;
  });
}

Result<std::vector<Suspect>> measured(const Graph& annotated, const std::vector<RoundedPart>& parts,
                                      std::vector<Suspect> suspects, const NoiseOptions& options) {
  if (parts.empty()) return suspects;
  TRY(const auto noise,
      noise_alone(annotated, *options.error, parts, options.threads, options.progress));
  for (size_t i = 0; i < suspects.size(); ++i) suspects[i].noise = noise[i] * options.rate;
  std::stable_sort(suspects.begin(), suspects.end(),
                   [](const Suspect& a, const Suspect& b) { return a.worth() > b.worth(); });
  return suspects;
}

}  // namespace

// Values that share a scale.
struct PrecisionSuspects::Group {
  const Quant* scale;
  std::vector<const Value*> values;
  std::map<std::string, double> products;  // that read them
};

double Suspect::share() const {
  double sum = 0;
  for (const auto& [name, share] : products) sum += share;
  return sum;
}

double Suspect::worth() const { return noise / (share() + kLittle); }

PrecisionSuspects::PrecisionSuspects(const Graph& graph, const Calibration& calibration)
    : calibration_(calibration) {
  for (const Node* n : graph.nodes()) {
    const double products = products_of(*n);
    products_ += products;
    layers_ += products > 0;
  }
  products_ = std::max(products_, 1.0);
}

// Each measurement runs half of the network on the average.
int64_t PrecisionSuspects::affordable_samples() const {
  constexpr double kMultiplyAdds = 20e9, kPartsPerLayer = 3, kFewest = 2, kMost = 1000;
  const double per_sample = products_ * std::max(layers_, 1) * kPartsPerLayer / 2;
  return static_cast<int64_t>(std::clamp(kMultiplyAdds / per_sample, kFewest, kMost));
}

// Multiply-adds per sample, from the number of elements that calibration has seen.
double PrecisionSuspects::products_of(const Node& n) const {
  const Value* weight = n.input(1);
  if (n.op->quant != BT_QUANT_MACS || !n.output() || !weight || !weight->is_constant()) return 0;
  const auto it = calibration_.values.find(n.output()->name);
  if (it == calibration_.values.end() || weight->rank() < 2) return 0;
  const Shape& w = *weight->shape;
  const int64_t outputs = std::max<int64_t>(1, w[static_cast<size_t>(weight_axis(n))]);
  const double per_output = static_cast<double>(element_count(w)) / static_cast<double>(outputs);
  const auto samples = static_cast<double>(calibration_.samples);
  return static_cast<double>(it->second.count()) * per_output / samples;
}

std::vector<PrecisionSuspects::Group> PrecisionSuspects::groups_of(const Graph& annotated) const {
  std::vector<Group> groups;
  std::map<const Quant*, size_t> known;
  for (const Value* v : annotated.values()) {
    if (v->is_constant() || v->dtype != BT_F32 || !v->quant) continue;
    const auto [it, is_new] = known.try_emplace(v->quant.get(), groups.size());
    if (is_new) groups.push_back({v->quant.get(), {}});
    Group& group = groups[it->second];
    group.values.push_back(v);
    for (const Use& u : v->uses()) {
      const double share = u.index == 0 && u.node->integer ? share_of(*u.node) : 0;
      if (share > 0) group.products[u.node->output()->name] = share;
    }
  }
  const auto may_be = [](const Value* v) { return may_be_wide(*v); };
  std::erase_if(groups, [&](const Group& g) {
    return !std::all_of(g.values.begin(), g.values.end(), may_be);
  });
  return groups;
}

// What elementwise nodes hand on to each other costs next to nothing in more bits, whatever its
// number: such a chain is one suspect.
Result<std::vector<Suspect>> PrecisionSuspects::values(const Graph& annotated,
                                                       const NoiseOptions& options) const {
  std::vector<Suspect> suspects;
  std::vector<RoundedPart> parts;
  std::map<const Quant*, size_t> chains;  // that no product reads: place among the suspects
  for (const Group& group : groups_of(annotated)) {
    size_t place = suspects.size();
    for (const Value* v : group.values) {
      if (!v->producer || !group.products.empty()) continue;
      for (const Value* x : v->producer->inputs) {
        const auto it = x && x->quant ? chains.find(x->quant.get()) : chains.end();
        if (it != chains.end()) place = std::min(place, it->second);
      }
    }
    if (place == suspects.size()) suspects.emplace_back(), parts.emplace_back();
    if (group.products.empty()) chains[group.scale] = place;
    suspects[place].products.insert(group.products.begin(), group.products.end());
    for (const Value* v : group.values) {
      suspects[place].names.push_back(v->name);
      parts[place].values.insert(v->name);
    }
    for (const Value* v : annotated.values())
      if (is_addend_of(*v, group.scale)) parts[place].values.insert(v->name);
  }
  for (size_t i = suspects.size(); i-- > 0;) {
    const double share = suspects[i].share();
    if (share >= options.least_share && share <= options.most_share) continue;
    suspects.erase(suspects.begin() + static_cast<std::ptrdiff_t>(i));
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return measured(annotated, parts, std::move(suspects), options);
}

// A product may leave as float, but whoever else makes a value, or reads it, must not round it.
std::vector<Suspect> PrecisionSuspects::in_float(const Graph& annotated,
                                                 const std::vector<Suspect>& values) const {
  std::vector<Suspect> suspects;
  for (const Suspect& rounded : values) {
    std::set<std::string> names;
    Suspect s{{}, {}, rounded.noise};
    const auto take = [&](const Node* n) {
      if (!n || !n->integer) return;
      const std::string& name = n->output()->name;
      if (n->op->quant == BT_QUANT_MACS) s.products[name] = share_of(*n);
      else names.insert(name);
    };
    for (const std::string& name : rounded.names) {
      const Value* v = annotated.find(name);
      take(v->producer);
      for (const Use& u : v->uses()) {
        take(u.node);
        if (u.node->op->quant == BT_QUANT_MACS) names.insert(u.node->output()->name);
        else
          for (const Value* operand : u.node->inputs)
            if (operand) take(operand->producer);
      }
    }
    s.names.assign(names.begin(), names.end());
    if (!names.empty()) suspects.push_back(std::move(s));
  }
  return suspects;
}

Result<std::vector<Suspect>> PrecisionSuspects::weights(
    const Graph& annotated, const std::map<std::string, std::shared_ptr<const Tensor>>& numbers,
    const NoiseOptions& options) const {
  std::vector<Suspect> suspects;
  std::vector<RoundedPart> parts;
  for (const Node* n : annotated.nodes()) {
    if (!n->integer || n->op->quant != BT_QUANT_MACS) continue;
    RoundedPart part{{n->inputs[1]->name}, {}};
    const auto known = numbers.find(n->inputs[1]->name);
    if (known != numbers.end()) part.numbers.insert(*known);
    parts.push_back(std::move(part));
    const std::string& layer = n->output()->name;
    suspects.push_back({{layer}, {{layer, share_of(*n)}}, 0});
  }
  return measured(annotated, parts, std::move(suspects), options);
}

}  // namespace bantam
