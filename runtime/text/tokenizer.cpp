// Tokens of one or two texts, cut at the limit, with the template's specials around them.
#include "weft/tokenizer.h"

#include <fmt/format.h>

#include <string>

#include "runtime/files.h"
#include "runtime/text/text_tokens.h"
#include "runtime/text/tokenizer_files.h"
#include "runtime/text/truncation.h"
#include "weft/error.h"

namespace weft {

struct Tokenizer::Impl {
  TokenizerParts parts;
  TokenizerConfig config;

  std::int64_t limit(const TokenizeOptions& options, const Template& pieces) const;
  void single(const TokenizeOptions& options, Encoding& tokens) const {
    apply_single(parts.post_processor.single(), options, tokens);
  }
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

namespace {

// From the right only the tokens that are kept need memory.
std::int64_t tokens_to_keep(const TokenizeOptions& options, std::int64_t limit) {
  return options.truncation_side == TruncationSide::kRight ? limit : kNoLimit;
}

WindowBegins begins_of(const TokenizeOptions& options) {
  return options.truncation_side == TruncationSide::kRight ? WindowBegins::kAtFirst
                                                           : WindowBegins::kAnywhere;
}

// Cuts to `kept` of all tokens.
void keep(TextTokens& all, std::int64_t kept, TruncationSide side) {
  Encoding& tokens = all.tokens;
  if (side == TruncationSide::kLeft && kept < all.count) {
    Encoding out;
    copy_window(all, all.count - kept, all.count, out);
    tokens = std::move(out);
    return;
  }
  const auto size = static_cast<std::size_t>(kept);
  tokens.ids.resize(size);
  if (!tokens.offsets.empty()) tokens.offsets.resize(size);
  if (!tokens.byte_offsets.empty()) tokens.byte_offsets.resize(size);
}

/// Many older checkpoints hold only what tokenizer.json is made from: the error says how.
void require_tokenizer_json(const std::filesystem::path& directory) {
  if (is_there(directory / "tokenizer.json")) return;
  for (const char* source : {"vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model",
                             "spm.model", "tokenizer.model"}) {
    if (!is_there(directory / source)) continue;
    throw Error(Reason::kUnsupported,
                fmt::format("{}: expected tokenizer.json, found only {}, which is not read: "
                            "transformers' AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR) "
                            "makes the one of the other",
                            directory.string(), source));
  }
}

}  // namespace

void Encoding::clear() {
  ids.clear();
  type_ids.clear();
  offsets.clear();
  byte_offsets.clear();
  truncated_tokens = 0;
}

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Tokenizer Tokenizer::load(const std::filesystem::path& directory) {
  require_tokenizer_json(directory);
  auto impl = std::make_shared<Impl>();
  impl->parts = read_tokenizer_json(directory / "tokenizer.json");
  impl->config = read_tokenizer_config(directory / "tokenizer_config.json");
  return Tokenizer(std::move(impl));
}

Encoding Tokenizer::encode(std::string_view text, const TokenizeOptions& options) const {
  Encoding out;
  encode(text, options, out);
  return out;
}

void Tokenizer::encode(std::string_view text, const TokenizeOptions& options, Encoding& out) const {
  const std::int64_t limit = impl_->limit(options, impl_->parts.post_processor.single());
  TextTokens all;
  std::swap(all.tokens, out);  // its memory is reused
  all.tokens.clear();
  tokenize_text(impl_->parts, text, options, tokens_to_keep(options, limit), begins_of(options),
                all);
  if (limit != kNoLimit && limit < all.count) {
    keep(all, share_limit(all.count, limit, options.truncation), options.truncation_side);
  }
  std::swap(all.tokens, out);
  out.truncated_tokens = all.count - static_cast<std::int64_t>(out.ids.size());
  impl_->single(options, out);
}

Encoding Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                const TokenizeOptions& options) const {
  const Template& pieces = impl_->parts.post_processor.pair();
  const std::int64_t limit = impl_->limit(options, pieces);
  TextTokens first_tokens, second_tokens;
  const std::int64_t most = tokens_to_keep(options, limit);
  tokenize_text(impl_->parts, first, options, most, begins_of(options), first_tokens);
  tokenize_text(impl_->parts, second, options, most, begins_of(options), second_tokens);
  Encoding out;
  if (limit != kNoLimit) {
    const auto [first_kept, second_kept] =
        share_limit(first_tokens.count, second_tokens.count, limit, options.truncation);
    out.truncated_tokens = first_tokens.count - first_kept + second_tokens.count - second_kept;
    keep(first_tokens, first_kept, options.truncation_side);
    keep(second_tokens, second_kept, options.truncation_side);
  }
  apply_pair(pieces, options, first_tokens.tokens, second_tokens.tokens, out);
  return out;
}

std::vector<Encoding> Tokenizer::encode_windows(std::string_view text,
                                                const TokenizeOptions& options) const {
  const std::int64_t limit = impl_->limit(options, impl_->parts.post_processor.single());
  TextTokens all;
  tokenize_text(impl_->parts, text, options, kNoLimit, WindowBegins::kAnywhere, all);
  const std::int64_t size =
      limit == kNoLimit ? all.count : share_limit(all.count, limit, options.truncation);
  std::vector<Encoding> result;
  for (const Window window :
       cut_windows(all.count, size, options.stride, options.truncation_side)) {
    Encoding& out = result.emplace_back();
    copy_window(all, window.begin, window.end, out);
    impl_->single(options, out);
  }
  result.front().truncated_tokens = all.count - size;
  return result;
}

std::vector<Encoding> Tokenizer::encode_pair_windows(std::string_view first,
                                                     std::string_view second,
                                                     const TokenizeOptions& options) const {
  const Template& pieces = impl_->parts.post_processor.pair();
  const std::int64_t limit = impl_->limit(options, pieces);
  TextTokens first_all, second_all;
  tokenize_text(impl_->parts, first, options, kNoLimit, WindowBegins::kAnywhere, first_all);
  tokenize_text(impl_->parts, second, options, kNoLimit, WindowBegins::kAnywhere, second_all);
  std::pair<std::int64_t, std::int64_t> sizes{first_all.count, second_all.count};
  if (limit != kNoLimit) {
    sizes = share_limit(first_all.count, second_all.count, limit, options.truncation);
  }
  const auto side = options.truncation_side;
  const auto first_windows = cut_windows(first_all.count, sizes.first, options.stride, side);
  const auto second_windows = cut_windows(second_all.count, sizes.second, options.stride, side);
  std::vector<Encoding> result;
  const auto add = [&](const Window& a, const Window& b) {
    Encoding first_part, second_part;
    copy_window(first_all, a.begin, a.end, first_part);
    copy_window(second_all, b.begin, b.end, second_part);
    apply_pair(pieces, options, first_part, second_part, result.emplace_back());
  };
  // The order of the reference: what is kept, then each further window of the first text with all
  // of the second, then the first's first window with the second's further ones.
  add(first_windows[0], second_windows[0]);
  for (std::size_t a = 1; a < first_windows.size(); ++a) {
    for (const Window& b : second_windows) add(first_windows[a], b);
  }
  for (std::size_t b = 1; b < second_windows.size(); ++b) add(first_windows[0], second_windows[b]);
  result.front().truncated_tokens = first_all.count - sizes.first + second_all.count - sizes.second;
  return result;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, SpecialsInDecoded specials) const {
  return impl_->parts.detokenizer.decode(ids, impl_->parts.ids, specials);
}

std::int64_t Tokenizer::vocabulary_size() const {
  return std::int64_t{impl_->parts.ids.last_id()} + 1;
}

std::optional<std::int32_t> Tokenizer::token_to_id(std::string_view token) const {
  const std::int32_t id = impl_->parts.model->vocabulary().find(token);
  if (id != StringTable::kMissing) return id;
  for (const AddedToken& added : impl_->parts.added_tokens.tokens()) {
    if (added.content == token) return added.id;
  }
  return std::nullopt;
}

std::string Tokenizer::id_to_token(std::int32_t id) const {
  const auto index = impl_->parts.ids.index(id);
  if (!index) {
    throw Error(Reason::kOutOfRange,
                fmt::format("[tokenizer] id: expected one of the vocabulary's, found {}", id));
  }
  return std::string(impl_->parts.ids.token(*index));
}

std::optional<std::int64_t> Tokenizer::model_max_length() const {
  const LengthLimit& limit = impl_->config.model_max_length;
  return limit.kind == LengthLimit::Kind::kTokens ? std::optional(limit.tokens) : std::nullopt;
}

std::optional<std::int64_t> Tokenizer::default_max_length() const {
  if (impl_->config.model_max_length.kind == LengthLimit::Kind::kAbsent) {
    return impl_->parts.truncation_length;
  }
  return model_max_length();
}

bool Tokenizer::gives_token_types() const { return impl_->config.gives_token_types; }

std::int64_t Tokenizer::special_tokens(int texts) const {
  const PostProcessor& processor = impl_->parts.post_processor;
  if (texts != 1 && texts != 2) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("[tokenizer] texts: expected 1 or 2, found {}", texts));
  }
  return count_special_tokens(texts == 1 ? processor.single() : processor.pair());
}

std::string Tokenizer::continuing_subword_prefix() const {
  return std::string(impl_->parts.model->continuing_prefix());
}

std::int64_t Tokenizer::leading_special_tokens() const {
  const Template& single = impl_->parts.post_processor.single();
  std::int64_t count = 0;
  for (const TemplatePiece& piece : single) {
    if (piece.kind != TemplatePiece::Kind::kSpecial) break;
    count += static_cast<std::int64_t>(piece.ids.size());
  }
  return count;
}

bool Tokenizer::ends_with_special() const {
  const TemplatePiece& last = impl_->parts.post_processor.single().back();
  return last.kind == TemplatePiece::Kind::kSpecial && !last.ids.empty();
}

}  // namespace weft
