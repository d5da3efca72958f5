// Text to ids, exactly as the Hugging Face `tokenizers` library does it, from tokenizer.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weft/export.h"

namespace weft {

/// What a text became. All vectors have one entry per token, specials included.
struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;  ///< 0 for the first text, 1 for the second
  /// Half-open range of the token in its own text, in characters (code points), as the reference
  /// reports them; {0, 0} for specials that the post-processor added.
  std::vector<std::pair<std::int32_t, std::int32_t>> offsets;
  std::vector<std::pair<std::int32_t, std::int32_t>> byte_offsets;  ///< the same in UTF-8 bytes
  std::int64_t truncated_tokens = 0;  ///< tokens that the length limit cut off

  void clear();
};

/// What "[SEP]" and the like in a user's text mean.
enum class SpecialsInText : std::uint8_t {
  kParse,   ///< the special token, as the reference does
  kAsText,  ///< ordinary characters
};

/// What becomes of special tokens when ids are turned into text.
enum class SpecialsInDecoded : std::uint8_t { kSkip, kKeep };

inline constexpr std::int64_t kNoLimit = -1;

/// Which of two texts give tokens up when they are too long together.
enum class TruncationStrategy : std::uint8_t {
  kLongestFirst,  ///< the longer one, then both
  kOnlyFirst,
  kOnlySecond,  ///< one text alone may then not be too long
};
/// At which end of a text.
enum class TruncationSide : std::uint8_t { kRight, kLeft };

struct TokenizeOptions {
  /// Longest result, specials included.
  std::int64_t max_length = kNoLimit;
  TruncationStrategy truncation = TruncationStrategy::kLongestFirst;
  TruncationSide truncation_side = TruncationSide::kRight;
  std::int64_t stride = 0;  ///< tokens that a window of encode_windows shares with the one before
  SpecialsInText specials_in_text = SpecialsInText::kParse;
  bool add_special_tokens = true;  // mirrors the reference's argument
  bool want_offsets = true;        // false: offsets stay empty, which is faster
};

/// An immutable tokenizer, safe to use from many threads at once. Cheap to copy.
///
/// Invalid UTF-8 in a text: each maximal ill-formed part reads as U+FFFD.
class WEFT_API Tokenizer {
 public:
  /// Reads DIR/tokenizer.json, and DIR/tokenizer_config.json when present. Throws Error:
  /// kNotFound, kCorruptFile, kUnsupported naming the component.
  static Tokenizer load(const std::filesystem::path& directory);

  /// Throws Error(kInvalidArgument) if max_length cannot hold the special tokens, and
  /// Error(kFailedPrecondition) for an unknown word when the vocabulary has no unknown token.
  Encoding encode(std::string_view text, const TokenizeOptions& options = {}) const;
  Encoding encode_pair(std::string_view first, std::string_view second,
                       const TokenizeOptions& options = {}) const;
  /// The same into an Encoding whose memory is reused.
  void encode(std::string_view text, const TokenizeOptions& options, Encoding& out) const;
  /// The same of each text, on up to `threads` threads, the caller's included. Throws what encode
  /// throws for the first text that has an error, and Error(kInvalidArgument) if threads < 1.
  std::vector<Encoding> encode_batch(std::span<const std::string_view> texts,
                                     const TokenizeOptions& options, int threads) const;
  /// What encode gives, then what it cut off, in windows of max_length tokens that overlap by
  /// `stride`, each with its special tokens (the reference's "overflowing"). Throws
  /// Error(kInvalidArgument) if a window has no more than `stride` tokens of a text that is cut.
  std::vector<Encoding> encode_windows(std::string_view text, const TokenizeOptions& options) const;
  /// Of two texts. When both are cut, every window of the one comes with every window of the other.
  std::vector<Encoding> encode_pair_windows(std::string_view first, std::string_view second,
                                            const TokenizeOptions& options) const;

  /// The text of ids, as the file's decoder puts tokens together; ids of no token are left out.
  std::string decode(std::span<const std::int32_t> ids,
                     SpecialsInDecoded specials = SpecialsInDecoded::kSkip) const;

  std::int64_t vocabulary_size() const;  ///< largest id + 1, added tokens included
  std::optional<std::int32_t> token_to_id(std::string_view token) const;
  std::string id_to_token(std::int32_t id) const;  ///< throws Error(kOutOfRange)
  /// tokenizer_config.json's model_max_length if present and below 1e15; else none.
  std::optional<std::int64_t> model_max_length() const;
  /// model_max_length, else the max_length of tokenizer.json's truncation, else none.
  /// A model_max_length of 1e30 means none. This is the limit of `weft tokenize`.
  std::optional<std::int64_t> default_max_length() const;
  /// Whether models are given type_ids: false if model_input_names of tokenizer_config.json leaves
  /// token_type_ids out, or is not there beside a tokenizer_class of no model in particular
  /// (PreTrainedTokenizerFast, TokenizersBackend). Every token then has type 0, as in transformers.
  bool gives_token_types() const;
  /// Number of special tokens added around one text (1) or two texts (2).
  std::int64_t special_tokens(int texts) const;
  /// Those before one text.
  std::int64_t leading_special_tokens() const;
  /// What marks a token that continues a word, e.g. "##"; empty: nothing does.
  std::string continuing_subword_prefix() const;
  /// Whether the template ends with a special token after the first text (as [SEP]).
  bool ends_with_special() const;

 private:
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace weft
