#include "ops/parallel.h"

#include <immintrin.h>
#include <sched.h>

namespace weft {

// The last to arrive starts the next generation. The others spin for about 20 us, which covers the
// imbalance of a stretch of operators, then yield so that an oversubscribed machine makes progress.
void Barrier::wait(int threads) noexcept {
  if (threads == 1) return;
  const std::uint32_t generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.store(generation + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; ++spins) {
    if (spins < 500) {
      _mm_pause();
    } else {
      sched_yield();
    }
  }
}

}  // namespace weft
