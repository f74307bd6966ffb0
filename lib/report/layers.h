// SPDX-License-Identifier: Apache-2.0
// The rows of a report that the graph itself gives: layers, with arithmetic, storage and cost.
#pragma once

#include "ir/graph.h"
#include "quant/calibration.h"
#include "report/report.h"

namespace bantam {

// One row per node that computes; sizes and kinds of storage come from the size map, by the names of the
// constants.
std::vector<LayerRow> layer_rows(const Graph& graph, const std::vector<SizeRow>& size_map);

// Multiply-adds of rows that have none because lengths of the graph are open: those of the first sample.
void count_multiply_adds(const Graph& graph, SampleSource& source, std::vector<LayerRow>& rows);

// Elements of all float and quantized constants of rank 1 and more.
int64_t parameter_count(const Graph& graph);

}  // namespace bantam
