// SPDX-License-Identifier: Apache-2.0
// The limits of a budget, one by one: how far an outcome is beyond them, and which of them binds.
#pragma once

#include <string>
#include <vector>

#include "search/search.h"

namespace bantam {

// How far beyond the limits, 0 where all are met: a sum of shares of each limit.
double excess(const Budget& budget, const Outcome& outcome);

// An outcome, and what it is of.
struct Seen {
  std::string trial;
  const Outcome* outcome;
};

// Where no outcome meets the budget (at least one is there): the limits that none of them meets, with the best
// that was reached; or, where each is met by some, what one of them would have to be for all others to hold.
std::string binding_limits(const Budget& budget, const std::vector<Seen>& seen);

}  // namespace bantam
