// SPDX-License-Identifier: Apache-2.0
// A device that a model is meant for. `tune --device board.toml` reads this; all may be left out:
//
//   name = "board"
//   flash = "512KB"                # for the file
//   ram = "192KB"                  # for activations and scratch
//   operators = ["Conv", "Relu"]   # that its runtime was built with; without the line: all
//   products = ["int8", "int16"]   # types of numbers that it multiplies: int8, int16, float
//
//   [latency]                      # written by `bench --calibrate-device`
//   run_us = 3.1                   # of each run
//
//   [latency.int8]                 # of each node, by kind: a call, a step, a byte (device/cost.h)
//   pointwise = { call_us = 0.4, step_ns = 0.011, byte_ns = 0.15 }
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "device/cost.h"

namespace bantam {

struct Device {
  std::string name = "the device";
  std::optional<uint64_t> flash, ram;  // bytes
  std::vector<std::string> operators;  // empty: all
  std::vector<std::string> products;   // empty: all
  CostModel latency;

  // What a finished graph needs and the device has not, as a sentence; empty where there is nothing.
  std::string lacks(const Graph& graph) const;
};

Result<Device> read_device(const std::string& path);
Result<Device> parse_device(std::string_view text);
// The [latency] tables, as a file has them.
std::string latency_text(const CostModel& latency);

}  // namespace bantam
