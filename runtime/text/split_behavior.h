// What becomes of the delimiters that a text is cut at ("behavior" in tokenizer.json).
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/text/characters.h"
#include "runtime/text/json_field.h"

namespace weft {

/// Of "the-final--countdown" cut at "-":
enum class SplitBehavior : std::uint8_t {
  kRemoved,             // the final countdown
  kIsolated,            // the - final - - countdown
  kMergedWithPrevious,  // the- final- - countdown
  kMergedWithNext,      // the -final - -countdown
  kContiguous,          // the - final -- countdown
};

SplitBehavior read_split_behavior(const JsonField& field);

/// Which of the parts of a text are the delimiters.
enum class Delimiters : std::uint8_t { kMatches, kRest };

/// Takes the matches of a pattern in text[range], in order, and appends the words.
class SplitCollector {
 public:
  SplitCollector(Span range, SplitBehavior behavior, Delimiters delimiters,
                 std::vector<Span>& words)
      : behavior_(behavior),
        delimiters_(delimiters),
        done_(range.begin),
        end_(range.end),
        words_(words) {}
  void match(Span match) {
    rest_until(match.begin);
    add(match, delimiters_ == Delimiters::kMatches);
    done_ = match.end;
  }
  void finish() { rest_until(end_); }

 private:
  void rest_until(std::int32_t begin) {
    if (done_ < begin) add({done_, begin}, delimiters_ == Delimiters::kRest);
  }
  void add(Span part, bool delimiter);

  SplitBehavior behavior_;
  Delimiters delimiters_;
  std::int32_t done_, end_;
  bool any_ = false;             // a part came before
  bool last_delimiter_ = false;  // and it was a delimiter
  std::vector<Span>& words_;
};

}  // namespace weft
