// SPDX-License-Identifier: Apache-2.0
#include "quant/calibration.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "ir/infer.h"

namespace bantam {
namespace {

std::vector<double> powers_of(const std::vector<Tensor>& outputs) {
  std::vector<double> list(outputs.size());
  for (size_t k = 0; k < outputs.size(); ++k)
    if (outputs[k].dtype() == BT_F32)
      for (const float v : outputs[k].floats()) list[k] += static_cast<double>(v) * static_cast<double>(v);
  return list;
}

bool is_finite(const std::vector<Tensor>& tensors) {
  for (const Tensor& t : tensors)
    if (t.dtype() == BT_F32)
      for (const float v : t.floats())
        if (!std::isfinite(v)) return false;
  return true;
}

// How many samples there are in each part.
std::vector<int64_t> sizes_of_parts(int64_t samples) {
  std::vector<int64_t> sizes;
  const int64_t half = samples / 2;
  for (int64_t end = 0; end < half;) {
    const int64_t next = std::min(half, std::max<int64_t>(1, 2 * end));
    sizes.push_back(next - end);
    end = next;
  }
  sizes.push_back(samples - half);
  return sizes;
}

}  // namespace

Result<std::shared_ptr<Calibration>> collect(const Graph& graph, SampleSource& source, int threads,
                                             const std::function<void(double)>& progress) {
  auto calibration = std::make_shared<Calibration>();
  TRY(Session session, Session::of_graph(graph, {.threads = threads}));
  const auto sizes = sizes_of_parts(source.count());
  Calibration::Part part;
  std::string broken;  // the first value that is not finite, in the first sample that has one
  session.set_tap([&](const Tapped& t) {
    if (t.dtype != BT_F32) return;
    Histogram& h = part.values[t.name];
    h.add({static_cast<const float*>(t.data), static_cast<size_t>(t.count)});
    if (h.not_finite() > 0 && broken.empty()) broken = t.name;
  });
  for (int64_t i = 0; i < source.count(); ++i) {
    TRY(const auto inputs, source.at(i));
    TRY(const auto outputs, session.run(inputs));
    calibration->powers.push_back(powers_of(outputs));
    // Masks are made of infinities, and of what they make NaN a model may take care: what leaves it counts.
    if (!broken.empty() && !(is_finite(inputs) && is_finite(outputs)))
      return Error{Code::bad_input, formatted("calibration sample {} makes {} infinite or NaN; check the sample and its preprocessing", i, quote(broken))};
    if (++part.samples == sizes[calibration->parts.size()]) calibration->add(std::exchange(part, {}));
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(source.count()));
  }
  return calibration;
}

void Calibration::add(Part part) {
  for (auto& [name, histogram] : part.values) {
    values[name].merge(histogram);
    histogram.trim();
  }
  samples += part.samples;
  parts.push_back(std::move(part));
}

Result<Graph> with_lengths_of(SampleSource& source, const Graph& graph) {
  TRY(const auto sample, source.at(0));
  std::vector<Shape> shapes;
  for (const Tensor& t : sample) shapes.push_back(t.shape());
  return with_input_shapes(graph, shapes);
}

}  // namespace bantam
