// What is put around the tokens of one or two texts: tokenizer.json's "post_processor".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/text/json_field.h"
#include "runtime/text/offset_trim.h"
#include "weft/tokenizer.h"

namespace weft {

/// One step of a template: the tokens of a text, or special tokens.
struct TemplatePiece {
  enum class Kind : std::uint8_t { kFirstText, kSecondText, kSpecial };
  Kind kind{};
  std::int32_t type_id = 0;
  std::vector<std::int32_t> ids;  // of kSpecial
};

using Template = std::vector<TemplatePiece>;
using FindToken = std::function<std::optional<std::int32_t>(std::string_view)>;

/// The templates for one text and for two, and how offsets are trimmed before they apply. The
/// default adds nothing and trims nothing.
class PostProcessor {
 public:
  PostProcessor();
  PostProcessor(Template single, Template pair, std::vector<FirstSpace> trims = {})
      : single_(std::move(single)), pair_(std::move(pair)), trims_(std::move(trims)) {}

  const Template& single() const noexcept { return single_; }
  const Template& pair() const noexcept { return pair_; }
  /// One after the other; mostly none or one.
  const std::vector<FirstSpace>& trims() const noexcept { return trims_; }

 private:
  Template single_, pair_;
  std::vector<FirstSpace> trims_;
};

std::int64_t count_special_tokens(const Template& pieces);

/// Special tokens must be in the vocabulary under the ids that the file gives: `find` looks them
/// up. Throws Error(kUnsupported) naming a component that is not supported.
PostProcessor read_post_processor(const JsonField& field, const FindToken& find);

/// Puts `first` (tokens of the only text) into its template and sets its type ids.
void apply_single(const Template& pieces, const TokenizeOptions& options, Encoding& first);
/// Appends the pieces of a template to `out`, which is empty.
void apply_pair(const Template& pieces, const TokenizeOptions& options, const Encoding& first,
                const Encoding& second, Encoding& out);

}  // namespace weft
