#include "runtime/text/truncation.h"

#include <fmt/format.h>

#include "weft/error.h"

namespace weft {

std::int64_t share_limit(std::int64_t tokens, std::int64_t limit, TruncationStrategy strategy) {
  if (tokens <= limit) return tokens;
  if (strategy == TruncationStrategy::kOnlySecond) {
    throw Error(Reason::kInvalidArgument,
                "[tokenizer] truncation: expected a second text to cut, found one text only");
  }
  return limit;
}

std::pair<std::int64_t, std::int64_t> share_limit(std::int64_t first, std::int64_t second,
                                                  std::int64_t limit, TruncationStrategy strategy) {
  if (first + second <= limit) return {first, second};
  if (strategy == TruncationStrategy::kLongestFirst) return longest_first(first, second, limit);
  const bool cuts_first = strategy == TruncationStrategy::kOnlyFirst;
  const std::int64_t other = cuts_first ? second : first;
  if (other >= limit && limit > 0) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("[tokenizer] truncation: expected the {} text, which stays whole, to "
                            "have fewer than {} tokens, found {}",
                            cuts_first ? "second" : "first", limit, other));
  }
  if (limit == 0) return {0, 0};  // as the reference does
  return cuts_first ? std::pair{limit - second, second} : std::pair{first, limit - first};
}

std::vector<Window> cut_windows(std::int64_t tokens, std::int64_t size, std::int64_t stride,
                                TruncationSide side) {
  if (tokens <= size) return {{0, tokens}};
  if (stride < 0 || stride >= size) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("[tokenizer] stride: expected a number in [0, {}), the tokens of a "
                            "window, found {}",
                            size, stride));
  }
  std::vector<Window> windows;
  if (side == TruncationSide::kRight) {
    for (std::int64_t begin = 0; windows.empty() || windows.back().end < tokens;
         begin += size - stride) {
      windows.push_back({begin, std::min(begin + size, tokens)});
    }
  } else {
    for (std::int64_t end = tokens; windows.empty() || windows.back().begin > 0;
         end -= size - stride) {
      windows.push_back({std::max<std::int64_t>(end - size, 0), end});
    }
  }
  return windows;
}

}  // namespace weft
