// From ids back to text: the tokens' strings, without special ones on wish, through the decoder.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "runtime/text/added_tokens.h"
#include "runtime/text/decoder.h"
#include "runtime/text/id_table.h"
#include "runtime/text/string_table.h"
#include "weft/tokenizer.h"

namespace weft {

class Detokenizer {
 public:
  Detokenizer() = default;
  /// `decoder` may be null: tokens are then joined with spaces.
  Detokenizer(std::unique_ptr<Decoder> decoder, const AddedTokens& added);

  /// Ids that no token has are left out, as in the reference.
  std::string decode(std::span<const std::int32_t> ids, const IdTable& table,
                     SpecialsInDecoded specials) const;

 private:
  std::unique_ptr<Decoder> decoder_;
  // Of added tokens that the text is searched for in another form: what decoding starts from.
  std::unordered_map<std::int32_t, std::string> normalized_;
  StringTable special_;  // contents
};

}  // namespace weft
