// GPT-2's bytes as visible characters: each byte of a text becomes one of 256 characters, so that a
// vocabulary of strings covers every text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "runtime/text/normalizer.h"
#include "runtime/text/pre_tokenizer.h"

namespace weft {

/// The character of a byte in UTF-8: one byte or two.
std::string_view byte_character(unsigned char byte) noexcept;
/// The byte that a character stands for.
std::optional<unsigned char> byte_of_character(char32_t code) noexcept;
/// Writes a text out that is `byte_level`.
void spell_bytes(WordList& list);
/// What a space becomes.
inline constexpr char32_t kByteLevelSpace = U'\u0120';

struct ByteLevelOptions {
  bool add_prefix_space = true;  // as the fields of these names in tokenizer.json
  bool use_regex = true;
};

/// Gives a list that is `byte_level`.
class ByteLevelWords final : public PreTokenizer {
 public:
  explicit ByteLevelWords(const ByteLevelOptions& options) : options_(options) {}
  void apply(WordList& list) const override;

 private:
  ByteLevelOptions options_;
};

class ByteLevelNormalizer final : public Normalizer {
 public:
  void normalize(Characters& text) const override;
};

std::unique_ptr<PreTokenizer> read_byte_level_words(const JsonField& field);

}  // namespace weft
