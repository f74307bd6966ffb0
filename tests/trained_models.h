// SPDX-License-Identifier: Apache-2.0
// The trained models of testdata, converted as the tool does, with their samples.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace bantam {

std::vector<std::string> trained_models();  // "digits_cnn", ...

Graph trained(const std::string& name);  // testdata/<name>.onnx as it is
// The same after a built-in recipe ("exact", "int8", ...), calibrated with its samples.
Graph converted(const std::string& name, const std::string& recipe);

// The first samples of testdata/<name>.eval.npz.
std::vector<std::vector<Tensor>> samples_of(const std::string& name, const Graph& graph, int64_t most);

// Steps of a recipe's text, on a graph that must bear them.
void run_steps(Graph& graph, const std::string& recipe);

// What a graph computes from one sample.
std::vector<Tensor> outputs_of(const Graph& graph, const std::vector<Tensor>& inputs);

// Signal over noise of the worst output, in dB; infinite where equal. The shapes must be equal.
double agreement(const std::vector<Tensor>& wanted, const std::vector<Tensor>& got);

}  // namespace bantam
