// SPDX-License-Identifier: Apache-2.0
// Resize and its ancestors, and the defaults of RoiAlign that changed.
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

// Upsample-7 has its scales as an attribute, Upsample-9 as an input; both mean Resize with
// coordinates that are simply divided.
Result<void> upsample(NodeSink& sink, OnnxNode& n) {
  Value* scales = n.input(1);
  if (n.has("scales")) {
    const std::vector<float> list = n.take_floats("scales");
    scales = sink.graph().add_constant(n.outputs[0] + ".scales",
                                       Tensor::of_floats({static_cast<int64_t>(list.size())}, list));
  }
  n.op = "Resize";
  n.inputs = {n.input(0), nullptr, scales};
  n.attrs["coordinate_transformation_mode"] = std::string("asymmetric");
  n.attrs["nearest_mode"] = std::string("floor");
  return {};
}

Result<void> resize(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  if (n.opset >= 11) return {};
  n.inputs = {n.input(0), nullptr, n.input(1)};  // Resize-10 had no roi
  n.attrs["coordinate_transformation_mode"] = std::string("asymmetric");
  n.attrs["nearest_mode"] = std::string("floor");
  return {};
}

Result<void> roi_align(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  if (n.opset < 16) n.attrs["coordinate_transformation_mode"] = std::string("output_half_pixel");
  return {};
}

// GridSample-16 called the interpolations bilinear and bicubic.
Result<void> grid_sample(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  const std::string mode = n.take_text("mode", "linear");
  n.attrs["mode"] = mode == "bilinear" ? std::string("linear") : mode == "bicubic" ? std::string("cubic") : mode;
  return {};
}

}  // namespace

const Upgrade image_upgrades[] = {{"", "Upsample", upsample},
                                  {"", "Resize", resize},
                                  {"", "RoiAlign", roi_align},
                                  {"", "GridSample", grid_sample},
                                  {"", nullptr, nullptr}};

}  // namespace bantam
