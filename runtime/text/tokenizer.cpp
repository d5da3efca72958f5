// The straight line from a text to ids: added tokens cut the text, words are normalised and split,
// the model turns words into tokens, the limit cuts them, the template puts specials around them.
#include "weft/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/text/readable_text.h"
#include "runtime/text/token_sink.h"
#include "runtime/text/tokenizer_files.h"
#include "runtime/text/truncation.h"
#include "weft/error.h"

namespace weft {
namespace {

struct KnownId {
  std::int32_t id;
  std::string_view token;
};

// Ids in rising order. Throws if an id is taken by two tokens.
std::vector<KnownId> list_ids(const TokenizerParts& parts, const std::string& file) {
  const StringTable& vocabulary = parts.model->vocabulary();
  std::vector<KnownId> ids;
  ids.reserve(vocabulary.size() + parts.added_tokens.tokens().size());
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    ids.push_back({vocabulary.id(i), vocabulary.key(i)});
  }
  for (const AddedToken& added : parts.added_tokens.tokens()) {
    if (vocabulary.find(added.content) == StringTable::kMissing) {
      ids.push_back({added.id, added.content});
    }
  }
  const auto by_id = [](const KnownId& a, const KnownId& b) { return a.id < b.id; };
  if (!std::is_sorted(ids.begin(), ids.end(), by_id)) std::sort(ids.begin(), ids.end(), by_id);
  const auto twin =
      std::adjacent_find(ids.begin(), ids.end(), [](auto& a, auto& b) { return a.id == b.id; });
  if (twin != ids.end()) {
    throw Error(
        Reason::kCorruptFile,
        fmt::format("{}: added_tokens: id {}: expected one token, found two", file, twin->id));
  }
  return ids;
}

}  // namespace

struct Tokenizer::Impl {
  TokenizerParts parts;
  std::vector<KnownId> ids;  // views into parts
  LengthLimit model_max_length;

  std::int64_t limit(const TokenizeOptions& options, const Template& pieces) const;
  void tokens(std::string_view text, const TokenizeOptions& options, std::int64_t limit,
              Encoding& out, std::int64_t& count) const;
  void segment(std::string_view text, Span range, SpecialsInText specials, TokenSink& sink) const;
  void normalized_segment(std::string_view text, Span range, SpecialsInText specials,
                          TokenSink& sink) const;
};

// What is left for the tokens of the texts.
std::int64_t Tokenizer::Impl::limit(const TokenizeOptions& options, const Template& pieces) const {
  if (options.max_length == kNoLimit) return kNoLimit;
  const std::int64_t specials = options.add_special_tokens ? count_special_tokens(pieces) : 0;
  if (options.max_length < specials || options.max_length < 0) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("[tokenizer] max_length: expected at least {} for the special tokens, "
                            "found {}",
                            specials, options.max_length));
  }
  return options.max_length - specials;
}

void Tokenizer::Impl::normalized_segment(std::string_view text, Span range, SpecialsInText specials,
                                         TokenSink& sink) const {
  Characters characters;
  append_characters(text.substr(static_cast<std::size_t>(range.begin),
                                static_cast<std::size_t>(range.end - range.begin)),
                    range.begin, characters);
  if (parts.normalizer) parts.normalizer->normalize(characters);
  const AlignedText aligned = to_aligned_text(characters);
  std::vector<Segment> segments;
  parts.added_tokens.normalized().split(aligned.text, specials, segments);
  std::vector<Span> words;
  std::vector<Piece> pieces;
  for (const Segment& part : segments) {
    if (part.id != Segment::kText) {
      sink.add(part.id, aligned.source(part.range));
      continue;
    }
    words.clear();
    if (parts.pre_tokenizer) {
      parts.pre_tokenizer->split(aligned.text, part.range, words);
    } else {
      words.push_back(part.range);
    }
    for (const Span word : words) {
      pieces.clear();
      parts.model->tokenize(std::string_view(aligned.text)
                                .substr(static_cast<std::size_t>(word.begin),
                                        static_cast<std::size_t>(word.end - word.begin)),
                            pieces);
      for (const Piece& piece : pieces) {
        sink.add(piece.id, aligned.source({word.begin + piece.begin, word.begin + piece.end}));
      }
    }
  }
}

void Tokenizer::Impl::segment(std::string_view text, Span range, SpecialsInText specials,
                              TokenSink& sink) const {
  if (parts.bert_words) {
    const std::int64_t before = sink.count();
    if (parts.bert_words->tokenize(text, range, *parts.model, sink) == BertWords::Outcome::kDone) {
      return;
    }
    sink.rewind(before);
  }
  normalized_segment(text, range, specials, sink);
}

