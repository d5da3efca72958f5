// BertNormalizer and BertPreTokenizer in one pass from text to words: the fast path, of which the
// two classes are the plain form. ASCII goes through a table of 128 entries, anything else through
// one look-up of its properties and one of its mapping; nothing is allocated per word.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/text/normalizer.h"
#include "runtime/text/token_model.h"
#include "runtime/text/token_sink.h"

namespace weft {

class BertWords {
 public:
  explicit BertWords(const BertNormalizerOptions& options);

  enum class Outcome : std::uint8_t {
    kDone,
    kOutOfOrder,  // marks that canonical ordering may move: nothing of this text counts
  };
  /// Tokens of text[range], valid UTF-8, into `sink`.
  Outcome tokenize(std::string_view text, Span range, const TokenModel& model,
                   TokenSink& sink) const;

 private:
  class Run;
  enum class Role : std::uint8_t { kWord, kDropped, kSpace, kPunctuation };
  struct Ascii {
    Role role;
    char mapped;
  };
  BertNormalizerOptions options_;
  std::array<Ascii, 128> ascii_;
};

}  // namespace weft
