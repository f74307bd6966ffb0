// SPDX-License-Identifier: Apache-2.0
// The report as one self-contained page: no scripts, nothing from elsewhere.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "report/forms.h"
#include "report/plots.h"
#include "report/report.h"

namespace bantam {
namespace {

constexpr const char* kStyle = R"(
:root { --ink: #1c2330; --paper: #ffffff; --soft: #5b6678; --line: #d9dee7; --bar: #3568c4; --bad: #b3261e; --good: #1a7f42; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --paper: #14171d; --soft: #9aa5b8; --line: #303744; --bar: #7aa2f0; --bad: #ff8a80; --good: #6fd398; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.86rem; }
th, td { text-align: left; padding: 0.25rem 0.8rem 0.25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; } .warn { border-left: 4px solid var(--bad); padding: 0.3rem 0.8rem; margin: 0.5rem 0; }
.soft { color: var(--soft); } code, pre { font: 0.82rem/1.45 ui-monospace, monospace; } pre { overflow-x: auto; border: 1px solid var(--line); padding: 0.8rem; }
.bars { font-size: 0.8rem; line-height: 1.3; } .bars > div { display: flex; gap: 0.6rem; margin: 2px 0; } .bars .label { flex: 0 0 17rem; text-align: right; }
.track { flex: 1; display: flex; gap: 0.4rem; align-items: center; } .track i { flex: none; height: 0.8rem; border-radius: 2px; background: var(--bar); print-color-adjust: exact; -webkit-print-color-adjust: exact; } .track i.low { background: var(--bad); }
@media (max-width: 40rem) { .bars > div { display: block; margin: 0.3rem 0; } .bars .label { text-align: left; color: var(--soft); } }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); } svg .b { fill: var(--bar); } svg .low { fill: var(--bad); } svg .g { stroke: var(--line); } svg .r { stroke: var(--good); stroke-width: 3; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 0.6rem; }
.strip { display: flex; flex-wrap: wrap; gap: 0.6rem; } figure { margin: 0; flex: 1 1 9rem; } img { width: 100%; image-rendering: pixelated; } figcaption { font-size: 0.8rem; color: var(--soft); }
@media print { body { margin: 0; } h2 { break-after: avoid; } }
)";

std::string size_bars(const Report& r) {
  std::vector<SizeRow> rows = r.size_map;
  std::stable_sort(rows.begin(), rows.end(), [](const SizeRow& a, const SizeRow& b) { return a.bytes > b.bytes; });
  std::vector<Bar> list;
  for (size_t i = 0; i < rows.size() && i < 20 && rows[i].bytes; ++i)
    list.push_back({printable(rows[i].name), formatted("{} {}", human_bytes(rows[i].bytes), rows[i].kind), static_cast<double>(rows[i].bytes) / static_cast<double>(rows[0].bytes), false});
  return bar_plot(list);
}

std::string layer_bars(const Report& r) {
  std::vector<Bar> list;
  double top = 1;
  for (const LayerRow& l : r.layers)
    if (l.sqnr_db && std::isfinite(*l.sqnr_db)) top = std::max(top, *l.sqnr_db);
  for (const LayerRow& l : r.layers)
    if (l.sqnr_db && std::isfinite(*l.sqnr_db)) list.push_back({printable(l.name), decibel(*l.sqnr_db), std::clamp(*l.sqnr_db / top, 0.0, 1.0), *l.sqnr_db < 20});
  return bar_plot(list);
}

