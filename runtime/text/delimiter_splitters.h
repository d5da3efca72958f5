// Pre-tokenizers that cut at delimiters: Split, Punctuation, Digits, Delimiter.
#pragma once

#include <memory>

#include "runtime/text/pattern.h"
#include "runtime/text/pre_tokenizer.h"
#include "runtime/text/split_behavior.h"

namespace weft {

/// At the matches of a pattern, or, inverted, at what is between them.
class Split final : public Splitter {
 public:
  Split(std::unique_ptr<Pattern> pattern, SplitBehavior behavior, Delimiters delimiters)
      : pattern_(std::move(pattern)), behavior_(behavior), delimiters_(delimiters) {}
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;

 private:
  std::unique_ptr<Pattern> pattern_;
  SplitBehavior behavior_;
  Delimiters delimiters_;
};

/// At every punctuation character.
class Punctuation final : public Splitter {
 public:
  explicit Punctuation(SplitBehavior behavior) : behavior_(behavior) {}
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;

 private:
  SplitBehavior behavior_;
};

/// At numeric characters: each is a word (kIsolated), or each run of them (kContiguous).
class Digits final : public Splitter {
 public:
  explicit Digits(SplitBehavior behavior) : behavior_(behavior) {}
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;

 private:
  SplitBehavior behavior_;
};

/// At one character, which is dropped.
class DelimiterSplit final : public Splitter {
 public:
  explicit DelimiterSplit(char32_t delimiter) : delimiter_(delimiter) {}
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;

 private:
  char32_t delimiter_;
};

std::unique_ptr<PreTokenizer> read_split(const JsonField& field);
std::unique_ptr<PreTokenizer> read_punctuation(const JsonField& field);
std::unique_ptr<PreTokenizer> read_digits(const JsonField& field);
std::unique_ptr<PreTokenizer> read_delimiter_split(const JsonField& field);

}  // namespace weft
