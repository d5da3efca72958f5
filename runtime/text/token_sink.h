// Where tokens of one text go: the first `limit` are kept, the rest only counted, so that a text of
// any length needs memory for what is asked of it.
#pragma once

#include <cstdint>

#include "runtime/text/characters.h"
#include "weft/tokenizer.h"

namespace weft {

enum class Offsets : std::uint8_t { kNone, kWanted };

class TokenSink {
 public:
  /// `limit` tokens at most, or kNoLimit. Writes ids and byte offsets of `out`.
  TokenSink(Encoding& out, std::int64_t limit, Offsets offsets)
      : out_(out), limit_(limit == kNoLimit ? kEverything : limit), offsets_(offsets) {}

  void add(std::int32_t id, Span source) {
    if (count_++ >= limit_) return;
    out_.ids.push_back(id);
    if (offsets_ == Offsets::kWanted) out_.byte_offsets.emplace_back(source.begin, source.end);
  }
  std::int64_t count() const noexcept { return count_; }
  Offsets offsets() const noexcept { return offsets_; }
  /// Takes back all but the first `count` tokens.
  void rewind(std::int64_t count) {
    count_ = count;
    if (static_cast<std::int64_t>(out_.ids.size()) <= count) return;
    out_.ids.resize(static_cast<std::size_t>(count));
    if (offsets_ == Offsets::kWanted) out_.byte_offsets.resize(static_cast<std::size_t>(count));
  }

 private:
  static constexpr std::int64_t kEverything = INT64_MAX;
  Encoding& out_;
  std::int64_t limit_;
  Offsets offsets_;
  std::int64_t count_ = 0;
};

}  // namespace weft
