#include "runtime/text/byte_level.h"

#include <array>

#include "runtime/text/word_patterns.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

struct ByteCharacter {
  char32_t code;
  std::array<char, 2> bytes;
  std::uint8_t length;
};

constexpr bool is_visible(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
}

// Visible bytes are themselves; the others follow from U+0100 on.
constexpr std::array<ByteCharacter, 256> make_alphabet() {
  std::array<ByteCharacter, 256> alphabet{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char32_t code = is_visible(byte) ? byte : next++;
    alphabet[byte].code = code;
    if (code < 0x80) {
      alphabet[byte].bytes = {static_cast<char>(code), 0};
      alphabet[byte].length = 1;
    } else {
      alphabet[byte].bytes = {static_cast<char>(0xC0 | code >> 6),
                              static_cast<char>(0x80 | (code & 0x3F))};
      alphabet[byte].length = 2;
    }
  }
  return alphabet;
}
constexpr std::array<ByteCharacter, 256> kAlphabet = make_alphabet();
static_assert(kAlphabet[' '].code == kByteLevelSpace);

constexpr char32_t kCodes = 0x144;
constexpr std::array<std::int16_t, kCodes> make_bytes() {
  std::array<std::int16_t, kCodes> bytes{};
  for (std::int16_t& byte : bytes) byte = -1;
  for (std::int16_t byte = 0; byte < 256; ++byte) {
    bytes[kAlphabet[static_cast<std::size_t>(byte)].code] = byte;
  }
  return bytes;
}
constexpr std::array<std::int16_t, kCodes> kBytes = make_bytes();

}  // namespace

std::string_view byte_character(unsigned char byte) noexcept {
  return {kAlphabet[byte].bytes.data(), kAlphabet[byte].length};
}

std::optional<unsigned char> byte_of_character(char32_t code) noexcept {
  if (code >= kCodes || kBytes[code] < 0) return std::nullopt;
  return static_cast<unsigned char>(kBytes[code]);
}

void ByteLevelWords::append_words(const AlignedText& text, Span range, WordList& out) const {
  for (std::int32_t at = range.begin; at < range.end;) {
    const std::int32_t stop = options_.use_regex ? match_gpt2(text.text, at, range.end) : range.end;
    const std::int32_t begin = out.text.size();
    for (; at < stop; ++at) {
      const auto i = static_cast<std::size_t>(at);
      out.text.text.append(byte_character(static_cast<unsigned char>(text.text[i])));
      out.text.sources.resize(out.text.text.size(), text.sources[i]);
    }
    out.words.push_back({begin, out.text.size()});
  }
}

void ByteLevelWords::apply(WordList& list) const {
  WordList out;
  const std::size_t size = list.text.text.size();
  out.text.text.reserve(size + size / 2);
  out.text.sources.reserve(size + size / 2);
  out.words.reserve(list.words.size());
  AlignedText prefixed;
  for (const Span word : list.words) {
    const auto begin = static_cast<std::size_t>(word.begin);
    if (!options_.add_prefix_space || list.text.text[begin] == ' ') {
      append_words(list.text, word, out);
      continue;
    }
    prefixed.text.clear();
    prefixed.sources.clear();
    prefixed.append(U' ', list.text.sources[begin]);
    prefixed.append(list.text, word);
    append_words(prefixed, {0, prefixed.size()}, out);
  }
  list = std::move(out);
}

void ByteLevelNormalizer::normalize(Characters& text) const {
  Characters result;
  result.reserve(text.size());
  std::string bytes;
  for (const Character& character : text) {
    bytes.clear();
    append_utf8(character.code, bytes);
    for (const char byte : bytes) {
      result.push_back({kAlphabet[static_cast<unsigned char>(byte)].code, character.source});
    }
  }
  text = std::move(result);
}

std::unique_ptr<PreTokenizer> read_byte_level_words(const JsonField& field) {
  ByteLevelOptions options;
  options.add_prefix_space = field.flag("add_prefix_space");
  options.use_regex = field.flag_or("use_regex", true);
  return std::make_unique<ByteLevelWords>(options);
}

}  // namespace weft
