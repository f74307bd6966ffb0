// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/timing.h"

#include <time.h>

#include <algorithm>
#include <chrono>

#include "base/random.h"
#include "eval/test_vectors.h"
#include "runtime/shape.h"

namespace bantam {

double wall_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

std::vector<Tensor> random_inputs(const Session& session, const std::map<std::string, Shape>& shapes) {
  std::vector<Tensor> inputs;
  Random random(1);
  for (const Port& p : session.inputs()) {
    const auto given = shapes.find(p.name);
    const Shape shape = concrete_shape(given == shapes.end() ? p.shape : given->second, 128);
    const auto count = static_cast<size_t>(element_count(shape));
    std::vector<uint8_t> bytes(count * bt_dtype_size(p.dtype));
    bt_tensor view{};
    view.dtype = p.dtype;
    view.data = bytes.data();
    const auto next = [&] {
      return bt_is_float(p.dtype) ? static_cast<double>(random.uniform(-1, 1))
                                  : static_cast<double>(random.below(2));
    };
    for (int64_t i = 0; i < element_count(shape); ++i) bt_put(&view, i, next());
    inputs.emplace_back(p.dtype, shape, Bytes(std::move(bytes)));
  }
  return inputs;
}

Result<RunTimes> time_runs(Session& session, const std::vector<Tensor>& inputs, double seconds,
                           size_t runs) {
  RunTimes times;
  for (const double end = wall_ms() + seconds * 1000; wall_ms() < end || times.wall.size() < runs;) {
    const double wall = wall_ms(), cpu = cpu_ms();
    TRY(session.run(inputs));
    times.wall.push_back(wall_ms() - wall);
    times.cpu.push_back(cpu_ms() - cpu);
  }
  return times;
}

double at_fraction(std::vector<double> values, double fraction) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(fraction * static_cast<double>(values.size() - 1) + 0.5)];
}

}  // namespace bantam
