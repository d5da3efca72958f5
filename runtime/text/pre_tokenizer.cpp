#include "runtime/text/pre_tokenizer.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "runtime/text/byte_level.h"
#include "runtime/text/class_splitters.h"
#include "runtime/text/delimiter_splitters.h"
#include "runtime/text/metaspace.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

using Pointer = std::unique_ptr<PreTokenizer>;

template <typename Component>
Pointer read_plain(const JsonField&) {
  return std::make_unique<Component>();
}

Pointer read_sequence(const JsonField& field) {
  std::vector<Pointer> steps;
  for (const JsonField& step : field.list("pretokenizers")) {
    steps.push_back(read_pre_tokenizer(step));
  }
  return std::make_unique<PreTokenizerSequence>(std::move(steps));
}

using Reader = std::pair<std::string_view, Pointer (*)(const JsonField&)>;
constexpr std::array kReaders = {
    Reader{"BertPreTokenizer", read_plain<BertPreTokenizer>},
    Reader{"ByteLevel", read_byte_level_words},
    Reader{"CharDelimiterSplit", read_delimiter_split},
    Reader{"Delimiter", read_delimiter_split},
    Reader{"Digits", read_digits},
    Reader{"Metaspace", read_metaspace},
    Reader{"Punctuation", read_punctuation},
    Reader{"Sequence", read_sequence},
    Reader{"Split", read_split},
    Reader{"UnicodeScripts", read_plain<UnicodeScripts>},
    Reader{"Whitespace", read_plain<Whitespace>},
    Reader{"WhitespaceSplit", read_plain<WhitespaceSplit>},
};

}  // namespace

PreTokenizer::~PreTokenizer() = default;

void Splitter::apply(WordList& list) const {
  std::vector<Span> words;
  words.reserve(list.words.size());
  for (const Span word : list.words) split(list.text.text, word, words);
  list.words = std::move(words);
}

void PreTokenizerSequence::apply(WordList& list) const {
  for (const auto& step : steps_) {
    if (list.byte_level) spell_bytes(list);
    step->apply(list);
  }
}

std::unique_ptr<PreTokenizer> read_pre_tokenizer(const JsonField& field) {
  const std::string& type = field.text("type");
  for (const auto& [name, read] : kReaders) {
    if (name == type) return read(field);
  }
  field.unsupported(fmt::format("pre-tokenizer {} is not supported", in_quotes(type)));
}

}  // namespace weft
