#include "ops/isa.h"

namespace weft {

namespace {

// What -march=haswell lets the compiler use, beyond the baseline.
bool has_avx2_family() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") &&
         __builtin_cpu_supports("movbe") && __builtin_cpu_supports("popcnt");
}

}  // namespace

// __builtin_cpu_supports looks at CPUID and, for the AVX families, at XGETBV too.
bool isa_available(Isa isa) noexcept {
  __builtin_cpu_init();
  switch (isa) {
    case Isa::kBaseline:
      return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    case Isa::kAvx2: return has_avx2_family();
    case Isa::kAvx512:
      return has_avx2_family() && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
  }
  return false;
}

}  // namespace weft
