// What became of a packed cache, in the info of a model of one or several compiled graphs.
#pragma once

#include <algorithm>

#include "weft/model.h"

namespace weft {

/// Info: ModelInfo or EncoderDecoderInfo. Each note becomes a warning, once.
template <typename Info>
void add_cache_report(const CacheReport& report, Info& info) {
  info.cache_state = std::max(info.cache_state, report.state);
  if (!report.file.empty()) info.cache_files.push_back(report.file);
  for (const std::string& note : report.notes) {
    const auto found = std::find(info.warnings.begin(), info.warnings.end(), note);
    if (found == info.warnings.end()) info.warnings.push_back(note);
  }
}

}  // namespace weft
