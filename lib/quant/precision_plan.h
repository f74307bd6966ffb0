// SPDX-License-Identifier: Apache-2.0
// What leaves the 8 bits of a quantized graph, and what it costs: a ladder of three rungs, each with
// its suspects and those of them that were taken.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "quant/precision_suspects.h"

namespace bantam {

struct Rung {
  std::vector<Suspect> suspects;
  std::set<std::string> taken;    // their names

  bool has(const Suspect& s) const;
  void take(const Suspect& s) { taken.insert(s.names.begin(), s.names.end()); }
};

struct PrecisionPlan {
  Rung wide;   // values in 16 bits
  Rung eased;  // nodes in float, by their outputs, so that values between them are not rounded
  Rung fine;   // layers in float, by their outputs, for the steps of their weights

  std::set<std::string> in_float() const;
  // Share of the multiply-adds that have more bits. Layers in float count once, whyever they are.
  double spent_on(const Rung& rung) const;
  // Takes the worst suspects of these rungs that fit into a budget in multiply-adds, at least one,
  // until the noise of those left adds up to no more than `room`. Whether there was one.
  bool take_worst(const std::vector<Rung*>& rungs, double room, double budget);

 private:
  using Shares = std::map<std::string, double>;  // by layer
  Shares products_of(const Rung& rung) const;
};

}  // namespace bantam
