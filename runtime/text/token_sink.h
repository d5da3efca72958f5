// Where tokens of one text go: the first `limit` are kept, the rest only counted, so that a text of
// any length needs memory for what is asked of it.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/text/characters.h"
#include "runtime/text/offset_trim.h"
#include "weft/tokenizer.h"

namespace weft {

enum class Offsets : std::uint8_t { kNone, kWanted };

class TokenSink {
 public:
  /// `limit` tokens at most, or kNoLimit. Writes ids and byte offsets of `out`, and, if `spaces` is
  /// not null, the spaces of each token.
  TokenSink(Encoding& out, std::int64_t limit, Offsets offsets,
            std::vector<TokenSpaces>* spaces = nullptr)
      : out_(out),
        limit_(limit == kNoLimit ? kEverything : limit),
        offsets_(offsets),
        spaces_(spaces) {}

  void add(std::int32_t id, Span source) {
    if (count_++ >= limit_) return;
    out_.ids.push_back(id);
    if (offsets_ == Offsets::kWanted) out_.byte_offsets.emplace_back(source.begin, source.end);
  }
  /// spaces_of() gives the token's TokenSpaces, if they are wanted.
  template <typename SpacesOf>
  void add(std::int32_t id, Span source, SpacesOf spaces_of) {
    if (spaces_ != nullptr && count_ < limit_) spaces_->push_back(spaces_of());
    add(id, source);
  }
  std::int64_t count() const noexcept { return count_; }
  Offsets offsets() const noexcept { return offsets_; }
  /// Takes back all but the first `count` tokens.
  void rewind(std::int64_t count) {
    count_ = count;
    if (static_cast<std::int64_t>(out_.ids.size()) <= count) return;
    out_.ids.resize(static_cast<std::size_t>(count));
    if (offsets_ == Offsets::kWanted) out_.byte_offsets.resize(static_cast<std::size_t>(count));
    if (spaces_ != nullptr) spaces_->resize(static_cast<std::size_t>(count));
  }

 private:
  static constexpr std::int64_t kEverything = INT64_MAX;
  Encoding& out_;
  std::int64_t limit_;
  Offsets offsets_;
  std::vector<TokenSpaces>* spaces_;
  std::int64_t count_ = 0;
};

}  // namespace weft
