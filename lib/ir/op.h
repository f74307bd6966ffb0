// SPDX-License-Identifier: Apache-2.0
// Operators by name. The list is generated from the files of lib/ops.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/op.h"

namespace bantam {

const bt_op* find_op(std::string_view name);  // null where there is none
std::vector<const bt_op*> all_ops();          // sorted by name
const std::vector<std::string>& op_names();

// Position of an attribute in the schema; -1 where the operator has none of that name.
int attr_index(const bt_op& op, std::string_view name);
int attr_count(const bt_op& op);
// Index of a word in a BT_ENUM's list; -1 where it is not one of them.
int word_index(const bt_attr_spec& spec, std::string_view word);
std::string word_at(const bt_attr_spec& spec, int64_t index);

}  // namespace bantam
