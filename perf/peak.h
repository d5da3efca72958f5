// The f32 peak of one core at an instruction-set level, by a loop of independent multiply-adds.
#pragma once

#include <ctime>

#include "weft/types.h"

namespace weft::perf {

/// Seconds of processor time of this thread: other load on the machine does not count.
inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// flop/s, the best of 20 runs of about 1 ms.
double measure_core_peak(Isa isa);

}  // namespace weft::perf
