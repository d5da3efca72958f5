// The tokens of one text, before anything is put around them.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/token_sink.h"
#include "runtime/text/tokenizer_files.h"
#include "weft/tokenizer.h"

namespace weft {

using OffsetPairs = std::vector<std::pair<std::int32_t, std::int32_t>>;

/// Ids and offsets, no type ids.
struct TextTokens {
  std::int64_t count = 0;  // of all tokens, kept or not
  Encoding tokens;
  // Offsets of each token as they are when it is the first of a window; empty if that is the same.
  OffsetPairs first_offsets, first_byte_offsets;
};

/// The first `limit` tokens of a text (or kNoLimit). `any_first`: windows may begin at any token.
enum class WindowBegins : std::uint8_t { kAtFirst, kAnywhere };
void tokenize_text(const TokenizerParts& parts, std::string_view text,
                   const TokenizeOptions& options, std::int64_t limit, WindowBegins begins,
                   TextTokens& out);

/// Tokens [begin, end) alone, in `out`, which is empty.
void copy_window(const TextTokens& all, std::int64_t begin, std::int64_t end, Encoding& out);

}  // namespace weft
