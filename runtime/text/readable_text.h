// A caller's text as valid UTF-8, and the way from its bytes back to the caller's bytes and
// characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/characters.h"

namespace weft {

/// Every maximal ill-formed part (Unicode, section 3.9, "substitution of maximal subparts") reads
/// as U+FFFD. Well-formed text is not copied and must outlive this.
class ReadableText {
 public:
  /// Throws Error(kInvalidArgument) if the text, or what it becomes, has 2^31 bytes or more.
  explicit ReadableText(std::string_view text);
  ReadableText(const ReadableText&) = delete;
  ReadableText& operator=(const ReadableText&) = delete;

  std::string_view text() const noexcept { return text_; }

  using Pairs = std::vector<std::pair<std::int32_t, std::int32_t>>;
  /// `bytes` holds ranges of text(): gives their ranges in characters, and turns them into ranges
  /// of the caller's bytes. Linear in the text when the ranges are in order.
  void locate(Pairs& bytes, Pairs& characters) const;

 private:
  void repair(std::string_view text);

  std::string_view text_;
  bool ascii_ = true;
  std::string repaired_;
  struct Repair {
    std::int32_t repaired_end, original_end;  // after the replacement and the part it stands for
    std::int32_t original_begin;
  };
  std::vector<Repair> repairs_;
  std::int32_t original(std::int32_t byte) const;
};

}  // namespace weft
