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

namespace {

void put_spaces_before(WordList& list) {
  const auto lacks_space = [&list](Span word) {
    return list.text.text[static_cast<std::size_t>(word.begin)] != ' ';
  };
  if (list.words.size() == 1 && list.words[0] == Span{0, list.text.size()}) {
    if (lacks_space(list.words[0])) list.text.prepend(" ");
    list.words[0].end = list.text.size();
    return;
  }
  WordList out;
  out.words.reserve(list.words.size());
  for (const Span word : list.words) {
    const std::int32_t begin = out.text.size();
    if (lacks_space(word)) out.text.append(U' ', list.text.source(word.begin));
    out.text.append(list.text, word);
    out.words.push_back({begin, out.text.size()});
  }
  list = std::move(out);
}

}  // namespace

void ByteLevelWords::apply(WordList& list) const {
  if (options_.add_prefix_space) put_spaces_before(list);
  list.byte_level = true;
  if (!options_.use_regex) return;
  std::vector<Span> words;
  words.reserve(list.text.text.size() / 4);
  for (const Span word : list.words) {
    for (std::int32_t at = word.begin; at < word.end;) {
      const std::int32_t end = match_gpt2(list.text.text, at, word.end);
      words.push_back({at, end});
      at = end;
    }
  }
  list.words = std::move(words);
}

void spell_bytes(WordList& list) {
  WordList out;
  out.text.text.reserve(list.text.text.size() * 3 / 2);
  out.words.reserve(list.words.size());
  for (const Span word : list.words) {
    const std::int32_t begin = out.text.size();
    for (std::int32_t at = word.begin; at < word.end; ++at) {
      const auto byte = static_cast<unsigned char>(list.text.text[static_cast<std::size_t>(at)]);
      out.text.append(kAlphabet[byte].code, list.text.source(at));
    }
    out.words.push_back({begin, out.text.size()});
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
