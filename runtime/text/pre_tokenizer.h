// Splitting of a normalised text into words: tokenizer.json's "pre_tokenizer". Each class equals
// the component of the same name in the reference; one file each, registered in pre_tokenizer.cpp.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "runtime/text/characters.h"
#include "runtime/text/json_field.h"

namespace weft {

/// A text and its words: ranges of its bytes, in order, none empty, all of whole characters.
struct WordList {
  AlignedText text;
  std::vector<Span> words;
  /// The text stands for the characters of its bytes (byte_level.h): models that read bytes need
  /// not have it written out.
  bool byte_level = false;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer();
  /// Splits each word; may also write the text anew.
  virtual void apply(WordList& list) const = 0;
};

/// A pre-tokenizer that leaves the text as it is.
class Splitter : public PreTokenizer {
 public:
  void apply(WordList& list) const final;
  /// Appends the words of text[range], valid UTF-8, in order, none of them empty.
  virtual void split(std::string_view text, Span range, std::vector<Span>& words) const = 0;
};

/// Each step splits the words of the step before.
class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> steps)
      : steps_(std::move(steps)) {}
  void apply(WordList& list) const override;

 private:
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

/// Throws Error(kUnsupported) naming a component that is not one of these.
std::unique_ptr<PreTokenizer> read_pre_tokenizer(const JsonField& field);

}  // namespace weft
