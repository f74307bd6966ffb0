// SPDX-License-Identifier: Apache-2.0
// Whether what was measured is worth a warning, and which layer is to blame.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace bantam {

// The layer that costs most: the one with the largest share of the error budget, else the integer layer in
// which noise grows most. Null where neither is known.
const LayerRow* worst_layer(const Report& report);

// Sentences: the task's metric falls by a point (0.5 dB of PSNR), or an output is below 20 dB.
std::vector<std::string> shortfalls(const Report& report);

// A sentence where the float model itself is right on hardly any sample, so that its labels may be those of
// another model or shifted; empty otherwise.
std::string doubt_of_labels(const Report& report);

// Makes a warning of each shortfall, with the layer to blame and the flag that keeps it in float, and of a doubt.
void judge(Report& report);

}  // namespace bantam
