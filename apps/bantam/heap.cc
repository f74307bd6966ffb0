// SPDX-License-Identifier: Apache-2.0
// Tensors of some megabytes come and go by the hundred. By default each is mapped by itself and unmapped again, and
// the system clears every page of 4 kB anew: a sixth of the time of a short conversion. Nothing of this is needed:
// without glibc, or where a call fails, all goes on as before.
#include "apps/bantam/heap.h"

#ifdef __GLIBC__
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace bantam {
namespace {

// From this size on, the largest that is allowed, blocks stay maps of their own.
constexpr int kMapped = 32 << 20;
// Free memory that stays on top of the heap.
constexpr int kKept = 64 << 20;
// What small models need stays in small pages, of which they touch few.
constexpr uintptr_t kSmall = 4 << 20;
constexpr uintptr_t kLargePage = 2 << 20;

}  // namespace

void prepare_heap() {
  mallopt(M_MMAP_THRESHOLD, kMapped);
  mallopt(M_TRIM_THRESHOLD, kKept);
  // Grows the heap at once, by addresses only, so that the advice can be given for it.
  mallopt(M_TOP_PAD, kKept);
  const auto before = reinterpret_cast<uintptr_t>(sbrk(0));
  void* volatile first = std::malloc(1 << 20);
  std::free(first);
  mallopt(M_TOP_PAD, 1 << 20);
  const auto after = reinterpret_cast<uintptr_t>(sbrk(0));
  const uintptr_t from = (before + kSmall + kLargePage - 1) / kLargePage * kLargePage;
  if (from < after) madvise(reinterpret_cast<void*>(from), after - from, MADV_HUGEPAGE);
}

}  // namespace bantam
#else
namespace bantam {
void prepare_heap() {}
}  // namespace bantam
#endif
