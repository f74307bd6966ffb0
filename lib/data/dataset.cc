// SPDX-License-Identifier: Apache-2.0
#include "data/dataset.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "data/stored_samples.h"

namespace bantam {
namespace {

struct Entry {
  Hash hash{};
  int64_t stored = 0;
};

std::vector<int64_t> labels_of(const StoredSamples& s, int64_t stored) {
  const size_t each = s.labels.size() / static_cast<size_t>(s.count);
  const auto begin = s.labels.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(stored) * each);
  return {begin, begin + static_cast<std::ptrdiff_t>(each)};
}

// Hash of the right answers: orders samples that are equal.
Result<Hash> answer_hash(const StoredSamples& s, int64_t stored) {
  std::vector<Hash> parts = {tensor_hash(Tensor::vector_of(labels_of(s, stored)))};
  if (s.target) {
    TRY(const Tensor target, s.target(stored));
    parts.push_back(tensor_hash(target));
  }
  return hash_of(parts.data(), parts.size() * sizeof(Hash));
}

Result<std::vector<Entry>> sorted_entries(const StoredSamples& s) {
  std::vector<Entry> order;
  for (int64_t i = 0; i < s.count; ++i) {
    TRY(const Hash h, s.hash(i));
    order.push_back({h, i});
  }
  std::sort(order.begin(), order.end(), [](const Entry& a, const Entry& b) { return a.hash < b.hash; });
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && order[end].hash == order[begin].hash) ++end;
    if (end - begin > 1) {
      std::map<int64_t, Hash> answers;
      for (size_t k = begin; k < end; ++k) {
        TRY(answers[order[k].stored], answer_hash(s, order[k].stored));
      }
      std::sort(order.begin() + static_cast<std::ptrdiff_t>(begin), order.begin() + static_cast<std::ptrdiff_t>(end),
                [&](const Entry& a, const Entry& b) { return answers[a.stored] < answers[b.stored]; });
    }
    begin = end;
  }
  return order;
}

Hash set_hash(const std::vector<Entry>& order) {
  std::vector<uint8_t> all;
  for (const Entry& e : order) all.insert(all.end(), e.hash.begin(), e.hash.end());
  return hash_of(all.data(), all.size());
}

Result<void> check_metric(const MetricChoice& metric, const StoredSamples& s) {
  if ((metric.name == "top1" || metric.name == "top5") && s.labels.empty())
    return Error{Code::bad_input, formatted("{} needs labels: an array \"labels\", a labels.csv in the folder, or [labels] file = \"...\"", metric.name)};
  if ((metric.name == "psnr" || metric.name == "ssim") && !s.target)
    return Error{Code::bad_input, formatted("{} needs targets: an array \"target\", or [metric] target = \"...\"", metric.name)};
  return {};
}

}  // namespace

struct Dataset::State {
  DataFile file;
  StoredSamples stored;
  std::vector<Entry> order;
  Hash hash{};
  std::map<int64_t, std::vector<Tensor>> kept;
  size_t kept_bytes = 0;

  int64_t stored_index(int64_t i) const { return order[static_cast<size_t>(i)].stored; }
};

Dataset::Dataset(std::unique_ptr<State> state) : state_(std::move(state)) {}
Dataset::~Dataset() = default;

Result<std::unique_ptr<Dataset>> Dataset::open(const std::string& data, const std::vector<Port>& inputs, const DataOptions& options) {
  TRY(const DataFile file, data_file_of(data));
  return open(file, inputs, options);
}

Result<std::unique_ptr<Dataset>> Dataset::open(const DataFile& file, const std::vector<Port>& inputs, const DataOptions& options) {
  const bool is_folder = is_directory(file.path);
  if (!is_folder && !file_size(file.path).ok()) return Error{Code::io, formatted("there is no data file or folder {}", quote(file.path))};
  if (!is_folder && !file.path.ends_with(".npz") && !file.path.ends_with(".npy"))
    return Error{Code::usage, formatted("data {} is neither an .npz, .npy or .toml file nor a folder", quote(file.path))};
  if (inputs.empty()) return Error{Code::bad_input, "the model has no inputs, so it needs no data"};
  auto state = std::make_unique<State>();
  state->file = file;
  const std::string place = printable(file.path);
  TRY(state->stored, within(place, is_folder ? stored_files(file, inputs) : stored_arrays(file, inputs)));
  if (state->stored.count == 0) return Error{Code::bad_input, place + ": there are no samples"};
  TRY(within(place, check_metric(file.metric, state->stored)));
  TRY(state->order, within(place, sorted_entries(state->stored)));
  if (options.samples > 0 && options.samples < state->stored.count) state->order.resize(static_cast<size_t>(options.samples));
  state->hash = set_hash(state->order);
  if (options.as_stored)
    std::sort(state->order.begin(), state->order.end(), [](const Entry& a, const Entry& b) { return a.stored < b.stored; });
  std::unique_ptr<Dataset> set(new Dataset(std::move(state)));
  TRY(set->at(0));  // a wrong size or layout of all pictures shows before any work is done
  return set;
}

std::unique_ptr<Dataset> Dataset::first(int64_t n) const {
  auto state = std::make_unique<State>();
  state->file = state_->file;
  state->stored = state_->stored;
  state->order.assign(state_->order.begin(), state_->order.begin() + std::clamp<int64_t>(n, 0, count()));
  state->hash = set_hash(state->order);
  return std::unique_ptr<Dataset>(new Dataset(std::move(state)));
}

int64_t Dataset::count() const { return static_cast<int64_t>(state_->order.size()); }

Result<std::vector<Tensor>> Dataset::at(int64_t i) {
  if (i < 0 || i >= count()) return Error{Code::internal, formatted("there is no sample {}", i)};
  if (const auto it = state_->kept.find(i); it != state_->kept.end()) return it->second;
  TRY(auto inputs, within(printable(state_->file.path), state_->stored.load(state_->stored_index(i))));
  // The first samples stay, the others never do: passes over the whole set in order would push out each
  // sample of a cache of recent ones before it is needed again.
  size_t bytes = 0;
  for (const Tensor& t : inputs) bytes += t.bytes().size();
  if (state_->stored.is_slow && state_->kept_bytes + bytes <= kKept) {
    state_->kept_bytes += bytes;
    state_->kept.emplace(i, inputs);
  }
  return inputs;
}

std::string Dataset::hash() const { return hex(state_->hash); }
std::string Dataset::name(int64_t i) const { return state_->stored.name(state_->stored_index(i)); }
bool Dataset::has_labels() const { return !state_->stored.labels.empty(); }
std::vector<int64_t> Dataset::labels(int64_t i) const { return labels_of(state_->stored, state_->stored_index(i)); }
int64_t Dataset::label_offset() const { return state_->file.label_offset; }
bool Dataset::has_targets() const { return static_cast<bool>(state_->stored.target); }
Result<Tensor> Dataset::target(int64_t i) {
  if (!has_targets()) return Error{Code::internal, "there are no targets"};
  return within(printable(state_->file.path), state_->stored.target(state_->stored_index(i)));
}
const MetricChoice& Dataset::metric() const { return state_->file.metric; }
const std::vector<std::string>& Dataset::notes() const { return state_->stored.notes; }

}  // namespace bantam
