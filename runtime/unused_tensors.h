// What the description of a model says of tensors that the checkpoint has and the model does not
// use.
#pragma once

#include <fmt/format.h>

namespace weft {

/// Adds a warning to `info`, a ModelInfo or EncoderDecoderInfo, if it has unexpected tensors.
template <typename Info>
void warn_of_unused_tensors(Info& info) {
  if (info.unexpected_tensors.empty()) return;
  info.warnings.push_back(fmt::format("{} tensors of the checkpoint are not used, the first is {}",
                                      info.unexpected_tensors.size(), info.unexpected_tensors[0]));
}

}  // namespace weft
