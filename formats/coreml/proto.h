// SPDX-License-Identifier: Apache-2.0
// The generated Core ML messages, with warnings of generated code off. Include in formats/coreml only.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "coreml_model.pb.h"
#pragma GCC diagnostic pop
