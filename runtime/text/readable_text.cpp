#include "runtime/text/readable_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::size_t kMaxBytes = std::numeric_limits<std::int32_t>::max();
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void check_size(std::size_t bytes) {
  if (bytes > kMaxBytes) {
    throw Error(
        Reason::kInvalidArgument,
        fmt::format("[tokenizer] text: expected at most {} bytes, found {}", kMaxBytes, bytes));
  }
}

std::size_t ascii_length(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t block;
    std::memcpy(&block, text.data() + at, 8);
    if (block & 0x8080808080808080u) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

std::size_t valid_length(std::string_view text) {
  std::size_t at = 0;
  while (true) {
    at += ascii_length(text.substr(at));
    std::size_t length = 0;
    while (at < text.size() && (length = utf8_length(text.substr(at))) > 1) at += length;
    if (at == text.size() || length == 0) return at;
  }
}

// Length of the maximal subpart that begins an ill-formed text: the bytes of it that could begin a
// well-formed character, at least one (Unicode, table 3-7).
std::size_t ill_formed_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0xC2 || first > 0xF4 || text.size() < 2) return 1;
  unsigned low = 0x80, high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  if (byte(1) < low || byte(1) > high) return 1;
  const std::size_t whole = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  std::size_t length = 2;
  while (length < whole && length < text.size() && (byte(length) & 0xC0) == 0x80) ++length;
  return length;
}

bool is_character_begin(char byte) { return (byte & 0xC0) != 0x80; }

}  // namespace

ReadableText::ReadableText(std::string_view text) : text_(text) {
  check_size(text.size());
  if (ascii_length(text) == text.size()) return;
  ascii_ = false;
  if (valid_length(text) != text.size()) repair(text);
}

void ReadableText::repair(std::string_view text) {
  repaired_.reserve(text.size());
  std::size_t at = 0;
  while (true) {
    const std::size_t valid = valid_length(text.substr(at));
    repaired_.append(text.substr(at, valid));
    at += valid;
    if (at == text.size()) break;
    const std::size_t bad = ill_formed_length(text.substr(at));
    repaired_.append(kReplacement);
    check_size(repaired_.size());
    repairs_.push_back({static_cast<std::int32_t>(repaired_.size()),
                        static_cast<std::int32_t>(at + bad), static_cast<std::int32_t>(at)});
    at += bad;
  }
  check_size(repaired_.size());
  text_ = repaired_;
}

std::int32_t ReadableText::original(std::int32_t byte) const {
  const auto after =
      std::upper_bound(repairs_.begin(), repairs_.end(), byte,
                       [](std::int32_t b, const Repair& r) { return b < r.repaired_end; });
  // The begin of a replacement is the begin of what it stands for; ranges never cut one.
  if (after != repairs_.end() &&
      byte == after->repaired_end - static_cast<std::int32_t>(kReplacement.size())) {
    return after->original_begin;
  }
  if (after == repairs_.begin()) return byte;
  const Repair& last = *(after - 1);
  return last.original_end + (byte - last.repaired_end);
}

void ReadableText::locate(Pairs& bytes, Pairs& characters) const {
  if (ascii_) {
    characters = bytes;
    return;
  }
  std::int32_t at = 0, count = 0;  // characters that begin before byte `at`
  const auto characters_before = [&](std::int32_t byte) {
    for (; at < byte; ++at) count += is_character_begin(text_[static_cast<std::size_t>(at)]);
    for (; at > byte; --at) count -= is_character_begin(text_[static_cast<std::size_t>(at) - 1]);
    return count;
  };
  characters.resize(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto& [begin, end] = bytes[i];
    characters[i].first = characters_before(begin);
    characters[i].second = characters_before(end);
    if (repairs_.empty()) continue;
    begin = original(begin);
    end = original(end);
  }
}

}  // namespace weft
