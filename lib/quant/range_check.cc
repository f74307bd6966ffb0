// SPDX-License-Identifier: Apache-2.0
#include "quant/range_check.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/format.h"
#include "base/text.h"
#include "quant/calibration.h"
#include "quant/choose_range.h"

namespace bantam {
namespace {

// Measured on eight real models: means of up to 0.5 dB go with no gain at the outputs that more samples
// could bring, those above 1.5 dB with several dB. A single value says less: a tenth of them is
// above 1 dB where the outputs have long settled.
constexpr double kSettled = 0.5, kTooFew = 1.5, kGrowing = 1;
// What is clipped on other samples may cost any number of dB, but one value is one value.
constexpr double kMost = 10;

// Values that share a range, and what was seen of them in each part of the samples.
class Group {
 public:
  explicit Group(std::string name) : name_(std::move(name)) {}

  void add(const std::string& value, const std::vector<Calibration::Part>& parts) {
    parts_.resize(parts.size());
    for (size_t k = 0; k < parts.size(); ++k) {
      const auto seen = parts[k].values.find(value);
      if (seen == parts[k].values.end()) continue;
      parts_[k].merge(seen->second);
      all_.merge(seen->second);
    }
  }
  // When all values are there.
  void choose() { chosen_ = choose_range(all_, {}); }

  const std::string& name() const { return name_; }

  // How much the range of all samples is better for some of them than that of the others.
  double loss(size_t taught_from, size_t taught_to, size_t judged_from, size_t judged_to) const {
    const Histogram judge = some(judged_from, judged_to);
    const double error = range_error(judge, choose_range(some(taught_from, taught_to), {}));
    const double least = range_error(judge, chosen_);
    if (!(least > 0) || !(error > 0)) return 0;
    return std::clamp(10 * std::log10(error / least), -kMost, kMost);
  }

 private:
  Histogram some(size_t from, size_t to) const {
    Histogram sum;
    for (size_t k = from; k < to; ++k) sum.merge(parts_[k]);
    return sum;
  }

  std::string name_;
  std::vector<Histogram> parts_;
  Histogram all_;
  Range chosen_;
};

std::vector<Group> groups_of(const Graph& graph, const Calibration& calibration) {
  std::vector<Group> groups;
  std::map<const Quant*, size_t> known;
  for (const Value* v : graph.values()) {
    if (v->is_constant() || !v->quant || v->quant->storage != BT_I8 || has_fixed_range(*v)) continue;
    if (calibration.parts.back().values.count(v->name) == 0) continue;
    const auto [group, is_new] = known.try_emplace(v->quant.get(), groups.size());
    if (is_new) groups.emplace_back(v->name);
    groups[group->second].add(v->name, calibration.parts);
  }
  for (Group& g : groups) g.choose();
  return groups;
}

double mean_loss(const std::vector<Group>& groups, size_t split, size_t parts) {
  double sum = 0;
  for (const Group& g : groups) sum += g.loss(0, split, split, parts);
  return sum / static_cast<double>(groups.size());
}

// Fewer and fewer, as long as the ranges stay as good.
int64_t enough_samples(const std::vector<Group>& groups, const std::vector<Calibration::Part>& parts) {
  int64_t enough = 0, taught = 0;
  for (size_t k = 0; k + 1 < parts.size(); ++k) taught += parts[k].samples;
  for (size_t split = parts.size() - 1; split > 0; --split) {
    if (mean_loss(groups, split, parts.size()) > kSettled) break;
    enough = taught;
    taught -= parts[split - 1].samples;
  }
  return enough;
}

}  // namespace

RangeCheck RangeCheck::of(const Graph& annotated, const Calibration& calibration) {
  RangeCheck check{.samples = calibration.samples};
  const size_t parts = calibration.parts.size();
  if (parts < 2) return check;
  const auto groups = groups_of(annotated, calibration);
  check.values = static_cast<int64_t>(groups.size());
  if (groups.empty()) return check;
  double sum = 0;
  for (const Group& g : groups) {  // either half judges the other
    const double loss = (g.loss(0, parts - 1, parts - 1, parts) + g.loss(parts - 1, parts, 0, parts - 1)) / 2;
    sum += loss;
    if (loss > kGrowing) check.growing.push_back({g.name(), loss});
  }
  std::stable_sort(check.growing.begin(), check.growing.end(),
                   [](const auto& a, const auto& b) { return a.loss_db > b.loss_db; });
  check.loss_db = std::max(0.0, sum / static_cast<double>(groups.size()));
  if (check.loss_db <= kSettled) check.enough = enough_samples(groups, calibration.parts);
  return check;
}

bool RangeCheck::is_too_few() const { return is_possible() && loss_db > kTooFew; }

std::string RangeCheck::text() const {
  if (samples == 1) return "one sample does not say whether its ranges fit others";
  std::string line = formatted("ranges from half of the {} samples make {:.1f} dB more noise on the others than those from all", samples, loss_db);
  if (enough > 0) return line + formatted(": {} would have been enough", enough);
  if (!is_too_few()) return line + ": more samples would help little";
  line += formatted(", in {} of {} values by more than {} dB", growing.size(), values, kGrowing);
  for (size_t i = 0; i < growing.size() && i < 3; ++i)
    line += formatted("{}{} ({:.1f})", i ? ", " : ": ", quote(growing[i].value), growing[i].loss_db);
  return line + "; more samples would help";
}

}  // namespace bantam
