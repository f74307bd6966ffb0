// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/calibrate.h"

#include <algorithm>
#include <cmath>

#include "apps/bantam/console.h"
#include "apps/bantam/models.h"
#include "apps/bantam/outputs.h"
#include "apps/bantam/timing.h"
#include "base/format.h"
#include "base/text.h"
#include "device/calibration.h"
#include "device/device.h"
#include "ir/text.h"

namespace bantam {
namespace {

struct Measured {
  std::vector<CalibrationTime> times;
  std::string where;  // for the first line of the profile
};

Result<int> write_models(const std::string& folder) {
  TRY(make_directory(folder));
  const auto cases = calibration_cases();
  OutputFiles files;
  OutputOptions options;
  options.test_vectors = 0;
  for (const CalibrationCase& c : cases) {
    TRY(const Graph graph, parse_graph(c.text));
    TRY(write_output(folder + "/" + c.name + ".btm", graph, options, files));
  }
  TRY(files.commit());
  Console::get().print(formatted("{}: {} models; run each on the device (bantam_runner --time 0.2 *.btm > times.txt), "
                                 "then --times times.txt here\n", printable(folder), cases.size()));
  return 0;
}

// The least time, for noise only adds; of many the third, for clocks of virtual machines make some runs too short.
double low(std::vector<double> ms) {
  std::erase_if(ms, [](double t) { return t <= 0; });
  std::sort(ms.begin(), ms.end());
  return ms.empty() ? INFINITY : ms[std::min<size_t>(2, ms.size() / 10)];
}

// Of one thread the time of the CPU, which other programs cannot take away. In rounds, because they slow it down
// all the same, and for a while.
Result<Measured> times_here(double seconds, int threads) {
  constexpr int kRounds = 3;
  Measured m;
  const auto cases = calibration_cases();
  for (const CalibrationCase& c : cases) m.times.push_back({c.name, INFINITY});
  for (int round = 0; round < kRounds; ++round)
    for (size_t i = 0; i < cases.size(); ++i) {
      TRY(const Graph graph, within(cases[i].name, parse_graph(cases[i].text)));
      TRY(Session session, within(cases[i].name, Session::of_graph(graph, {.threads = threads})));
      const auto inputs = random_inputs(session);
      TRY(time_runs(session, inputs, 0, 2));
      TRY(const RunTimes times, within(cases[i].name, time_runs(session, inputs, seconds / kRounds, 5)));
      m.times[i].us = std::min(m.times[i].us, low(threads == 1 ? times.cpu : times.wall) * 1000);
      m.where = formatted("this machine, {} kernels, {} thread{}", session.kernels(), threads, threads == 1 ? "" : "s");
    }
  return m;
}

// "int8_window_24x24x16.btm 1.25": lines of `bantam_runner --time`. Of several times of one, the least.
Result<Measured> times_of(const std::string& path) {
  TRY(const Bytes file, read_file(path));
  Measured m{{}, printable(base_name(path))};
  int number = 0;
  for (const std::string& raw : split(file.text(), '\n')) {
    ++number;
    const std::string line(trim(raw));
    if (line.empty()) continue;
    const size_t blank = line.find_last_of(" \t");
    double ms = 0;
    if (blank == std::string::npos || !parse_double(line.substr(blank + 1), &ms))
      return Error{Code::usage, formatted("{}: line {}: a file's name and milliseconds were expected, as bantam_runner --time prints them",
                                          printable(path), number)};
    std::string name = base_name(std::string(trim(line.substr(0, blank))));
    if (name.ends_with(".btm")) name.resize(name.size() - 4);
    m.times.push_back({std::move(name), ms * 1000});
  }
  return m;
}

// How far the costs are from the times that they were learned from: the middle, and nine of ten.
std::string fit_text(const CostModel& costs, const std::vector<CalibrationTime>& times) {
  std::vector<double> errors;
  const auto cases = calibration_cases();
  for (const CalibrationTime& t : times) {
    const auto c = std::find_if(cases.begin(), cases.end(), [&](const CalibrationCase& x) { return x.name == t.name; });
    const auto graph = parse_graph(c->text);
    const auto ms = graph.ok() ? costs.milliseconds(*graph) : Result<double>(graph.error());
    if (ms.ok()) errors.push_back(std::abs(*ms * 1000 / t.us - 1) * 100);
  }
  if (errors.empty()) return "";
  return formatted("{} models, from which the costs are off by {:.0f} % in the middle, by less than {:.0f} % for nine of ten",
                   times.size(), at_fraction(errors, 0.5), at_fraction(errors, 0.9));
}

}  // namespace

Result<int> calibrate_device(const CalibrateFlags& flags, double seconds, int threads) {
  if (!flags.write_models.empty()) return write_models(flags.write_models);
  if (!flags.output.empty() && !flags.output.ends_with(".toml"))
    return Error{Code::usage, formatted("-o {}: a name ending in .toml is needed", quote(flags.output))};
  TRY(const Measured m, flags.times.empty() ? times_here(seconds, threads) : times_of(flags.times));
  TRY(const CostModel costs, flags.times.empty() ? fit_costs(m.times) : within(printable(flags.times), fit_costs(m.times)));
  const std::string text = formatted("# bantam bench --calibrate-device: {}\n"
                                     "name = \"device\"\n# flash = \"512KB\"\n# ram = \"192KB\"\n"
                                     "# operators = [\"Conv\", \"MatMul\"]\n# products = [\"int8\"]\n\n{}", m.where, latency_text(costs));
  Console& console = Console::get();
  if (flags.output.empty()) {
    console.print(text);
  } else {
    OutputFiles files;
    TRY(files.write(flags.output, text));
    TRY(files.commit());
  }
  console.note(fit_text(costs, m.times));
  return 0;
}

}  // namespace bantam
