#include "runtime/text/word_level.h"

#include <fmt/format.h>

#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {

WordLevel::WordLevel(StringTable vocabulary, std::string unknown_token)
    : vocabulary_(std::move(vocabulary)),
      words_(vocabulary_),
      unknown_token_(std::move(unknown_token)),
      unknown_id_(vocabulary_.find(unknown_token_)) {}

void WordLevel::tokenize(std::string_view word, std::vector<Piece>& pieces) const {
  std::int32_t id = words_.find(word);
  if (id == WordTable::kMissing) id = unknown_id_;
  if (id == WordTable::kMissing) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("[tokenizer] word {}: not in the vocabulary, and the unknown token {} "
                            "is not there either",
                            in_quotes(word, 40), in_quotes(unknown_token_)));
  }
  pieces.push_back({id, 0, static_cast<std::int32_t>(word.size())});
}

std::unique_ptr<TokenModel> read_word_level(const JsonField& field) {
  const std::string& unknown_token = field.text("unk_token");
  return std::make_unique<WordLevel>(read_vocabulary(field.member("vocab")), unknown_token);
}

}  // namespace weft
