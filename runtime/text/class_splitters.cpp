#include "runtime/text/class_splitters.h"

#include <array>

#include "runtime/text/unicode.h"
#include "runtime/text/unicode_traits.h"

namespace weft {
namespace {

enum class Role { kDropped, kAlone, kWord, kSymbol };

// Words are runs of one role; kAlone makes each character a word, kDropped none.
template <typename RoleOf>
void split_by_role(std::string_view text, Span range, std::vector<Span>& words, RoleOf role_of) {
  static const auto ascii = [role_of] {
    std::array<Role, 128> roles;
    for (char32_t c = 0; c < roles.size(); ++c) roles[c] = role_of(unicode::kind(c).flags);
    return roles;
  }();
  Role last = Role::kDropped;
  for (std::int32_t at = range.begin; at < range.end;) {
    const Decoded next = decode_valid(text.data() + at);
    const Role role =
        next.code < ascii.size() ? ascii[next.code] : role_of(unicode::kind(next.code).flags);
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

}  // namespace

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

void UnicodeScripts::split(std::string_view text, Span range, std::vector<Span>& words) const {
  constexpr int kAnyScript = 0, kNoneYet = -1;
  int last = kNoneYet;
  for (std::int32_t at = range.begin; at < range.end;) {
    const Decoded next = decode_valid(text.data() + at);
    const int script = unicode::traits(next.code).script;
    const Span here{at, at + next.length};
    at = here.end;
    if (script != kAnyScript && script != last) {
      words.push_back(here);
      last = script;
    } else if (last != kNoneYet) {
      words.back().end = here.end;
    }
  }
}

}  // namespace weft
