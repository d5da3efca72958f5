// The straight line from a text to ids: added tokens cut the text, the rest is normalised and split
// into words, the model turns words into tokens.
#include "runtime/text/text_tokens.h"

#include "runtime/text/byte_level.h"
#include "runtime/text/readable_text.h"

namespace weft {
namespace {

std::string_view part_of(std::string_view text, Span range) {
  return text.substr(static_cast<std::size_t>(range.begin),
                     static_cast<std::size_t>(range.end - range.begin));
}

// One text on its way.
class Run {
 public:
  Run(const TokenizerParts& parts, std::string_view text, SpecialsInText specials, TokenSink& sink)
      : parts_(parts), text_(text), specials_(specials), sink_(sink) {}

  void tokenize() {
    std::vector<Segment> segments;
    parts_.added_tokens.raw().split(text_, specials_, segments);
    for (const Segment& part : segments) {
      if (part.id == Segment::kText) {
        segment(part.range);
      } else {
        sink_.add(part.id, part.range, [&] { return count_spaces(part_of(text_, part.range)); });
      }
    }
  }

 private:
  void segment(Span range) {
    if (parts_.bert_words) {
      const std::int64_t before = sink_.count();
      if (parts_.bert_words->tokenize(text_, range, *parts_.model, sink_) ==
          BertWords::Outcome::kDone) {
        return;
      }
      sink_.rewind(before);
    }
    AlignedText normal = normalized(range);
    const AddedTokenMatcher& matcher = parts_.added_tokens.normalized();
    if (matcher.empty()) {
      const Span whole{0, normal.size()};
      return words({std::move(normal), {whole}});
    }
    std::vector<Segment> segments;
    matcher.split(normal.text, specials_, segments);
    for (const Segment& part : segments) {
      if (part.id != Segment::kText) {
        sink_.add(part.id, normal.source(part.range),
                  [&] { return count_spaces(part_of(normal.text, part.range)); });
        continue;
      }
      WordList list;
      list.text.append(normal, part.range);
      list.words.push_back({0, list.text.size()});
      words(std::move(list));
    }
  }

  AlignedText normalized(Span range) const {
    AlignedText text(part_of(text_, range), range.begin);
    if (parts_.normalizer) parts_.normalizer->apply(text);
    return text;
  }

  void words(WordList list) {
    if (list.text.text.empty()) return;
    if (parts_.pre_tokenizer) parts_.pre_tokenizer->apply(list);
    if (list.byte_level && !parts_.model->reads_bytes()) spell_bytes(list);
    for (const Span word : list.words) {
      if (list.byte_level) {
        pieces_.clear();
        parts_.model->tokenize_bytes(part_of(list.text.text, word), pieces_);
        add_pieces(list, word.begin);
        continue;
      }
      for (Span part = word; part.begin < word.end; part.begin = part.end) {
        const std::string_view rest = part_of(list.text.text, {part.begin, word.end});
        const std::size_t size = parts_.model->first_part(rest);
        part.end = part.begin + static_cast<std::int32_t>(size);
        pieces_.clear();
        parts_.model->tokenize(rest.substr(0, size), pieces_);
        add_pieces(list, part.begin);
      }
    }
  }

  // Tokens of a word that lies at byte `begin`.
  void add_pieces(const WordList& list, std::int32_t begin) {
    if (sink_.offsets() == Offsets::kNone) {
      for (const Piece& piece : pieces_) sink_.add(piece.id, {});
      return;
    }
    for (const Piece& piece : pieces_) {
      const Span range{begin + piece.begin, begin + piece.end};
      sink_.add(piece.id, list.text.source(range), [&] {
        return piece.id == surface_id_ ? count_spaces(part_of(list.text.text, range))
                                       : parts_.spaces_of(piece.id);
      });
    }
  }

  const TokenizerParts& parts_;
  std::string_view text_;
  SpecialsInText specials_;
  TokenSink& sink_;
  std::optional<std::int32_t> surface_id_ = parts_.model->surface_id();
  std::vector<Piece> pieces_;
};

enum class Place : std::uint8_t { kAsFound, kFirst };

void trim(const TokenizerParts& parts, std::string_view text,
          const std::vector<TokenSpaces>& spaces, Place place, OffsetPairs& ranges) {
  for (const FirstSpace rule : parts.post_processor.trims()) {
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      auto& [begin, end] = ranges[i];
      const bool first = place == Place::kFirst || i == 0 || begin == 0;
      const Span trimmed = trim_offsets(text, {begin, end}, spaces[i], rule, first);
      ranges[i] = {trimmed.begin, trimmed.end};
    }
  }
}

}  // namespace

void tokenize_text(const TokenizerParts& parts, std::string_view text,
                   const TokenizeOptions& options, std::int64_t limit, WindowBegins begins,
                   TextTokens& out) {
  const ReadableText readable(text);
  const bool trims = options.want_offsets && !parts.post_processor.trims().empty();
  std::vector<TokenSpaces> spaces;
  TokenSink sink(out.tokens, limit, options.want_offsets ? Offsets::kWanted : Offsets::kNone,
                 trims ? &spaces : nullptr);
  Run(parts, readable.text(), options.specials_in_text, sink).tokenize();
  out.count = sink.count();
  if (!options.want_offsets) return;
  if (trims && begins == WindowBegins::kAnywhere) {
    out.first_byte_offsets = out.tokens.byte_offsets;
    trim(parts, readable.text(), spaces, Place::kFirst, out.first_byte_offsets);
    readable.locate(out.first_byte_offsets, out.first_offsets);
  }
  if (trims) trim(parts, readable.text(), spaces, Place::kAsFound, out.tokens.byte_offsets);
  readable.locate(out.tokens.byte_offsets, out.tokens.offsets);
}

void copy_window(const TextTokens& all, std::int64_t begin, std::int64_t end, Encoding& out) {
  const auto copy = [&](const auto& from, auto& to) {
    if (!from.empty()) to.assign(from.begin() + begin, from.begin() + end);
  };
  copy(all.tokens.ids, out.ids);
  copy(all.tokens.offsets, out.offsets);
  copy(all.tokens.byte_offsets, out.byte_offsets);
  if (begin == end || all.first_offsets.empty()) return;
  const auto first = static_cast<std::size_t>(begin);
  out.offsets[0] = all.first_offsets[first];
  out.byte_offsets[0] = all.first_byte_offsets[first];
}

}  // namespace weft