std::string base64(const Bytes& bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? bytes.data()[i + k] : 0u);
    for (size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string picture_strips(const Report& r) {
  std::string out = "<h2>Pictures</h2>\n";
  for (const PictureStrip& s : r.strips) {
    out += "<div class=\"strip\">";
    for (const PictureStrip::Picture& p : s.pictures)
      out += "<figure><img alt=\"" + escape_html(s.title + ": " + p.caption) + "\" src=\"data:image/png;base64," + base64(p.png) + "\"><figcaption>" + escape_html(p.caption) + "</figcaption></figure>";
    out += "</div>\n";
  }
  return out;
}

// Shares of the noise at the outputs, worst first, with causes and remedies.
std::string error_budget_section(const Report& r) {
  std::vector<const LayerRow*> rows;
  for (const LayerRow& l : r.layers)
    if (l.own_db) rows.push_back(&l);
  std::stable_sort(rows.begin(), rows.end(), [](const LayerRow* a, const LayerRow* b) { return a->share > b->share; });
  std::vector<Bar> list;
  for (size_t i = 0; i < rows.size() && i < 12; ++i)
    list.push_back({printable(rows[i]->name), formatted("{:.1f} %, alone {}", 100 * rows[i]->share, decibel(rows[i]->own_db)), rows[i]->share / std::max(1e-12, rows[0]->share), rows[i]->share > 0.2});
  return "<h2>What the error is made of <span class=\"soft\">(each layer's share of the noise at the outputs)</span></h2>\n" + bar_plot(list) + "<p class=\"soft\">" +
         escape_html(budget_line(r)) + "</p>\n<div class=\"scroll\">" + budget_table(r, 10).html() + "</div>\n";
}

std::string distribution_section(const Report& r) {
  std::string out = "<h2>Activations that cost most <span class=\"soft\">(how often each value occurs, logarithmic; the line underneath is what the integers cover)</span></h2>\n<div class=\"grid\">";
  for (const Distribution& d : r.distributions)
    out += "<figure>" + distribution_plot(d) + "<figcaption><code>" + escape_html(printable(d.value)) + "</code> " +
           escape_html(formatted("{:.4g}..{:.4g}; steps of {:.3g} from {:.4g} to {:.4g}{}", d.min, d.max, d.step, d.range_low, d.range_high,
                                 d.clipped > 0 ? formatted("; {:.2g} % clipped", 100 * d.clipped) : "")) + "</figcaption></figure>";
  return out + "</div>\n";
}

}  // namespace

std::string to_html(const Report& r) {
  std::string out = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
                    escape_html(headline(r)) + "</title>\n<style>" + kStyle + "</style></head><body>\n";
  out += "<h1>" + escape_html(headline(r)) + "</h1>\n";
  if (!verdict_line(r).empty()) out += "<p><strong>" + escape_html(verdict_line(r)) + "</strong></p>\n";
  for (const GateRow& g : r.gates)
    out += formatted("<p class=\"{}\">{} <code>{}</code>: {}</p>\n", g.met ? "soft" : "warn", g.met ? "met" : "missed", escape_html(g.text), escape_html(g.detail));
  for (const ReportWarning& w : r.warnings)
    out += "<p class=\"warn\">" + (w.layer.empty() ? std::string() : "<code>" + escape_html(printable(w.layer)) + "</code>: ") + escape_html(sentence(w.text)) +
           (w.flag.empty() ? "" : "<br>What helps: <code>" + escape_html(sentence(w.flag)) + "</code>") + "</p>\n";
  if (!r.outputs.empty())
    out += formatted("<h2>Against the float model <span class=\"soft\">({} samples; above 30 dB PSNR counts as good)</span></h2>\n<div class=\"scroll\">", r.samples) + output_table(r).html() + "</div>\n";
  if (r.metric) out += "<p>" + escape_html(metric_line(r)) + "</p>\n";
  if (!cost_line(r).empty()) out += "<p>" + escape_html(cost_line(r)) + "</p>\n";
  if (!calibration_line(r).empty()) out += "<p>" + escape_html(calibration_line(r)) + "</p>\n";
  if (!r.size_map.empty()) out += "<h2>Where the bytes are</h2>\n" + size_bars(r) + "<details><summary>All rows</summary><div class=\"scroll\">" + size_table(r).html() + "</div></details>\n";
  if (r.files.size() > 1) out += "<h2>Files</h2>\n<div class=\"scroll\">" + files_table(r).html() + "</div>\n";
  if (!r.strips.empty()) out += picture_strips(r);
  if (r.budget) out += error_budget_section(r);
  if (!r.distributions.empty()) out += distribution_section(r);
  if (!r.layers.empty()) {
    out += "<h2>Error by layer <span class=\"soft\">(signal to noise of each layer's output; short and red is bad)</span></h2>\n" + layer_bars(r);
    out += "<details><summary>All layers</summary><div class=\"scroll\">" + layer_table(r, r.layers.size()).html() + "</div></details>\n";
  }
  if (!r.recipe.empty()) out += "<h2>Recipe</h2>\n<pre>" + escape_html(r.recipe) + "</pre>\n";
  for (const std::string& n : r.notes) out += "<p class=\"soft\">" + escape_html(sentence(n)) + "</p>\n";
  out += "<p class=\"soft\">" + escape_html(r.tool) + (r.data_hash.empty() ? "" : ", samples " + escape_html(r.data_hash)) + (r.source_hash.empty() ? "" : ", source " + escape_html(r.source_hash)) + "</p>\n";
  return out + "</body></html>\n";
}

}  // namespace bantam
