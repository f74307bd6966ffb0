// SPDX-License-Identifier: Apache-2.0
// The report as JSON; docs/report.schema.json is its schema.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/forms.h"
#include "report/report.h"

namespace bantam {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no infinity: equal outputs have null dB, and "equal" says why.
Json number(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }

Json optional_number(const std::optional<double>& v) { return v ? number(*v) : Json(nullptr); }

Json cost(const SideCost& c) { return {{"ms", number(c.milliseconds)}, {"arena_bytes", c.arena_bytes}}; }

Json judgement(const MetricResult::Judgement& m) {
  return {{"drop_low", number(m.low)}, {"drop_high", number(m.high)}, {"budget", number(m.budget)},
          {"verdict", m.verdict}, {"samples_needed", m.needed ? Json(*m.needed) : Json(nullptr)}};
}

Json calibration(const RangeCheck& c) {
  Json growing = Json::array();
  for (const RangeCheck::Growing& g : c.growing) growing.push_back({{"value", printable(g.value)}, {"loss_db", number(g.loss_db)}});
  return {{"samples", c.samples}, {"enough", c.enough > 0 ? Json(c.enough) : Json(nullptr)}, {"too_few", c.is_too_few()},
          {"values", c.values}, {"loss_db", number(c.loss_db)}, {"growing", growing}};
}

}  // namespace

std::string to_json(const Report& r) {
  Json j;
  j["tool"] = r.tool;
  j["command"] = r.command;
  j["source"] = {{"name", printable(r.source)}, {"bytes", r.source_bytes}, {"hash", r.source_hash}, {"parameters", r.parameters}};
  j["model"] = printable(r.model);
  j["file_bytes"] = r.file_bytes;
  j["samples"] = r.samples;
  j["data_hash"] = r.data_hash;
  Json outputs = Json::object();
  for (const OutputQuality& o : r.outputs) {
    Json q = {{"sqnr_db", number(o.sqnr_db)}, {"psnr_db", number(o.psnr_db)}, {"peak", number(o.peak)},
              {"cosine", number(o.cosine)}, {"max_error", number(o.max_error)}, {"equal", std::isinf(o.sqnr_db)}};
    if (o.kl) q["kl"] = number(*o.kl);
    if (o.agreement) q["agreement"] = number(*o.agreement);
    outputs[printable(o.name)] = q;
  }
  j["outputs"] = outputs;
  j["metric"] = nullptr;
  if (r.metric)
    j["metric"] = {{"name", r.metric->name}, {"float", number(r.metric->reference)}, {"compressed", number(r.metric->compressed)},
                   {"n", r.metric->n}, {"lost", r.metric->lost}, {"won", r.metric->won}, {"p", optional_number(r.metric->p)},
                   {"judgement", r.metric->judgement ? judgement(*r.metric->judgement) : Json(nullptr)}};
  j["size_map"] = Json::array();
  for (const SizeRow& s : r.size_map) j["size_map"].push_back({{"name", printable(s.name)}, {"kind", s.kind}, {"bytes", s.bytes}});
  j["files"] = Json::array();
  for (const FileRow& f : r.files) {
    Json notes = Json::array();
    for (const std::string& n : f.notes) notes.push_back(sentence(n));
    j["files"].push_back({{"name", printable(f.name)}, {"format", f.format}, {"bytes", f.bytes}, {"notes", notes}});
  }
  j["layers"] = Json::array();
  for (const LayerRow& l : r.layers)
    j["layers"].push_back({{"name", printable(l.name)}, {"op", l.op}, {"arithmetic", l.arithmetic}, {"storage", l.storage},
                           {"bytes", l.bytes}, {"macs", l.macs}, {"sqnr_db", optional_number(l.sqnr_db)}, {"own_db", optional_number(l.own_db)},
                           {"share", number(l.share)}, {"gain_db", number(l.gain_db)}, {"cause", sentence(l.cause)}});
  j["error_budget"] = nullptr;
  if (r.budget)
    j["error_budget"] = {{"sum_db", number(r.budget->sum_db)}, {"measured_db", number(r.budget->measured_db)}, {"samples", r.budget->samples}};
  j["calibration"] = r.range_check ? calibration(*r.range_check) : Json(nullptr);
  j["distributions"] = Json::array();
  for (const Distribution& d : r.distributions)
    j["distributions"].push_back({{"value", printable(d.value)}, {"layer", printable(d.layer)}, {"min", number(d.min)}, {"max", number(d.max)},
                                  {"range_low", number(d.range_low)}, {"range_high", number(d.range_high)}, {"step", number(d.step)},
                                  {"clipped", number(d.clipped)}, {"bars", d.bars}});
  j["gates"] = Json::array();
  for (const GateRow& g : r.gates) j["gates"].push_back({{"gate", g.text}, {"met", g.met}, {"detail", g.detail}});
  j["warnings"] = Json::array();
  for (const ReportWarning& w : r.warnings) j["warnings"].push_back({{"layer", printable(w.layer)}, {"text", sentence(w.text)}, {"flag", sentence(w.flag)}});
  j["cost"] = {{"kernels", r.kernels}, {"threads", r.threads},
               {"float", r.reference_cost ? cost(*r.reference_cost) : Json(nullptr)},
               {"compressed", r.model_cost ? cost(*r.model_cost) : Json(nullptr)}};
  j["recipe"] = r.recipe;
  j["notes"] = Json::array();
  for (const std::string& n : r.notes) j["notes"].push_back(sentence(n));
  return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bantam
