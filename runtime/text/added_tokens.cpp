#include "runtime/text/added_tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/text/token_model.h"
#include "runtime/text/unicode.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

bool is_continuation(char byte) { return (byte & 0xC0) == 0x80; }

// Begin of the character that ends at `end` > 0.
std::size_t character_before(std::string_view text, std::size_t end) {
  do {
    --end;
  } while (end > 0 && is_continuation(text[end]));
  return end;
}

bool flag_before(std::string_view text, std::size_t end, unicode::Flag flag) {
  if (end == 0) return false;
  return unicode::has(decode_valid(text.data() + character_before(text, end)).code, flag);
}

bool flag_at(std::string_view text, std::size_t begin, unicode::Flag flag) {
  return begin < text.size() && unicode::has(decode_valid(text.data() + begin).code, flag);
}

AddedToken read_added_token(const JsonField& field) {
  return {field.text("content"),     static_cast<std::int32_t>(field.integer("id", 0, kMaxTokenId)),
          field.flag("single_word"), field.flag("lstrip"),
          field.flag("rstrip"),      field.flag("normalized"),
          field.flag("special"),     {}};
}

std::string normalized_content(const AddedToken& token, const Normalizer* normalizer) {
  if (normalizer == nullptr) return token.content;
  Characters characters;
  append_characters(token.content, 0, characters);
  normalizer->normalize(characters);
  return to_aligned_text(characters).text;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), nodes_(1) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    std::size_t node = 0;
    for (const char c : tokens_[i].pattern) {
      const auto byte = static_cast<unsigned char>(c);
      const auto& edges = nodes_[node].edges;
      const auto edge = std::find_if(edges.begin(), edges.end(),
                                     [byte](const Edge& e) { return e.byte == byte; });
      if (edge != edges.end()) {
        node = edge->node;
        continue;
      }
      nodes_[node].edges.push_back({byte, static_cast<std::uint32_t>(nodes_.size())});
      node = nodes_.size();
      nodes_.emplace_back();
    }
    // Of two tokens that normalise to one pattern the reference finds the first.
    if (nodes_[node].token < 0) nodes_[node].token = static_cast<std::int32_t>(i);
    begins_[static_cast<unsigned char>(tokens_[i].pattern[0])] = true;
  }
}

std::optional<AddedTokenMatcher::Match> AddedTokenMatcher::next_match(std::string_view text,
                                                                      std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!begins_[static_cast<unsigned char>(text[begin])]) continue;
    const AddedToken* found = nullptr;
    std::size_t found_end = 0, node = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
      const auto byte = static_cast<unsigned char>(text[at]);
      const auto& edges = nodes_[node].edges;
      const auto edge = std::find_if(edges.begin(), edges.end(),
                                     [byte](const Edge& e) { return e.byte == byte; });
      if (edge == edges.end()) break;
      node = edge->node;
      if (nodes_[node].token < 0) continue;
      found = &tokens_[static_cast<std::size_t>(nodes_[node].token)];
      found_end = at + 1;
    }
    if (found != nullptr) return Match{found, begin, found_end};
  }
  return std::nullopt;
}

void AddedTokenMatcher::split(std::string_view text, SpecialsInText specials,
                              std::vector<Segment>& segments) const {
  std::size_t done = 0;
  const auto add = [&segments](std::int32_t id, std::size_t begin, std::size_t end) {
    segments.push_back({id, {static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end)}});
  };
  std::size_t search = 0;
  while (const auto match = tokens_.empty() ? std::nullopt : next_match(text, search)) {
    const AddedToken& token = *match->token;
    auto [_, begin, end] = *match;
    search = end;
    if (token.special && specials == SpecialsInText::kAsText) continue;
    if (token.single_word &&
        (flag_before(text, begin, unicode::kWord) || flag_at(text, end, unicode::kWord))) {
      continue;
    }
    if (token.lstrip) {
      while (begin > done && flag_before(text, begin, unicode::kWhiteSpace)) {
        begin = character_before(text, begin);
      }
      begin = std::max(begin, done);
    }
    if (token.rstrip) {
      while (flag_at(text, end, unicode::kWhiteSpace)) {
        end += static_cast<std::size_t>(decode_valid(text.data() + end).length);
      }
    }
    if (begin >= end) continue;  // wholly inside white space that the token before took
    if (done < begin) add(Segment::kText, done, begin);
    add(token.id, begin, end);
    done = end;
  }
  if (done < text.size()) add(Segment::kText, done, text.size());
}

AddedTokens::AddedTokens(const JsonField& field, const StringTable& vocabulary,
                         const Normalizer* normalizer) {
  const auto fields = field.as_list();
  StringTable seen;
  seen.reserve(fields.size());
  std::int64_t next_free = static_cast<std::int64_t>(vocabulary.size());
  for (const JsonField& one : fields) {
    AddedToken token = read_added_token(one);
    if (token.content.empty()) continue;  // the reference drops it
    const std::int32_t known = vocabulary.find(token.content);
    const std::int64_t expected = known != StringTable::kMissing ? known : next_free;
    if (token.id != expected) {
      one.corrupt(fmt::format("added token {}: expected id {}, found {}", in_quotes(token.content),
                              expected, token.id));
    }
    if (!seen.insert(token.content, token.id)) {
      one.corrupt(
          fmt::format("added token {}: expected once, found twice", in_quotes(token.content)));
    }
    next_free = std::max(next_free, expected + 1);
    token.pattern = token.normalized ? normalized_content(token, normalizer) : token.content;
    if (token.pattern.empty()) {
      one.unsupported(
          fmt::format("added token {} normalises to nothing", in_quotes(token.content)));
    }
    tokens_.push_back(std::move(token));
  }
  build_matchers();
}

void AddedTokens::build_matchers() {
  std::vector<AddedToken> raw, normalized;
  // Special ones first, which matters when two tokens normalise to one pattern.
  for (const bool special : {true, false}) {
    for (const AddedToken& token : tokens_) {
      if (token.special == special) (token.normalized ? normalized : raw).push_back(token);
    }
  }
  raw_ = AddedTokenMatcher(std::move(raw));
  normalized_ = AddedTokenMatcher(std::move(normalized));
}

}  // namespace weft
