// SPDX-License-Identifier: Apache-2.0
// What a conversion or a comparison found: one structure, and its forms. docs/reports.md explains every
// field; docs/report.schema.json is the schema of the JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "format/size_map.h"
#include "quant/range_check.h"

namespace bantam {

// How close an output of the compressed model is to the float model's, over all samples.
struct OutputQuality {
  std::string name;
  double sqnr_db = 0;  // signal to quantization noise
  double psnr_db = 0;  // peak signal to noise; above 30 dB counts as good
  double peak = 0;     // the largest minus the smallest value of the float model's output
  double cosine = 0, max_error = 0;
  std::optional<double> kl;         // of class scores: mean divergence from the float model's
  std::optional<double> agreement;  // of class scores: share of samples with the same best class
};

// The task's own measure, where labels or targets are there.
struct MetricResult {
  std::string name;  // "top1", "psnr", ...
  double reference = 0, compressed = 0;
  int64_t n = 0;
  int64_t lost = 0, won = 0;  // right before and wrong now, and the other way round
  std::optional<double> p;    // exact McNemar test
  // Of counted metrics with labels: whether the drop keeps within a budget, as far as so many samples can tell.
  struct Judgement {
    double low = 0, high = 0;  // 95 % confidence interval of the drop, as fractions
    double budget = 0;         // drop that is allowed
    std::string verdict;       // "PASS", "FAIL" or "UNDECIDED"
    std::optional<int64_t> needed;  // samples that would decide, where it is open
  };
  std::optional<Judgement> judgement;
};

struct LayerRow {
  std::string name, op;
  std::string arithmetic;  // "int8" or "float"
  std::string storage;     // of its weights: "8 bit, rANS"
  uint64_t bytes = 0;      // of its weights in the file
  int64_t macs = 0;
  std::optional<double> sqnr_db;  // of its output against the float model's: all error so far
  // The error budget (report/error_budget.h), of layers that round:
  std::optional<double> own_db;  // at the model's outputs if only this layer is quantized
  double share = 0;              // of the noise of all layers
  double gain_db = 0;            // at the model's outputs if this layer stays in float
  std::string cause;             // in words, of the layers that cost most
};

// How an activation's values are spread over the calibration samples, and the range that its integers cover.
struct Distribution {
  std::string value, layer;                // the layer that is the first to read it as integers
  double min = 0, max = 0;                 // of all values
  double range_low = 0, range_high = 0;    // what the integers can say
  double step = 0;                         // between two integers
  double clipped = 0;                      // share of values outside of the range by more than a step
  std::vector<double> bars;                // counts in equal parts of min..max (one bar if they are equal)
};

// All layers' parts of the error together, and what was measured.
struct BudgetTotals {
  double sum_db = 0, measured_db = 0;
  int64_t samples = 0;
};

// A limit that a comparison was held to.
struct GateRow {
  std::string text;    // "size<=400KB"
  std::string detail;  // what was measured, as a sentence
  bool met = true;
};

struct ReportWarning {
  std::string layer, text, flag;
};

// One output of a conversion.
struct FileRow {
  std::string name, format;
  uint64_t bytes = 0;
  std::vector<std::string> notes;  // what runs in float there, say
};

// Pictures side by side, as PNG.
struct PictureStrip {
  struct Picture {
    std::string caption;
    Bytes png;
  };
  std::string title;
  std::vector<Picture> pictures;
};

struct SideCost {
  double milliseconds = 0;  // median of one sample
  uint64_t arena_bytes = 0;
};

struct Report {
  std::string tool, command;  // "convert" or "compare"
  std::string source, model;  // file names, without folders
  uint64_t source_bytes = 0, file_bytes = 0;
  std::vector<SizeRow> size_map;  // of the first output
  std::vector<FileRow> files;     // all outputs
  int64_t samples = 0;
  std::string data_hash, source_hash;
  std::vector<OutputQuality> outputs;
  std::optional<MetricResult> metric;
  std::vector<LayerRow> layers;
  std::optional<BudgetTotals> budget;
  std::optional<RangeCheck> range_check;
  std::vector<Distribution> distributions;  // of the activations that cost most
  std::vector<GateRow> gates;
  std::vector<ReportWarning> warnings;
  std::optional<SideCost> reference_cost, model_cost;
  std::string kernels;
  int threads = 1;
  std::string recipe;  // expanded
  std::vector<std::string> notes;
  std::vector<PictureStrip> strips;  // in the HTML form only
  int64_t parameters = 0;
};

std::string to_json(const Report& report);
std::string to_markdown(const Report& report);
std::string to_html(const Report& report);   // one file, no scripts, nothing from elsewhere
std::string to_junit(const Report& report);  // XML for CI: one test case per gate
// For a terminal; `colour` uses ANSI sequences, `layers` is how many rows of the layer table to show
// (worst first, 0: none).
std::string to_text(const Report& report, bool colour, size_t layers);

// One line: "1.12 MB (4.4x smaller), int8, 97.5 % agreement".
std::string headline(const Report& report);

}  // namespace bantam
