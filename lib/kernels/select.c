/* SPDX-License-Identifier: Apache-2.0
   Which tables exist and which of them this CPU can run. The tables are put together once, on first
   use, in the same way in every process. */
#include <stdatomic.h>
#include <string.h>

#include "kernels/tables.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

/* ---- what the CPU and the operating system offer ---- */

enum {
  CPU_AVX2 = 1 << 0, /* with FMA and F16C */
  CPU_AVXVNNI = 1 << 1,
  CPU_AVX512 = 1 << 2, /* F, BW, VL and DQ */
  CPU_AVX512VNNI = 1 << 3,
  CPU_NEON = 1 << 4,
  CPU_NEONDOT = 1 << 5
};

#if defined(BT_SIMULATED) /* tests/simulated: everything runs, but not at speed */

static int detect_cpu(void) { return CPU_AVX2 | CPU_AVXVNNI | CPU_AVX512 | CPU_AVX512VNNI; }

#elif defined(__x86_64__) || defined(__i386__)

/* Registers that the operating system saves at a task switch: an instruction set is of no use
   without them. */
static unsigned saved_state(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static int has_bits(unsigned value, unsigned bits) { return (value & bits) == bits; }

static int detect_cpu(void) {
  enum { YMM_STATE = 0x6, ZMM_STATE = 0xe6 };
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  const unsigned fma = 1u << 12, osxsave = 1u << 27, f16c = 1u << 29;
  if (!has_bits(c, fma | osxsave | f16c)) return 0;
  const unsigned state = saved_state();
  if (!has_bits(state, YMM_STATE) || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  const unsigned avx2 = 1u << 5;
  if (!has_bits(b, avx2)) return 0;
  int found = CPU_AVX2;
  const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
  if (has_bits(state, ZMM_STATE) && has_bits(b, avx512)) {
    found |= CPU_AVX512;
    if (c & 1u << 11) found |= CPU_AVX512VNNI;
  }
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4)) found |= CPU_AVXVNNI;
  return found;
}

#elif defined(__aarch64__)

static int has_dot_product(void) {
#if defined(__linux__)
  enum { ASIMDDP = 1 << 20 }; /* HWCAP_ASIMDDP, which old headers do not define */
  return (getauxval(AT_HWCAP) & ASIMDDP) != 0;
#elif defined(__APPLE__)
  int value = 0;
  size_t size = sizeof value;
  return !sysctlbyname("hw.optional.arm.FEAT_DotProd", &value, &size, NULL, 0) && value;
#elif defined(__ARM_FEATURE_DOTPROD)
  return 1;
#else
  return 0;
#endif
}

static int detect_cpu(void) { return CPU_NEON | (has_dot_product() ? CPU_NEONDOT : 0); }

#else

static int detect_cpu(void) { return 0; }

#endif

/* ---- the tables ---- */

/* An install function that this build lacks is NULL. */
#if !defined(BT_HAVE_AVX2)
#define BT_HAVE_AVX2 0
#define bt_install_products_avx2 NULL
#define bt_install_rows_avx2 NULL
#endif
#if !defined(BT_HAVE_AVXVNNI)
#define BT_HAVE_AVXVNNI 0
#define bt_install_products_avxvnni NULL
#endif
#if !defined(BT_HAVE_AVX512)
#define BT_HAVE_AVX512 0
#define bt_install_products_avx512 NULL
#define bt_install_rows_avx512 NULL
#endif
#if !defined(BT_HAVE_AVX512VNNI)
#define BT_HAVE_AVX512VNNI 0
#define bt_install_products_avx512vnni NULL
#endif
#if !defined(BT_HAVE_NEON)
#define BT_HAVE_NEON 0
#define bt_install_products_neon NULL
#define bt_install_rows_neon NULL
#endif
#if !defined(BT_HAVE_NEONDOT)
#define BT_HAVE_NEONDOT 0
#define bt_install_products_neondot NULL
#endif

