// SPDX-License-Identifier: Apache-2.0
// Gives images the order of axes that the kernels work on: channels last.
//
//   %c = Conv(%x, %w)                   =>   %x.last = Transpose(%x) {perm=[0, 2, 3, 1]}
//                                            %c = Conv(%x.last, %w.last) {layout="last"}
//
// Operators between two convolutions follow (pass/layouter.h). A note says how many Transposes are left; inside
// a plain CNN it is none.
#include "pass/layouter.h"

namespace bantam {
namespace {

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) { return Layouter(graph, ImageOrder::last, ctx).run(); }

}  // namespace

extern constinit const Pass to_channels_last = make_pass<NoOptions, describe_nothing, run>(
    "Gives images the order of axes that the kernels work on, channels last.", Effect::exact);

}  // namespace bantam
