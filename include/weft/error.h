// The one exception type of weft. Thrown at the public edge, by readers and when a graph is built;
// kernels and a running forward pass never throw.
#pragma once

#include <stdexcept>
#include <string>

#include "weft/export.h"

namespace weft {

/// Why a call failed; stable across versions, for programs to act on.
enum class Reason {
  kInvalidArgument,
  kOutOfRange,
  kNotFound,
  kCorruptFile,
  kUnsupported,
  kResourceExhausted,
  kIoError,
  kFailedPrecondition,
  kCancelled,
  kDeadlineExceeded,
  kInternal,
};

/// A failed call. `what()` is one line that names the file, tensor, field or argument, what was
/// expected and what was found, for example
/// `[linear] encoder.layer.3.output.dense.weight: expected 768 x 3072, file has 768 x 512`.
/// A failed call leaves its object as it was.
class WEFT_API Error : public std::runtime_error {
 public:
  Error(Reason reason, const std::string& message) : std::runtime_error(message), reason_(reason) {}
  ~Error() override;

  Reason reason() const noexcept { return reason_; }

 private:
  Reason reason_;
};

/// The reason in the spelling of status codes, e.g. "CORRUPT_FILE". Never null.
WEFT_API const char* to_string(Reason reason) noexcept;

}  // namespace weft