// The first `limit` tokens of a text with their offsets, no specials around them; `count` of all.
void Tokenizer::Impl::tokens(std::string_view text, const TokenizeOptions& options,
                             std::int64_t limit, Encoding& out, std::int64_t& count) const {
  const ReadableText readable(text);
  TokenSink sink(out, limit, options.want_offsets ? Offsets::kWanted : Offsets::kNone);
  std::vector<Segment> segments;
  parts.added_tokens.raw().split(readable.text(), options.specials_in_text, segments);
  for (const Segment& part : segments) {
    if (part.id != Segment::kText) {
      sink.add(part.id, part.range);
    } else {
      segment(readable.text(), part.range, options.specials_in_text, sink);
    }
  }
  count = sink.count();
  if (options.want_offsets) readable.locate(out.byte_offsets, out.offsets);
}

void Encoding::clear() {
  ids.clear();
  type_ids.clear();
  offsets.clear();
  byte_offsets.clear();
  truncated_tokens = 0;
}

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Tokenizer Tokenizer::load(const std::filesystem::path& directory) {
  auto impl = std::make_shared<Impl>();
  const std::filesystem::path file = directory / "tokenizer.json";
  impl->parts = read_tokenizer_json(file);
  impl->ids = list_ids(impl->parts, file.string());
  impl->model_max_length = read_model_max_length(directory / "tokenizer_config.json");
  return Tokenizer(std::move(impl));
}

Encoding Tokenizer::encode(std::string_view text, const TokenizeOptions& options) const {
  Encoding out;
  encode(text, options, out);
  return out;
}

void Tokenizer::encode(std::string_view text, const TokenizeOptions& options, Encoding& out) const {
  const Template& pieces = impl_->parts.post_processor.single();
  out.clear();
  std::int64_t count = 0;
  impl_->tokens(text, options, impl_->limit(options, pieces), out, count);
  out.truncated_tokens = count - static_cast<std::int64_t>(out.ids.size());
  apply_single(pieces, options, out);
}

Encoding Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                const TokenizeOptions& options) const {
  const Template& pieces = impl_->parts.post_processor.pair();
  const std::int64_t limit = impl_->limit(options, pieces);
  Encoding first_tokens, second_tokens, out;
  std::int64_t first_count = 0, second_count = 0;
  impl_->tokens(first, options, limit, first_tokens, first_count);
  impl_->tokens(second, options, limit, second_tokens, second_count);
  if (limit != kNoLimit) {
    const auto [first_kept, second_kept] = longest_first(first_count, second_count, limit);
    out.truncated_tokens = first_count - first_kept + second_count - second_kept;
    const auto cut = [&options](Encoding& tokens, std::int64_t kept) {
      const auto size = static_cast<std::size_t>(kept);
      tokens.ids.resize(size);
      if (!options.want_offsets) return;
      tokens.offsets.resize(size);
      tokens.byte_offsets.resize(size);
    };
    cut(first_tokens, first_kept);
    cut(second_tokens, second_kept);
  }
  apply_pair(pieces, options, first_tokens, second_tokens, out);
  return out;
}

std::int64_t Tokenizer::vocabulary_size() const { return std::int64_t{impl_->ids.back().id} + 1; }

std::optional<std::int32_t> Tokenizer::token_to_id(std::string_view token) const {
  const std::int32_t id = impl_->parts.model->vocabulary().find(token);
  if (id != StringTable::kMissing) return id;
  for (const AddedToken& added : impl_->parts.added_tokens.tokens()) {
    if (added.content == token) return added.id;
  }
  return std::nullopt;
}

std::string Tokenizer::id_to_token(std::int32_t id) const {
  const auto found =
      std::lower_bound(impl_->ids.begin(), impl_->ids.end(), id,
                       [](const KnownId& known, std::int32_t wanted) { return known.id < wanted; });
  if (found == impl_->ids.end() || found->id != id) {
    throw Error(Reason::kOutOfRange,
                fmt::format("[tokenizer] id: expected one of the vocabulary's, found {}", id));
  }
  return std::string(found->token);
}

std::optional<std::int64_t> Tokenizer::model_max_length() const {
  const LengthLimit& limit = impl_->model_max_length;
  return limit.kind == LengthLimit::Kind::kTokens ? std::optional(limit.tokens) : std::nullopt;
}

std::optional<std::int64_t> Tokenizer::default_max_length() const {
  if (impl_->model_max_length.kind == LengthLimit::Kind::kAbsent) {
    return impl_->parts.truncation_length;
  }
  return model_max_length();
}

std::int64_t Tokenizer::special_tokens(int texts) const {
  const PostProcessor& processor = impl_->parts.post_processor;
  if (texts != 1 && texts != 2) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("[tokenizer] texts: expected 1 or 2, found {}", texts));
  }
  return count_special_tokens(texts == 1 ? processor.single() : processor.pair());
}

bool Tokenizer::ends_with_special() const {
  const TemplatePiece& last = impl_->parts.post_processor.single().back();
  return last.kind == TemplatePiece::Kind::kSpecial && !last.ids.empty();
}

}  // namespace weft
