#include "runtime/text/characters.h"

#include <fmt/format.h>

#include <limits>

#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {

void append_characters(std::string_view text, std::int32_t base, Characters& out) {
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < size;) {
    const Decoded next = decode_valid(text.data() + at);
    out.push_back({next.code, {base + at, base + at + next.length}});
    at += next.length;
  }
}

std::int32_t AlignedText::size() const {
  constexpr std::size_t kMax = std::numeric_limits<std::int32_t>::max();
  if (text.size() > kMax) {
    throw Error(Reason::kResourceExhausted,
                fmt::format("[tokenizer] text: expected at most {} bytes when normalised, found {}",
                            kMax, text.size()));
  }
  return static_cast<std::int32_t>(text.size());
}

void AlignedText::append(char32_t code, Span from) {
  append_utf8(code, text);
  sources.resize(text.size(), from);
}

void AlignedText::append(const AlignedText& other, Span range) {
  text.append(other.text, static_cast<std::size_t>(range.begin),
              static_cast<std::size_t>(range.end - range.begin));
  sources.insert(sources.end(), other.sources.begin() + range.begin,
                 other.sources.begin() + range.end);
}

AlignedText to_aligned_text(std::string_view text, std::int32_t base) {
  AlignedText result;
  result.text = text;
  result.sources.resize(text.size());
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < size;) {
    const std::int32_t length = decode_valid(text.data() + at).length;
    const Span source{base + at, base + at + length};
    for (const std::int32_t end = at + length; at < end; ++at) {
      result.sources[static_cast<std::size_t>(at)] = source;
    }
  }
  return result;
}

AlignedText to_aligned_text(std::span<const Character> characters) {
  AlignedText result;
  result.text.reserve(characters.size());
  result.sources.reserve(characters.size());
  for (const Character& character : characters) {
    append_utf8(character.code, result.text);
    result.sources.resize(result.text.size(), character.source);
  }
  return result;
}

void rewrite(Characters& text, std::span<const Rewritten> result) {
  Characters rewritten;
  rewritten.reserve(result.size());
  std::size_t next = 0;  // the first old character that is not yet replaced
  for (const Rewritten& one : result) {
    Span source{0, 0};
    if (one.change > 0) {
      if (next > 0) source = text[next - 1].source;
    } else {
      source = text[next].source;
      next += 1 + static_cast<std::size_t>(-one.change);
    }
    rewritten.push_back({one.code, source});
  }
  text = std::move(rewritten);
}

}  // namespace weft
