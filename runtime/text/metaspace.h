// Metaspace: spaces become a visible character, which words begin with (SentencePiece's U+2581).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/text/pre_tokenizer.h"

namespace weft {

enum class PrependScheme : std::uint8_t {
  kAlways,
  kFirst,  // only where the text begins
  kNever,
};

struct MetaspaceOptions {
  char32_t replacement = U'\u2581';
  PrependScheme prepend = PrependScheme::kAlways;
  bool split = true;
};

/// The fields of the pre-tokenizer and of the decoder of this name, legacy ones included.
MetaspaceOptions read_metaspace_options(const JsonField& field);

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(const MetaspaceOptions& options);
  void apply(WordList& list) const override;

 private:
  bool prepends(const AlignedText& text, Span word) const;
  void split(std::string_view text, std::vector<Span>& words) const;
  void write_word(const AlignedText& from, Span word, WordList& out) const;
  std::int32_t plain_end(std::string_view text, std::int32_t at) const;

  MetaspaceOptions options_;
  std::string replacement_;  // in UTF-8
};

std::unique_ptr<PreTokenizer> read_metaspace(const JsonField& field);

}  // namespace weft
