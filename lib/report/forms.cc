// SPDX-License-Identifier: Apache-2.0
// The report as tables: for a terminal, and in Markdown.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "report/forms.h"
#include "report/report.h"

namespace bantam {

std::string decibel(double v) { return std::isinf(v) ? "equal" : formatted("{:.2f} dB", v); }
std::string decibel(const std::optional<double>& v) { return v ? decibel(*v) : "-"; }

std::string sentence(const std::string& text) {
  const std::string safe = printable(text);
  std::string out;
  for (size_t i = 0; i < safe.size(); ++i) {
    if (safe[i] == '\\' && i + 1 < safe.size() && (safe[i + 1] == '"' || safe[i + 1] == '\\')) ++i;
    out += safe[i];
  }
  return out;
}

std::string metric_text(const std::string& name, double v) {
  if (name == "psnr") return formatted("{:.3f} dB", v);
  if (name == "ssim") return formatted("{:.4f}", v);
  return formatted("{:.2f} %", 100 * v);
}

TextTable output_table(const Report& r) {
  TextTable t({"output", ">SQNR", ">PSNR", ">peak", ">cosine", ">largest error", ">agreement", ">KL"});
  for (const OutputQuality& o : r.outputs)
    t.row({printable(o.name), decibel(o.sqnr_db), decibel(o.psnr_db) + (o.psnr_db >= 30 ? "" : " (below 30)"), formatted("{:.4g}", o.peak),
           formatted("{:.5f}", o.cosine), formatted("{:.4g}", o.max_error), o.agreement ? formatted("{:.2f} %", 100 * *o.agreement) : "-",
           o.kl ? formatted("{:.5f}", *o.kl) : "-"});
  return t;
}

TextTable files_table(const Report& r) {
  TextTable t({"file", "format", ">bytes", "holds otherwise"});
  for (const FileRow& f : r.files) {
    t.row({printable(f.name), f.format, std::to_string(f.bytes), f.notes.empty() ? "" : sentence(f.notes[0])});
    for (size_t i = 1; i < f.notes.size(); ++i) t.row({"", "", "", sentence(f.notes[i])});
  }
  return t;
}

// Rows below 1 % of the file are joined.
TextTable size_table(const Report& r) {
  TextTable t({"bytes of", "stored as", ">bytes", ">share"});
  std::vector<SizeRow> rows = r.size_map;
  std::stable_sort(rows.begin(), rows.end(), [](const SizeRow& a, const SizeRow& b) { return a.bytes > b.bytes; });
  uint64_t rest = 0;
  size_t joined = 0;
  for (const SizeRow& s : rows) {
    if (s.bytes * 100 < r.file_bytes && t.rows() >= 6) {
      rest += s.bytes;
      ++joined;
      continue;
    }
    t.row({printable(s.name), s.kind, std::to_string(s.bytes), formatted("{:.1f} %", 100.0 * static_cast<double>(s.bytes) / static_cast<double>(r.file_bytes))});
  }
  if (joined) t.row({formatted("{} smaller ones", joined), "", std::to_string(rest), formatted("{:.1f} %", 100.0 * static_cast<double>(rest) / static_cast<double>(r.file_bytes))});
  t.row({"the whole file", "", std::to_string(r.file_bytes), "100 %"});
  return t;
}

TextTable layer_table(const Report& r, size_t most) {
  TextTable t({"layer", "operator", "computed in", ">output SQNR", "weights", ">bytes", ">multiply-adds"});
  std::vector<const LayerRow*> rows;
  for (const LayerRow& l : r.layers) rows.push_back(&l);
  const auto error = [](const LayerRow* l) { return l->sqnr_db ? *l->sqnr_db : INFINITY; };
  if (most < rows.size()) std::stable_sort(rows.begin(), rows.end(), [&](const LayerRow* a, const LayerRow* b) { return error(a) < error(b); });
  for (size_t i = 0; i < rows.size() && i < most; ++i) {
    const LayerRow& l = *rows[i];
    t.row({printable(l.name), l.op, l.arithmetic, decibel(l.sqnr_db), l.storage, l.bytes ? std::to_string(l.bytes) : "", l.macs ? human_count(static_cast<double>(l.macs)) : ""});
  }
  return t;
}

std::string metric_line(const Report& r) {
  if (!r.metric) return "";
  const MetricResult& m = *r.metric;
  std::string line = formatted("{}: float {}, compressed {} ({} samples", m.name, metric_text(m.name, m.reference), metric_text(m.name, m.compressed), m.n);
  if (m.lost || m.won) line += formatted("; {} lost, {} won", m.lost, m.won);
  if (m.p) line += formatted("; p = {:.3g}", *m.p);
  return line + ")";
}

std::string verdict_line(const Report& r) {
  if (!r.metric || !r.metric->judgement) return "";
  const MetricResult::Judgement& j = *r.metric->judgement;
  std::string line = formatted("{}: the drop of {} lies in {:.2f}..{:.2f} points (95 %); {:.2f} are allowed", j.verdict, r.metric->name, 100 * j.low, 100 * j.high, 100 * j.budget);
  if (j.needed) line += formatted("; about {} samples would decide", *j.needed);
  return line;
}

std::string budget_line(const Report& r) {
  if (!r.budget) return "";
  return formatted("all parts together make {}; measured with everything rounded: {} ({} samples)", decibel(r.budget->sum_db), decibel(r.budget->measured_db), r.budget->samples);
}

// What costs most at the outputs, worst first.
TextTable budget_table(const Report& r, size_t most) {
  TextTable t({"layer", "operator", ">of the noise", ">alone", ">in float: gain", "cause", "what helps"});
  std::vector<const LayerRow*> rows;
  for (const LayerRow& l : r.layers)
    if (l.own_db) rows.push_back(&l);
  std::stable_sort(rows.begin(), rows.end(), [](const LayerRow* a, const LayerRow* b) { return a->share > b->share; });
  for (size_t i = 0; i < rows.size() && i < most; ++i) {
    const LayerRow& l = *rows[i];
    t.row({printable(l.name), l.op, formatted("{:.1f} %", 100 * l.share), decibel(l.own_db), formatted("{:.2f} dB", l.gain_db), sentence(l.cause),
           l.cause.empty() ? "" : formatted("--keep-float {}", quote(l.name))});
  }
  return t;
}

std::string cost_line(const Report& r) {
  if (!r.reference_cost || !r.model_cost) return "";
  const double a = r.reference_cost->milliseconds, b = r.model_cost->milliseconds;
  return formatted("one sample takes {:.2f} ms, the float model {:.2f} ms ({}, {} thread{}); activations {}, float {}", b, a, r.kernels, r.threads,
                   r.threads == 1 ? "" : "s", human_bytes(r.model_cost->arena_bytes), human_bytes(r.reference_cost->arena_bytes));
}

std::string calibration_line(const Report& r) {
  return r.range_check && !r.range_check->is_too_few() ? sentence(r.range_check->text()) : "";
}

std::string headline(const Report& r) {
  std::string line = formatted("{}: {}", printable(r.model), human_bytes(r.file_bytes));
  if (r.source_bytes && r.file_bytes) line += formatted(" ({:.1f}x smaller than {})", static_cast<double>(r.source_bytes) / static_cast<double>(r.file_bytes), printable(r.source));
  if (!r.outputs.empty()) {
    double worst = INFINITY;
    for (const OutputQuality& o : r.outputs) worst = std::min(worst, o.sqnr_db);
    line += formatted(", SQNR {}", decibel(worst));
    if (r.outputs[0].agreement) line += formatted(", agreement {:.2f} %", 100 * *r.outputs[0].agreement);
  }
  return line;
}

std::string to_text(const Report& r, bool colour, size_t layers) {
  const auto paint = [&](const char* code, const std::string& text) { return colour ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text; };
  std::string out = paint("1", headline(r)) + "\n";
  if (!r.outputs.empty()) out += formatted("\nagainst the float model, {} sample{}:\n", r.samples, r.samples == 1 ? "" : "s") + output_table(r).text();
  if (r.metric) out += "  " + metric_line(r) + "\n";
  if (!verdict_line(r).empty()) out += "  " + verdict_line(r) + "\n";
  if (!cost_line(r).empty()) out += "  " + cost_line(r) + "\n";
  if (!calibration_line(r).empty()) out += "  " + calibration_line(r) + "\n";
  if (r.files.size() > 1) out += "\nwritten:\n" + files_table(r).text();
  if (!r.size_map.empty()) out += "\nwhere the bytes are:\n" + size_table(r).text();
  if (layers && r.budget) out += "\nwhat the error is made of:\n" + budget_table(r, layers).text() + "  " + budget_line(r) + "\n";
  if (layers && !r.layers.empty()) out += formatted("\nlayers{}:\n", layers < r.layers.size() ? ", worst first" : "") + layer_table(r, layers).text();
  for (const ReportWarning& w : r.warnings) {
    out += "\n" + paint("31;1", "warning: ") + (w.layer.empty() ? "" : quote(w.layer) + ": ") + sentence(w.text);
    if (!w.flag.empty()) out += "\n         what helps: " + sentence(w.flag);
  }
  if (!r.warnings.empty()) out += "\n";
  return out;
}

std::string to_markdown(const Report& r) {
  std::string out = "## " + escape_markdown(headline(r)) + "\n\n";
  if (!r.outputs.empty()) out += formatted("Against the float model, {} samples:\n\n", r.samples) + output_table(r).markdown() + "\n";
  if (r.metric) out += escape_markdown(metric_line(r)) + "\n\n";
  if (!verdict_line(r).empty()) out += escape_markdown(verdict_line(r)) + "\n\n";
  for (const GateRow& g : r.gates) out += formatted("- {} `{}`: {}\n", g.met ? "met" : "**missed**", g.text, escape_markdown(g.detail));
  if (!r.gates.empty()) out += "\n";
  if (!cost_line(r).empty()) out += escape_markdown(cost_line(r)) + "\n\n";
  if (!calibration_line(r).empty()) out += escape_markdown(calibration_line(r)) + "\n\n";
  for (const ReportWarning& w : r.warnings)
    out += "- **warning** " + (w.layer.empty() ? std::string() : "`" + printable(w.layer) + "`: ") + escape_markdown(sentence(w.text)) + (w.flag.empty() ? "" : " What helps: `" + sentence(w.flag) + "`") + "\n";
  if (!r.warnings.empty()) out += "\n";
  if (r.files.size() > 1) out += "### Files\n\n" + files_table(r).markdown() + "\n";
  if (!r.size_map.empty()) out += "### Bytes\n\n" + size_table(r).markdown() + "\n";
  if (r.budget) out += "### What the error is made of\n\n" + budget_table(r, 10).markdown() + "\n" + escape_markdown(budget_line(r)) + "\n\n";
  if (!r.layers.empty()) out += "### Layers\n\n" + layer_table(r, r.layers.size()).markdown() + "\n";
  if (!r.recipe.empty()) out += "### Recipe\n\n```\n" + r.recipe + "```\n";
  return out;
}

}  // namespace bantam
