#include "runtime/text/pre_tokenizer.h"

#include <fmt/format.h>

#include "runtime/text/unicode.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

enum class Role { kDropped, kAlone, kWord, kSymbol };

// Words are runs of one role; kAlone makes each character a word, kDropped none.
template <typename RoleOf>
void split_by_role(std::string_view text, Span range, std::vector<Span>& words, RoleOf role_of) {
  Role last = Role::kDropped;
  for (std::int32_t at = range.begin; at < range.end;) {
    const Decoded next = decode_valid(text.data() + at);
    const Role role = role_of(unicode::kind(next.code).flags);
    const Span here{at, at + next.length};
    at = here.end;
    if (role != Role::kDropped) {
      if (role == last && role != Role::kAlone) {
        words.back().end = here.end;
      } else {
        words.push_back(here);
      }
    }
    last = role;
  }
}

std::unique_ptr<PreTokenizer> read_punctuation(const JsonField& field) {
  const auto behavior = field.find("behavior");
  if (behavior && behavior->as_text() != "Isolated") {
    behavior->unsupported(
        fmt::format("{} is not supported (\"Isolated\" is)", in_quotes(behavior->as_text())));
  }
  return std::make_unique<Punctuation>();
}

std::unique_ptr<PreTokenizer> read_sequence(const JsonField& field) {
  std::vector<std::unique_ptr<PreTokenizer>> steps;
  for (const JsonField& step : field.list("pretokenizers")) {
    steps.push_back(read_pre_tokenizer(step));
  }
  return std::make_unique<PreTokenizerSequence>(std::move(steps));
}

}  // namespace

PreTokenizer::~PreTokenizer() = default;

void BertPreTokenizer::split(std::string_view text, Span range, std::vector<Span>& words) const {
  split_by_role(text, range, words, [](std::uint8_t flags) {
    if (flags & unicode::kWhiteSpace) return Role::kDropped;
    return flags & unicode::kPunctuation ? Role::kAlone : Role::kWord;
  });
}

void Whitespace::split(std::string_view text, Span range, std::vector<Span>& words) const {
  split_by_role(text, range, words, [](std::uint8_t flags) {
    if (flags & unicode::kWord) return Role::kWord;
    return flags & unicode::kWhiteSpace ? Role::kDropped : Role::kSymbol;
  });
}

void WhitespaceSplit::split(std::string_view text, Span range, std::vector<Span>& words) const {
  split_by_role(text, range, words, [](std::uint8_t flags) {
    return flags & unicode::kWhiteSpace ? Role::kDropped : Role::kWord;
  });
}

void Punctuation::split(std::string_view text, Span range, std::vector<Span>& words) const {
  split_by_role(text, range, words, [](std::uint8_t flags) {
    return flags & unicode::kPunctuation ? Role::kAlone : Role::kWord;
  });
}

void PreTokenizerSequence::split(std::string_view text, Span range,
                                 std::vector<Span>& words) const {
  std::vector<Span> parts{range};
  for (const auto& step : steps_) {
    std::vector<Span> smaller;
    for (const Span part : parts) step->split(text, part, smaller);
    parts = std::move(smaller);
  }
  words.insert(words.end(), parts.begin(), parts.end());
}

std::unique_ptr<PreTokenizer> read_pre_tokenizer(const JsonField& field) {
  const std::string& type = field.text("type");
  if (type == "BertPreTokenizer") return std::make_unique<BertPreTokenizer>();
  if (type == "Whitespace") return std::make_unique<Whitespace>();
  if (type == "WhitespaceSplit") return std::make_unique<WhitespaceSplit>();
  if (type == "Punctuation") return read_punctuation(field);
  if (type == "Sequence") return read_sequence(field);
  field.unsupported(fmt::format("pre-tokenizer {} is not supported", in_quotes(type)));
}

}  // namespace weft
