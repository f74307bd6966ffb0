// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

namespace bantam {

int exit_code(Code code) {
  switch (code) {
    case Code::gate: return 1;
    case Code::usage: return 2;
    case Code::bad_input: return 3;
    case Code::unsupported: return 4;
    case Code::io: return 5;
    case Code::internal: return 70;
  }
  return 70;
}

}  // namespace bantam
