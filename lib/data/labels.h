// SPDX-License-Identifier: Apache-2.0
// Class numbers of samples, from .csv files and arrays.
//
// A .csv file has one line for each sample: `file,label` for a folder of files, `label` alone for arrays (in
// the order of their first axis). A first line of these words is skipped; fields may stand in quotes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ir/tensor.h"

namespace bantam {

// One label for each of `files`, in their order. Every file must be named; lines that name other files are
// counted in `unused`. Errors say the line.
Result<std::vector<int64_t>> labels_of_files(const Bytes& csv, const std::vector<std::string>& files, int64_t* unused);

Result<std::vector<int64_t>> labels_of_rows(const Bytes& csv);

// An array of integers [n] or [n,1,...].
Result<std::vector<int64_t>> labels_of_array(const Tensor& array);

}  // namespace bantam
