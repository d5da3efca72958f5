// The SSE control register of a worker: set for the time of a run, put back afterwards.
#pragma once

#include <xmmintrin.h>

namespace weft {

/// Flushes denormals, rounds to nearest and masks exceptions while it lives, on this thread only.
class FloatingPointState {
 public:
  FloatingPointState() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(0x1f80u | 0x8040u); }
  ~FloatingPointState() { _mm_setcsr(saved_); }
  FloatingPointState(const FloatingPointState&) = delete;
  FloatingPointState& operator=(const FloatingPointState&) = delete;

 private:
  unsigned saved_;
};

}  // namespace weft
