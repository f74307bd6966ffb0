// SPDX-License-Identifier: Apache-2.0
// Computes at once what does not depend on the model's inputs: nodes that read constants only, and
// shape arithmetic whose result follows from the shapes that are known.
//
//   %s = Shape(%x)                     =>   const %y = [3]      where %x : f32[1,3,8,8]
//   %y = Gather(%s, %one)
//
// The file never grows by it: a result may have as many bytes as the constants that become free
// (alone, or with the other readers of the constant that go as well), and a few more (a small constant takes no more than the node did). So the Expand that makes a
// large mask out of a number stays. Random operators stay. A Reshape gets a constant shape where
// all lengths but one are known or copied, and a Resize constant factors where each length is, so
// that the arithmetic around a batch of any size goes as well. Work and memory are bounded, whatever the graph: what would take longer is left to the
// device.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "ir/call.h"
#include "ir/evaluate.h"
#include "ir/infer.h"
#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

constexpr int64_t kFreeBytes = 64;                  // about what a node, its values and names take
constexpr size_t kMostReaders = 64;                 // of a constant, for the bound to be worth a look
constexpr double kMostSteps = 1 << 28;              // multiply-adds or elements, of one node
constexpr double kMostStepsInAll = 1 << 30;         // about a second
constexpr size_t kScratchBytes = size_t{16} << 20;  // what computing may need besides the result

class Folder {
 public:
  Folder(Graph& graph, PassContext& ctx) : graph_(graph), ctx_(ctx) {}

  Result<bool> run() {
    for (Node* node : graph_.nodes()) {
      if (!ctx_.selected(*node)) continue;
      if (node->is("Reshape")) TRY(state_shape(*node));
      if (node->is("Resize")) state_scales(*node);
      visit(*node);
    }
    if (changed_) TRY(infer_graph(graph_));  // shapes that depended on the folded values
    return changed_;
  }

 private:
  static bool is_wanted(const Value* v) { return v && (!v->uses().empty() || v->is_output()); }

  Result<void> state_shape(Node& node) {
    if (node.inputs[1]->is_constant() || node.inputs[1]->known) return {};
    const auto target = reshape_target(node.inputs[0], node.output());
    if (!target) return {};
    const std::string name = node.output()->name + ".shape";
    graph_.set_input(&node, 1, graph_.add_constant(name, Tensor::vector_of(*target)));
    changed_ = true;
    return node.set_attr("allowzero", int64_t{0});
  }

  // Computed lengths, of an image whose other axes (the batch) keep theirs, as constant factors.
  void state_scales(Node& node) {
    const Value *x = node.inputs[0], *sizes = node.input(3);
    if (!sizes || sizes->is_constant() || sizes->known || !x->shape || !node.output()->shape) return;
    if (!node.attr_ints("axes").empty() || node.attr_word("keep_aspect_ratio_policy") != "stretch") return;
    std::vector<float> scales;
    for (size_t i = 0; i < x->shape->size(); ++i) {
      const int64_t in = (*x->shape)[i], out = (*node.output()->shape)[i];
      const bool copied = in == out && in != -1;
      if (!copied && (in < 1 || out < 1)) return;
      scales.push_back(copied ? 1.0f : static_cast<float>(out) / static_cast<float>(in));
      if (!copied && static_cast<float>(in) * scales.back() != static_cast<float>(out)) return;  // places would move
    }
    Value* constant = graph_.add_constant(node.output()->name + ".scales", Tensor::of_floats({static_cast<int64_t>(scales.size())}, scales));
    graph_.set_input(&node, 2, constant);
    graph_.set_input(&node, 3, nullptr);
    changed_ = true;
  }

  void visit(Node& node) {
    if (node.op->flags & (BT_OP_RANDOM | BT_OP_SUBGRAPH)) return;
    bool wanted = false, known = true, constant = true, quantized = false;
    for (const Value* v : node.outputs) {
      if (v) quantized = quantized || v->quant;
      if (!is_wanted(v)) continue;
      wanted = true;
      known = known && v->known;
    }
    for (const Value* v : node.inputs) {
      if (!v) continue;
      constant = constant && v->is_constant();
      quantized = quantized || (v->quant && !moved_quant(node));
    }
    if (!wanted || quantized || !(known || constant)) return;
    const int64_t allowed = kFreeBytes + freed_bytes(node);
    if (stated_bytes(node) > allowed) return;
    std::vector<Tensor> results;
    if (known) {
      for (const Value* v : node.outputs) results.push_back(v && v->known ? *v->known : Tensor());
    } else {
      const double steps = steps_of(node);
      if (steps > kMostSteps || steps_ + steps > kMostStepsInAll) return;
      steps_ += steps;
      auto computed = evaluate_node(node, static_cast<size_t>(allowed) * 2 + kScratchBytes);
      if (!computed.ok()) {
        ctx_.note(node, "is not folded: " + computed.error().message);
        return;
      }
      results = std::move(*computed);
    }
    replace(node, std::move(results), allowed);
  }

