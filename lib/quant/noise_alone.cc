// SPDX-License-Identifier: Apache-2.0
#include "quant/noise_alone.h"

#include <algorithm>
#include <unordered_map>

#include "eval/session.h"
#include "quant/paired_run.h"

namespace bantam {
namespace {

// The samples that an error is measured on.
class MeasuredSamples : public SampleSource {
 public:
  explicit MeasuredSamples(const OutputError& error) : error_(error) {}
  int64_t count() const override { return static_cast<int64_t>(error_.samples().size()); }
  Result<std::vector<Tensor>> at(int64_t i) override {
    return error_.samples()[static_cast<size_t>(i)];
  }
  std::string hash() const override { return ""; }

 private:
  const OutputError& error_;
};

class Alone {
 public:
  Alone(const Graph& graph, const OutputError& error, const std::vector<RoundedPart>& parts,
        int threads)
      : graph_(graph), error_(error), parts_(parts), threads_(threads), nodes_(graph.nodes()) {
    for (size_t i = 0; i < nodes_.size(); ++i) place_[nodes_[i]] = i + 1;
  }

  Result<std::vector<double>> run(const std::function<void(double)>& progress) {
    std::vector<double> noise(parts_.size());
    std::multimap<size_t, size_t> by_cut;
    for (size_t p = 0; p < parts_.size(); ++p) by_cut.emplace(cut_of(parts_[p]), p);
    MeasuredSamples samples(error_);
    const Originals none;
    TRY(run_, PairedRun::start(graph_, samples, samples.count(), threads_, none));
    size_t done = 0;
    for (size_t cut = 0; cut <= nodes_.size(); ++cut) {
      if (cut > 0) {
        TRY(run_.settle(*nodes_[cut - 1], Side::real));
        run_.leave(*nodes_[cut - 1]);
      }
      for (auto [it, end] = by_cut.equal_range(cut); it != end; ++it) {
        TRY(noise[it->second], error_behind(cut, parts_[it->second]));
        progress(static_cast<double>(++done) / static_cast<double>(parts_.size()));
      }
    }
    TRY(const double silence, error_behind(nodes_.size(), {}));
    for (double& v : noise) v = std::max(0.0, v - silence);
    return noise;
  }

 private:
  // How many nodes come before anything of the part: those that make its values, or are in front
  // of all that read its constants.
  size_t cut_of(const RoundedPart& part) const {
    size_t cut = nodes_.size();
    for (const std::string& name : part.values) {
      const Value* v = graph_.find(name);
      if (!v->is_constant()) cut = std::min(cut, made_at(*v));
      for (const Use& u : v->is_constant() ? v->uses() : std::vector<Use>())
        cut = std::min(cut, place_.at(u.node) - 1);
    }
    return cut;
  }

  size_t made_at(const Value& v) const { return v.producer ? place_.at(v.producer) : 0; }

  bool is_needed_behind(const Value& v, size_t cut) const {
    const auto uses = v.uses();
    const auto is_behind = [&](const Use& u) { return place_.at(u.node) > cut; };
    return v.is_output() || std::any_of(uses.begin(), uses.end(), is_behind);
  }

  // With what the part rounds; the nodes before the cut are left out.
  Result<double> error_behind(size_t cut, const RoundedPart& part) {
    Graph rest = graph_.clone();
    std::vector<std::vector<Tensor>> fed(run_.samples());
    const size_t inputs = rest.inputs().size();
    for (const Value* v : graph_.values()) {
      if (v->is_constant() || made_at(*v) > cut || !is_needed_behind(*v, cut)) continue;
      const bool counts = part.values.count(v->name) > 0 && v->dtype == BT_F32;
      for (size_t s = 0; s < fed.size(); ++s) {
        const Tensor& t = run_.at(v, Side::real)[s];
        fed[s].push_back(counts ? decode(encode(t, *v->quant), *v->quant) : t);
      }
      rest.replace_uses(rest.find(v->name), rest.add_input(v->name, v->dtype, v->shape));
    }
    const auto nodes = rest.nodes();
    for (size_t i = cut; i-- > 0;) rest.erase(nodes[i]);
    for (size_t i = inputs; i-- > 0;) rest.remove_input(i);
    for (Value* v : rest.values()) {
      if (v->dtype != BT_F32 || !v->quant) continue;
      const auto numbers = part.numbers.find(v->name);
      if (!part.values.count(v->name)) v->quant.reset();
      else if (numbers != part.numbers.end()) v->constant = numbers->second;
    }
    TRY(Session session, Session::of_graph(rest, {.threads = threads_, .simulate = true}));
    std::vector<std::vector<Tensor>> outputs;
    for (const auto& operands : fed) {
      TRY(auto made, session.run(operands));
      outputs.push_back(std::move(made));
    }
    return error_.of_outputs(outputs);
  }

  const Graph& graph_;
  const OutputError& error_;
  const std::vector<RoundedPart>& parts_;
  int threads_;
  std::vector<Node*> nodes_;
  std::unordered_map<const Node*, size_t> place_;  // from 1
  PairedRun run_;
};

}  // namespace

Result<std::vector<double>> noise_alone(const Graph& annotated, const OutputError& error,
                                        const std::vector<RoundedPart>& parts, int threads,
                                        const std::function<void(double)>& progress) {
  return Alone(annotated, error, parts, threads).run(progress);
}

}  // namespace bantam
