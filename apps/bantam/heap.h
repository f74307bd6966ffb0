// SPDX-License-Identifier: Apache-2.0
// The program's own settings of the C library's heap.
#pragma once

namespace bantam {

// Makes the C library keep memory that is given back, for what asks next, and have it in large pages where the
// system gives them on demand. Called once by main(), before anything large is allocated.
void prepare_heap();

}  // namespace bantam
