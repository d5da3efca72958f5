// Splitting of a normalised text into words: tokenizer.json's "pre_tokenizer". Each class equals
// the component of the same name in the reference.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "runtime/text/characters.h"
#include "runtime/text/json_field.h"

namespace weft {

class PreTokenizer {
 public:
  virtual ~PreTokenizer();
  /// Appends the words of text[range], valid UTF-8, in order, none of them empty.
  virtual void split(std::string_view text, Span range, std::vector<Span>& words) const = 0;
};

/// At white space, which is dropped; each punctuation character is a word.
class BertPreTokenizer final : public PreTokenizer {
 public:
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;
};

/// \w+|[^\w\s]+
class Whitespace final : public PreTokenizer {
 public:
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;
};

class WhitespaceSplit final : public PreTokenizer {
 public:
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;
};

/// Each punctuation character is a word ("behavior": "Isolated").
class Punctuation final : public PreTokenizer {
 public:
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;
};

/// Each step splits the words of the step before.
class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> steps)
      : steps_(std::move(steps)) {}
  void split(std::string_view text, Span range, std::vector<Span>& words) const override;

 private:
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

/// Throws Error(kUnsupported) naming a component that is not one of these.
std::unique_ptr<PreTokenizer> read_pre_tokenizer(const JsonField& field);

}  // namespace weft
