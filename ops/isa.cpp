#include "ops/isa.h"

#include "ops/tile_probe.h"

namespace weft {

namespace {

// What -march=haswell lets the compiler use, beyond the baseline.
bool has_avx2_family() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") &&
         __builtin_cpu_supports("movbe") && __builtin_cpu_supports("popcnt");
}

bool has_avx512_family() {
  return has_avx2_family() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}

bool has_amx() {
  return isa_available(Isa::kAvx512Bf16) && __builtin_cpu_supports("amx-tile") &&
         __builtin_cpu_supports("amx-bf16") && __builtin_cpu_supports("amx-int8") && tiles_work();
}

}  // namespace

// __builtin_cpu_supports looks at CPUID and, for the AVX families and AMX, at XGETBV too.
bool isa_available(Isa isa) noexcept {
  __builtin_cpu_init();
  switch (isa) {
    case Isa::kBaseline:
      return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    case Isa::kAvx2: return has_avx2_family();
    case Isa::kAvx512: return has_avx512_family();
    case Isa::kAvx512Vnni: return has_avx512_family() && __builtin_cpu_supports("avx512vnni");
    case Isa::kAvx512Bf16:
      return isa_available(Isa::kAvx512Vnni) && __builtin_cpu_supports("avx512bf16");
    case Isa::kAmx: {
      static const bool has = has_amx();
      return has;
    }
  }
  return false;
}

}  // namespace weft
