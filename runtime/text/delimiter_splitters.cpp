#include "runtime/text/delimiter_splitters.h"

#include "runtime/text/unicode.h"
#include "runtime/text/unicode_traits.h"

namespace weft {
namespace {

template <typename IsDelimiter>
void split_at_characters(std::string_view text, Span range, SplitBehavior behavior,
                         std::vector<Span>& words, IsDelimiter is_delimiter) {
  SplitCollector collector(range, behavior, Delimiters::kMatches, words);
  for (std::int32_t at = range.begin; at < range.end;) {
    const Decoded next = decode_valid(text.data() + at);
    if (is_delimiter(next.code)) collector.match({at, at + next.length});
    at += next.length;
  }
  collector.finish();
}

}  // namespace

void Split::split(std::string_view text, Span range, std::vector<Span>& words) const {
  SplitCollector collector(range, behavior_, delimiters_, words);
  for (Span match = pattern_->find(text, range); match.begin < match.end;
       match = pattern_->find(text, {match.end, range.end})) {
    collector.match(match);
  }
  collector.finish();
}

void Punctuation::split(std::string_view text, Span range, std::vector<Span>& words) const {
  split_at_characters(text, range, behavior_, words,
                      [](char32_t c) { return unicode::has(c, unicode::kPunctuation); });
}

void Digits::split(std::string_view text, Span range, std::vector<Span>& words) const {
  split_at_characters(text, range, behavior_, words, [](char32_t c) {
    return (unicode::traits(c).flags & unicode::kNumeric) != 0;
  });
}

void DelimiterSplit::split(std::string_view text, Span range, std::vector<Span>& words) const {
  split_at_characters(text, range, SplitBehavior::kRemoved, words,
                      [this](char32_t c) { return c == delimiter_; });
}

std::unique_ptr<PreTokenizer> read_split(const JsonField& field) {
  return std::make_unique<Split>(read_pattern(field.member("pattern")),
                                 read_split_behavior(field.member("behavior")),
                                 field.flag("invert") ? Delimiters::kRest : Delimiters::kMatches);
}

std::unique_ptr<PreTokenizer> read_punctuation(const JsonField& field) {
  const auto behavior = field.find("behavior");
  return std::make_unique<Punctuation>(behavior ? read_split_behavior(*behavior)
                                                : SplitBehavior::kIsolated);
}

std::unique_ptr<PreTokenizer> read_digits(const JsonField& field) {
  return std::make_unique<Digits>(field.flag("individual_digits") ? SplitBehavior::kIsolated
                                                                  : SplitBehavior::kContiguous);
}

std::unique_ptr<PreTokenizer> read_delimiter_split(const JsonField& field) {
  return std::make_unique<DelimiterSplit>(field.character("delimiter"));
}

}  // namespace weft
