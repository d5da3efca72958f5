#include "runtime/text/detokenizer.h"

#include <vector>

namespace weft {

Detokenizer::Detokenizer(std::unique_ptr<Decoder> decoder, const AddedTokens& added)
    : decoder_(std::move(decoder)) {
  for (const AddedToken& token : added.tokens()) {
    if (token.pattern != token.content) normalized_.emplace(token.id, token.pattern);
    if (token.special) special_.insert(token.content, token.id);
  }
}

std::string Detokenizer::decode(std::span<const std::int32_t> ids, const IdTable& table,
                                SpecialsInDecoded specials) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const std::int32_t id : ids) {
    const auto normalized = normalized_.find(id);
    std::string_view token;
    if (normalized != normalized_.end()) {
      token = normalized->second;
    } else if (const auto index = table.index(id)) {
      token = table.token(*index);
    } else {
      continue;
    }
    const bool skipped =
        specials == SpecialsInDecoded::kSkip && special_.find(token) != StringTable::kMissing;
    if (!skipped) tokens.emplace_back(token);
  }
  if (decoder_) decoder_->decode(tokens);
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!decoder_ && i > 0) text += ' ';
    text += tokens[i];
  }
  return text;
}

}  // namespace weft