/* What one instruction set adds; NULL where there is nothing to improve. */
typedef struct layer {
  void (*products)(bt_kernels* k);
  void (*rows)(bt_kernels* k);
} layer;

static const layer scalar = {bt_install_products_scalar, bt_install_rows_scalar};
static const layer avx2 = {bt_install_products_avx2, bt_install_rows_avx2};
static const layer avxvnni = {bt_install_products_avxvnni, NULL};
static const layer avx512 = {bt_install_products_avx512, bt_install_rows_avx512};
static const layer avx512vnni = {bt_install_products_avx512vnni, NULL};
static const layer neon = {bt_install_products_neon, bt_install_rows_neon};
static const layer neondot = {bt_install_products_neondot, NULL};

enum { LAYERS = 4 }; /* of the tallest table */

typedef struct recipe {
  const char* name;
  int built;                   /* this build has the files */
  int needs;                   /* of the CPU */
  const layer* layers[LAYERS]; /* installed in this order */
} recipe;

/* From plain to fast. */
static const recipe recipes[] = {
    {"scalar", 1, 0, {&scalar}},
    {"avx2", BT_HAVE_AVX2, CPU_AVX2, {&scalar, &avx2}},
    {"avxvnni", BT_HAVE_AVXVNNI, CPU_AVX2 | CPU_AVXVNNI, {&scalar, &avx2, &avxvnni}},
    {"avx512", BT_HAVE_AVX512, CPU_AVX2 | CPU_AVX512, {&scalar, &avx2, &avx512}},
    {"avx512vnni",
     BT_HAVE_AVX512VNNI,
     CPU_AVX2 | CPU_AVX512 | CPU_AVX512VNNI,
     {&scalar, &avx2, &avx512, &avx512vnni}},
    {"neon", BT_HAVE_NEON, CPU_NEON, {&scalar, &neon}},
    {"neondot", BT_HAVE_NEONDOT, CPU_NEON | CPU_NEONDOT, {&scalar, &neon, &neondot}},
};

enum { RECIPES = sizeof recipes / sizeof recipes[0] };

static bt_kernels tables[RECIPES]; /* those that can run come first */
static int table_count;

static void build_tables(void) {
  const int cpu = detect_cpu();
  for (int i = 0; i < RECIPES; ++i) {
    const recipe* r = &recipes[i];
    if (!r->built || (cpu & r->needs) != r->needs) continue;
    bt_kernels* k = &tables[table_count++];
    k->name = r->name;
    for (int l = 0; l < LAYERS && r->layers[l]; ++l) {
      if (r->layers[l]->products) r->layers[l]->products(k);
      if (r->layers[l]->rows) r->layers[l]->rows(k);
    }
  }
}

/* The first caller builds; others wait for the few microseconds that this takes. */
static void need_tables(void) {
  enum { ABSENT, IN_WORK, READY };
  static atomic_int state = ABSENT;
  if (atomic_load_explicit(&state, memory_order_acquire) == READY) return;
  int expected = ABSENT;
  if (atomic_compare_exchange_strong(&state, &expected, IN_WORK)) {
    build_tables();
    atomic_store_explicit(&state, READY, memory_order_release);
  } else {
    while (atomic_load_explicit(&state, memory_order_acquire) != READY) continue;
  }
}

const bt_kernels* bt_kernels_best(void) {
  need_tables();
  return &tables[table_count - 1];
}

const bt_kernels* bt_kernels_named(const char* name) {
  need_tables();
  for (int i = 0; i < table_count; ++i)
    if (!strcmp(tables[i].name, name)) return &tables[i];
  return NULL;
}

const bt_kernels* bt_kernels_at(int i) {
  need_tables();
  return i >= 0 && i < table_count ? &tables[i] : NULL;
}

const char* bt_kernels_known(int i) { return i >= 0 && i < RECIPES ? recipes[i].name : NULL; }
