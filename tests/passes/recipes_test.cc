// SPDX-License-Identifier: Apache-2.0
// The built-in recipes keep what their first lines say, on trained models.
#include <string_view>

#include "catch.h"
#include "ir/graph.h"
#include "trained_models.h"

namespace bantam {
namespace {

// Products by a constant weight that compute in integers, and those that do not.
std::pair<int, int> products(const Graph& graph) {
  std::pair<int, int> count;
  for (const Node* n : graph.nodes()) {
    if (n->op->quant != BT_QUANT_MACS || !n->input(1) || !n->input(1)->is_constant()) continue;
    const Value* x = n->input(0);
    const bool integer = x->quant && (x->dtype == BT_I8 || x->dtype == BT_I16);
    ++(integer ? count.first : count.second);
  }
  return count;
}

TEST_CASE("recipes for integers compute products in integers", "[passes]") {
  for (const char* name : {"digits_cnn", "textures", "denoise"})
    for (const char* recipe : {"int8", "small", "int16"}) {
      INFO(name << ", recipe " << recipe);
      const auto [integer, real] = products(converted(name, recipe));
      CHECK(integer > 0);
      // much of this model's noise comes from a value that next to nothing reads
      const bool is_spared = std::string_view(name) == "denoise" && std::string_view(recipe) == "int8";
      CHECK(real == (is_spared ? 1 : 0));
    }
}

TEST_CASE("recipes for floats compute products in floats", "[passes]") {
  for (const char* recipe : {"exact", "weights8", "smallest"}) {
    INFO("recipe " << recipe);
    const auto [integer, real] = products(converted("digits_cnn", recipe));
    CHECK(integer == 0);
    CHECK(real > 0);
  }
}

}  // namespace
}  // namespace bantam
