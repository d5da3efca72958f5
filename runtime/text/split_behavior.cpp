#include "runtime/text/split_behavior.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "runtime/utf8.h"

namespace weft {

SplitBehavior read_split_behavior(const JsonField& field) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames = {{
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  }};
  for (const auto& [name, behavior] : kNames) {
    if (field.as_text() == name) return behavior;
  }
  field.unsupported(fmt::format("{} is not supported", in_quotes(field.as_text())));
}

void SplitCollector::add(Span part, bool delimiter) {
  bool join = false;
  switch (behavior_) {
    case SplitBehavior::kRemoved:
      if (delimiter) return;
      break;
    case SplitBehavior::kIsolated: break;
    case SplitBehavior::kMergedWithPrevious: join = any_ && delimiter && !last_delimiter_; break;
    case SplitBehavior::kMergedWithNext: join = any_ && !delimiter && last_delimiter_; break;
    case SplitBehavior::kContiguous: join = any_ && delimiter == last_delimiter_; break;
  }
  if (join) {
    words_.back().end = part.end;
  } else {
    words_.push_back(part);
  }
  any_ = true;
  last_delimiter_ = delimiter;
}

}  // namespace weft
