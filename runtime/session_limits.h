// What LoadOptions.limits leaves to the library.
#pragma once

#include "weft/session.h"

namespace weft {

/// `limits` with the threads and tokens that are 0 set to what the declarations promise.
inline SessionLimits resolved(SessionLimits limits) {
  if (limits.threads == 0) limits.threads = default_threads();
  if (limits.tokens == 0) limits.tokens = kTokensPerThread * limits.threads;
  return limits;
}

}  // namespace weft