  void replace(Node& node, std::vector<Tensor> results, int64_t allowed) {
    int64_t bytes = 0;
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (is_wanted(node.outputs[i])) bytes += static_cast<int64_t>(results[i].bytes().size());
    if (bytes > allowed) return;  // the shape depended on the values
    const auto quant = moved_quant(node);
    for (size_t i = 0; i < results.size(); ++i)
      if (Value* v = node.outputs[i]; is_wanted(v)) {
        graph_.make_constant(v, std::move(results[i]));
        v->quant = quant;
      }
    graph_.erase(&node);
    changed_ = true;
  }

  // The annotation of a weight that is only moved: the result is stored in the same integers.
  static std::shared_ptr<const Quant> moved_quant(const Node& node) {
    const Value* x = node.input(0);
    if (!x || !x->quant || node.op->quant != BT_QUANT_SAME || node.outputs.size() != 1)
      return nullptr;
    if (x->quant->axis < 0) return x->quant;
    const auto perm = node.is("Transpose") ? node.attr_ints("perm") : std::vector<int64_t>();
    const auto at = std::find(perm.begin(), perm.end(), int64_t{x->quant->axis});
    if (at == perm.end()) return nullptr;
    Quant q = *x->quant;
    q.axis = static_cast<int>(at - perm.begin());
    return std::make_shared<const Quant>(std::move(q));
  }

  static bool reads_constants_only(const Node& n) {
    if (n.op->flags & (BT_OP_RANDOM | BT_OP_SUBGRAPH)) return false;
    return std::all_of(n.inputs.begin(), n.inputs.end(), [](const Value* v) { return !v || v->is_constant(); });
  }

  // Bytes of the constants that become free: of those that nobody else reads, and of those whose readers
  // will all be folded (the gates of a recurrent weight that an exporter slices apart and puts together in
  // another order) a share by the size of the result.
  static int64_t freed_bytes(const Node& node) {
    int64_t bytes = 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Value* v = node.inputs[i];
      if (!v || !v->is_constant() || v->is_output()) continue;
      const auto first = std::find(node.inputs.begin(), node.inputs.end(), v) - node.inputs.begin();
      if (first != static_cast<std::ptrdiff_t>(i)) continue;
      if (v->uses().size() > kMostReaders) continue;
      bool all_go = true;
      int64_t made = 0;
      for (const Use& u : v->uses()) {
        all_go = all_go && (u.node == &node || reads_constants_only(*u.node));
        made += stated_bytes(*u.node);
      }
      const auto size = static_cast<double>(v->constant->bytes().size());
      const auto own = static_cast<double>(stated_bytes(node));
      const bool alone = std::all_of(v->uses().begin(), v->uses().end(), [&](const Use& u) { return u.node == &node; });
      if (alone) bytes += static_cast<int64_t>(size);
      else if (all_go && made > 0) bytes += static_cast<int64_t>(std::ceil(size * own / static_cast<double>(made)));
    }
    return bytes;
  }

  // As far as the shapes tell; 0 where they do not.
  static int64_t stated_bytes(const Node& node) {
    int64_t bytes = 0;
    for (const Value* v : node.outputs) {
      if (!is_wanted(v) || !v->shape || !is_known(*v->shape)) continue;
      const int64_t count = element_count(*v->shape);
      if (count > (int64_t{1} << 40)) return count;
      bytes += count * static_cast<int64_t>(bt_dtype_size(v->dtype));
    }
    return bytes;
  }

  // A bound of the work: multiply-adds where the operator counts them; elements where it goes over
  // them once; their square where nothing is known of it.
  static double steps_of(const Node& node) {
    if (node.op->macs) return static_cast<double>(multiply_adds(node));
    double elements = 0;
    for (const auto& list : {node.inputs, node.outputs})
      for (const Value* v : list)
        if (v && v->shape && is_known(*v->shape))
          elements += static_cast<double>(element_count(*v->shape));
    const bool linear = node.op->layout != BT_LAYOUT_FIXED || (node.op->flags & BT_OP_VIEW) ||
                        node.op->quant == BT_QUANT_SAME || node.op->quant == BT_QUANT_JOIN;
    return linear ? elements : elements * elements;
  }

  Graph& graph_;
  PassContext& ctx_;
  double steps_ = 0;
  bool changed_ = false;
};

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  return Folder(graph, ctx).run();
}

}  // namespace

extern constinit const Pass fold_constants = make_pass<NoOptions, describe_nothing, run>(
    "Computes what does not depend on the inputs, where the file does not grow.", Effect::exact);

}  // namespace bantam
