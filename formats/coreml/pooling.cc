// SPDX-License-Identifier: Apache-2.0
// Pooling, and the windows that it shares with convolutions.
#include <algorithm>

#include "formats/coreml/emitter.h"
#include "formats/coreml/window.h"

namespace bantam::coreml {

Window::Window(const Node& node, const Shape& in, std::vector<int64_t> kernel_lengths, const Shape& out) : kernel(std::move(kernel_lengths)) {
  const size_t axes = kernel.size();
  strides = node.attr_ints("strides");
  dilations = node.attr_ints("dilations");
  strides.resize(axes, 1);
  dilations.resize(axes, 1);
  const std::vector<int64_t> given = node.attr_ints("pads");
  const std::string rule = node.attr_word("auto_pad");
  for (size_t i = 0; i < axes; ++i) {
    const int64_t reach = (out[i + 2] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1;
    const bool open = in[i + 2] < 0 || out[i + 2] < 0;  // then pads say everything
    const int64_t missing = open ? 0 : std::max<int64_t>(reach - in[i + 2], 0);
    int64_t begin = 0, end = 0;
    if (rule == "SAME_UPPER" || rule == "SAME_LOWER") {
      begin = rule == "SAME_LOWER" ? missing - missing / 2 : missing / 2;
      end = missing - begin;
    } else if (!given.empty()) {
      begin = given[i];
      end = given[i + axes];
    }
    if (begin + end < missing) {
      end = missing - begin;
      rounds_up_ = true;
    }
    pads.insert(pads.end(), {begin, end});
  }
}

void Window::add_padding(Emitter& e, Inputs& inputs) const {
  const bool none = std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p == 0; });
  inputs.push_back({"pad_type", {e.text(none ? "valid" : "custom")}});
  if (!none) inputs.push_back({"pad", {e.list(pads)}});
}

namespace {

Result<void> pool(Emitter& e, const char* operation) {
  const Node& n = e.node();
  if (n.attr_word("layout") == "last") return refuse("its picture has the channels last");
  if (n.output(1)) return refuse("it gives no places of the largest elements");
  const Window w(n, e.shape(0), n.attr_ints("kernel_shape"), e.result_shape());
  if (std::any_of(w.dilations.begin(), w.dilations.end(), [](int64_t d) { return d != 1; })) return refuse("it has no dilated pooling");
  Inputs inputs = {{"x", {e.in(0)}}, {"kernel_sizes", {e.list(w.kernel)}}, {"strides", {e.list(w.strides)}}};
  w.add_padding(e, inputs);
  if (n.is("AveragePool")) {
    const bool counts = n.attr_int("count_include_pad") != 0;
    if (counts && w.rounds_up()) return refuse("it counts the rows that ceil_mode adds");
    inputs.push_back({"exclude_padding_from_average", {e.flag(!counts)}});
  }
  inputs.push_back({"ceil_mode", {e.flag(false)}});
  e.result(operation, inputs);
  return {};
}

Result<void> whole_picture(Emitter& e, const char* operation) {
  if (e.node().attr_word("layout") == "last") return refuse("its picture has the channels last");
  std::vector<int64_t> axes;
  for (int64_t a = 2; a < e.rank(); ++a) axes.push_back(a);
  e.result(operation, {{"x", {e.in(0)}}, {"axes", {e.list(axes)}}, {"keep_dims", {e.flag(true)}}});
  return {};
}

}  // namespace

const std::vector<OperatorRow> pooling_rows = {{"AveragePool", pool, "avg_pool"},
                                               {"GlobalAveragePool", whole_picture, "reduce_mean"},
                                               {"GlobalMaxPool", whole_picture, "reduce_max"},
                                               {"MaxPool", pool, "max_pool"}};

}  // namespace bantam::coreml
