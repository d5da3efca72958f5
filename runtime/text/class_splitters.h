// Pre-tokenizers that cut where the class of characters changes.
#pragma once

#include "runtime/text/pre_tokenizer.h"

namespace weft {

/// At white space, which is dropped; each punctuation character is a word.
class BertPreTokenizer final : public Splitter {
 public:
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;
};

/// \w+|[^\w\s]+
class Whitespace final : public Splitter {
 public:
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;
};

class WhitespaceSplit final : public Splitter {
 public:
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;
};

/// Where the script changes; Han, Hiragana and Katakana are one. Characters of no script go with
/// those before them, and are dropped before the first that has one, as in the reference.
class UnicodeScripts final : public Splitter {
 public:
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;
};

}  // namespace weft
