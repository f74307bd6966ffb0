// SPDX-License-Identifier: Apache-2.0
// Gives images the order of axes that ONNX and Core ML have: channels first. It undoes to-channels-last in a
// finished graph, float or lowered, for the writers of such formats.
//
//   %x.last = Transpose(%x) {perm=[0, 2, 3, 1]}
//   %q : i8 = Quantize(%x.last)                         =>   %q : i8 = Quantize(%x)
//   %c : i8 = Conv(%q, %w : i8) {layout="last"}              %c : i8 = Conv(%q, %w.first : i8)
//
// Transposes that led to channels last vanish with the operators that asked for them (pass/layouter.h). A quantized
// ConvTranspose in groups stays as it is, its scales have no axis in the other form; Transposes stand around it.
#include "pass/layouter.h"

namespace bantam {
namespace {

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) { return Layouter(graph, ImageOrder::first, ctx).run(); }

}  // namespace

extern constinit const Pass to_channels_first = make_pass<NoOptions, describe_nothing, run>(
    "Gives images the order of axes that ONNX has, channels first.", Effect::exact);

}  // namespace bantam
