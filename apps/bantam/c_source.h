// SPDX-License-Identifier: Apache-2.0
// A model file as C source, for programs without a file system.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace bantam {

// "net.h" and "net.c" hold a .btm, "net.tflite.h" a .tflite: the path of the model inside; "" where `path` is
// no C source.
std::string model_inside_c_source(const std::string& path);

// An array NAME, aligned to 64 bytes, with NAME_size and, where it is known, NAME_arena_bytes; NAME is the
// file's name with everything that C does not allow replaced by '_'. A header has static arrays; a .c file
// has external ones and shows their declarations.
std::string c_source(const std::string& path, const Bytes& model, uint64_t arena_bytes);

}  // namespace bantam
