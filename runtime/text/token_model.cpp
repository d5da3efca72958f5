#include "runtime/text/token_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/text/byte_pair.h"
#include "runtime/text/unigram.h"
#include "runtime/text/word_level.h"
#include "runtime/text/word_piece.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

// The reference tries BPE, WordPiece, WordLevel and Unigram in this order when there is no type.
std::string model_type(const JsonField& field) {
  if (const auto type = field.find("type")) return type->as_text();
  if (field.find("merges")) return "BPE";
  const auto vocab = field.find("vocab");
  if (vocab && vocab->value().is_array()) return "Unigram";
  if (field.find("continuing_subword_prefix") || field.find("max_input_chars_per_word")) {
    return "WordPiece";
  }
  return "WordLevel";
}

using Reader = std::pair<std::string_view, std::unique_ptr<TokenModel> (*)(const JsonField&)>;
constexpr std::array kReaders = {
    Reader{"BPE", read_byte_pair},
    Reader{"Unigram", read_unigram},
    Reader{"WordLevel", read_word_level},
    Reader{"WordPiece", read_word_piece},
};

}  // namespace

TokenModel::~TokenModel() = default;

StringTable read_vocabulary(const JsonField& field) {
  if (!field.value().is_object()) field.expected("an object of tokens and ids");
  const auto& members = field.value().members();
  if (members.empty()) field.expected("at least one token");
  StringTable table;
  table.reserve(members.size());
  std::vector<std::int32_t> ids;
  ids.reserve(members.size());
  for (const Json::Member& member : members) {
    const Json& id = member.second;
    if (!id.is_integer() || id.as_integer() < 0 || id.as_integer() > kMaxTokenId) {
      field.corrupt(fmt::format("{}: expected an id in [0, {}], found {}", in_quotes(member.first),
                                kMaxTokenId, id.preview()));
    }
    ids.push_back(static_cast<std::int32_t>(id.as_integer()));
    if (!table.insert(member.first, ids.back())) {
      field.corrupt(fmt::format("{}: expected once, found twice", in_quotes(member.first)));
    }
  }
  std::sort(ids.begin(), ids.end());
  const auto twin = std::adjacent_find(ids.begin(), ids.end());
  if (twin != ids.end()) {
    field.corrupt(fmt::format("expected one token for id {}, found two", *twin));
  }
  return table;
}

std::unique_ptr<TokenModel> read_token_model(const JsonField& field) {
  const std::string type = model_type(field);
  for (const auto& [name, read] : kReaders) {
    if (name == type) return read(field);
  }
  field.unsupported(fmt::format("model {} is not supported", in_quotes(type)));
}

}  // namespace weft
