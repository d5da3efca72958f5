#include "perf/peak.h"

#include <immintrin.h>

#include <algorithm>
#include <utility>

namespace weft::perf {
namespace {

constexpr int kLoops = 40000;
constexpr int kChains = 10;  // latency 4 times two instructions a cycle, and two to spare

// Assembly, so that no compiler drops or fuses a step.
#define WEFT_CHAINS(step) \
  step(a0) step(a1) step(a2) step(a3) step(a4) step(a5) step(a6) step(a7) step(a8) step(a9)

[[gnu::target("avx512f")]] void run_avx512() {
  __m512 a0, a1, a2, a3, a4, a5, a6, a7, a8, a9;
  a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = a8 = a9 = _mm512_set1_ps(0.5f);
  const __m512 m = _mm512_set1_ps(0.5f);
  for (int i = 0; i < kLoops; ++i) {
#define WEFT_STEP(x) asm volatile("vfmadd213ps %1, %1, %0" : "+v"(x) : "v"(m));
    WEFT_CHAINS(WEFT_STEP)
#undef WEFT_STEP
  }
}

[[gnu::target("avx2,fma")]] void run_avx2() {
  __m256 a0, a1, a2, a3, a4, a5, a6, a7, a8, a9;
  a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = a8 = a9 = _mm256_set1_ps(0.5f);
  const __m256 m = _mm256_set1_ps(0.5f);
  for (int i = 0; i < kLoops; ++i) {
#define WEFT_STEP(x) asm volatile("vfmadd213ps %1, %1, %0" : "+x"(x) : "x"(m));
    WEFT_CHAINS(WEFT_STEP)
#undef WEFT_STEP
  }
}

void run_baseline() {
  __m128 a0, a1, a2, a3, a4, a5, a6, a7, a8, a9;
  a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = a8 = a9 = _mm_set1_ps(0.5f);
  const __m128 m = _mm_set1_ps(0.5f);
  for (int i = 0; i < kLoops; ++i) {
#define WEFT_STEP(x) asm volatile("mulps %1, %0\n\taddps %1, %0" : "+x"(x) : "x"(m));
    WEFT_CHAINS(WEFT_STEP)
#undef WEFT_STEP
  }
}

}  // namespace

double measure_core_peak(Isa isa) {
  const auto [run, lanes] = isa >= Isa::kAvx512 ? std::pair(&run_avx512, 16)
                            : isa == Isa::kAvx2 ? std::pair(&run_avx2, 8)
                                                : std::pair(&run_baseline, 4);
  double best = 0;
  for (int i = 0; i < 20; ++i) {
    const double begin = thread_seconds();
    run();
    best = std::max(best, 2.0 * lanes * kChains * kLoops / (thread_seconds() - begin));
  }
  return best;
}

}  // namespace weft::perf
