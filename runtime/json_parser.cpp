// The JSON reader (RFC 8259). Written here and not taken from a library: a general one took twice
// the time for a tokenizer.json (28 ms for 466 KB on a busy machine, of a load that may take 150
// ms), skipped byte order marks, took NUL for the end of the text and followed the locale. Nesting
// is kept in a vector, never on the call stack.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <functional>
#include <limits>
#include <system_error>

#include "runtime/json.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

// Bytes that may stand in a string as they are, one by one.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

// A key that occurs twice, or null; n log n whatever the keys.
const std::string* find_duplicate_sorted(const std::vector<Json::Member>& members) {
  std::vector<const std::string*> keys;
  keys.reserve(members.size());
  for (const Json::Member& member : members) keys.push_back(&member.first);
  std::sort(keys.begin(), keys.end(), [](auto* a, auto* b) { return *a < *b; });
  const auto twin =
      std::adjacent_find(keys.begin(), keys.end(), [](auto* a, auto* b) { return *a == *b; });
  return twin == keys.end() ? nullptr : *twin;
}

// The same through a hash table at most half full. Keys chosen to collide meet the limit on probes
// and are sorted instead. For 250 000 keys the sort
// alone took a third of the whole parse.
const std::string* find_duplicate(const std::vector<Json::Member>& members) {
  constexpr std::uint32_t kEmpty = 0;
  constexpr int kMaxProbes = 64;
  if (members.size() >= std::numeric_limits<std::uint32_t>::max() / 2) {
    return find_duplicate_sorted(members);
  }
  struct Slot {
    std::uint32_t member = kEmpty;  // index + 1
    std::uint32_t hash = 0;
  };
  std::vector<Slot> slots(std::bit_ceil(2 * members.size() + 1));
  const std::size_t mask = slots.size() - 1;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::size_t full_hash = std::hash<std::string>{}(members[i].first);
    const auto hash = static_cast<std::uint32_t>(full_hash >> 32);
    std::size_t at = full_hash & mask;
    for (int probes = 0; slots[at].member != kEmpty; at = (at + 1) & mask) {
      if (slots[at].hash == hash && members[slots[at].member - 1].first == members[i].first) {
        return &members[i].first;
      }
      if (++probes == kMaxProbes) return find_duplicate_sorted(members);
    }
    slots[at] = {static_cast<std::uint32_t>(i + 1), hash};
  }
  return nullptr;
}

}  // namespace

class JsonParser {
 public:
  JsonParser(std::string_view text, std::string_view source, const Json::Limits& limits)
      : text_(text), source_(source), limits_(limits) {}

  Json parse() {
    Json root;
    Json* place = &root;
    while (place != nullptr) {
      place = begin_value(*place);
      if (place == nullptr) place = next_place();
    }
    if (at_ != text_.size()) fail(at_, "expected the end, found more text");
    return root;
  }

 private:
  [[noreturn]] void fail(std::size_t at, std::string_view problem) const {
    throw Error(Reason::kCorruptFile,
                fmt::format("{}: JSON error at byte {}: {}", source_, at, problem));
  }

  // 0 at the end; a NUL in the text is no token either.
  unsigned char peek() const {
    return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : 0;
  }

  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') break;
      ++at_;
    }
  }

  void expect(char c) {
    skip_space();
    if (peek() != static_cast<unsigned char>(c)) unexpected(fmt::format("'{}'", c));
    ++at_;
  }

  [[noreturn]] void unexpected(std::string_view expected) const {
    if (at_ >= text_.size()) fail(at_, fmt::format("expected {}, found the end", expected));
    const unsigned c = peek();
    const bool printable = c >= 0x20 && c < 0x7F;
    fail(at_, printable ? fmt::format("expected {}, found '{}'", expected, static_cast<char>(c))
                        : fmt::format("expected {}, found byte 0x{:02x}", expected, c));
  }

  // Reads a scalar, or opens a container: then returns where its first value goes. Null when the
  // value is complete.
  Json* begin_value(Json& place) {
    skip_space();
    switch (peek()) {
      case '{':
        open(place, std::vector<Json::Member>{});
        if (peek() != '}') return next_member();
        ++at_;
        open_.pop_back();
        return nullptr;
      case '[':
        open(place, std::vector<Json>{});
        if (peek() != ']') return next_item();
        ++at_;
        open_.pop_back();
        return nullptr;
      case '"': read_string(place.value_.emplace<std::string>()); return nullptr;
      case 't':
        read_word("true");
        place.value_ = true;
        return nullptr;
      case 'f':
        read_word("false");
        place.value_ = false;
        return nullptr;
      case 'n': read_word("null"); return nullptr;
      default: read_number(place); return nullptr;
    }
  }

  // After a complete value: closes what ends here and returns where the next value goes, or null
  // after the outermost one.
  Json* next_place() {
    for (;;) {
      skip_space();
      if (open_.empty()) return nullptr;
      const auto* members = std::get_if<std::vector<Json::Member>>(&open_.back()->value_);
      if (peek() == ',') {
        ++at_;
        return members != nullptr ? next_member() : next_item();
      }
      if (peek() != (members != nullptr ? '}' : ']')) {
        unexpected(members != nullptr ? "',' or '}'" : "',' or ']'");
      }
      if (members != nullptr) {
        if (const std::string* key = find_duplicate(*members)) {
          fail(at_, fmt::format("key {} twice in the object that ends here", in_quotes(*key)));
        }
      }
      ++at_;
      open_.pop_back();
    }
  }

  // An open container's address is stable: its parent grows only after it is closed.
  template <typename Container>
  void open(Json& place, Container&& container) {
    if (open_.size() >= limits_.depth) {
      fail(at_, fmt::format("depth: nested deeper than {} levels", limits_.depth));
    }
    place.value_ = std::forward<Container>(container);
    open_.push_back(&place);
    ++at_;
    skip_space();
  }

  Json* next_member() {
    skip_space();
    if (peek() != '"') unexpected("a key");
    auto& members = std::get<std::vector<Json::Member>>(open_.back()->value_);
    Json::Member& member = members.emplace_back();
    read_string(member.first);
    expect(':');
    return &member.second;
  }

  Json* next_item() {
    auto& items = std::get<std::vector<Json>>(open_.back()->value_);
    if (items.size() == limits_.array_items) {
      fail(at_, fmt::format("array of more than {} items", limits_.array_items));
    }
    return &items.emplace_back();
  }

  void read_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) fail(at_, "expected a value");
    at_ += word.size();
  }

  bool digit() const { return peek() >= '0' && peek() <= '9'; }

  void read_digits() {
    if (!digit()) unexpected("a digit");
    while (digit()) ++at_;
  }

  void read_number(Json& place) {
    const std::size_t begin = at_;
    if (peek() == '-') ++at_;
    if (at_ == begin && !digit()) unexpected("a value");
    const std::size_t first_digit = at_;
    read_digits();
    if (text_[first_digit] == '0' && at_ - first_digit > 1) fail(begin, "leading zero");
    bool integer = true;
    if (peek() == '.') {
      integer = false;
      ++at_;
      read_digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      integer = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      read_digits();
    }
    const char* const first = text_.data() + begin;
    const char* const last = text_.data() + at_;
    std::int64_t whole = 0;
    if (integer && std::from_chars(first, last, whole).ec == std::errc{}) {
      place.value_ = whole;
      return;
    }
    double number = 0;
    if (std::from_chars(first, last, number).ec != std::errc{}) {
      fail(begin, "number beyond the range of a double");
    }
    place.value_ = number;
  }

  // At the opening quote; leaves behind the closing one.
  void read_string(std::string& out) {
    ++at_;
    for (;;) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && kPlain[static_cast<unsigned char>(text_[at_])]) ++at_;
      out.append(text_.substr(begin, at_ - begin));
      const unsigned c = peek();
      if (c == '"' && at_ < text_.size()) {
        ++at_;
        return;
      }
      if (c == '\\') {
        read_escape(out);
      } else if (const std::size_t length = utf8_length(text_.substr(at_)); length > 1) {
        out.append(text_.substr(at_, length));
        at_ += length;
      } else if (at_ >= text_.size()) {
        fail(at_, "string without an end");
      } else {
        fail(at_, c < 0x20 ? "control character in a string" : "invalid UTF-8");
      }
    }
  }

  void read_escape(std::string& out) {
    constexpr std::string_view kEscapes = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const std::size_t begin = at_++;
    if (peek() == 'u') {
      ++at_;
      std::uint32_t code_point = read_hex();
      if (code_point >= 0xD800 && code_point < 0xDC00) {
        if (text_.substr(at_, 2) != "\\u") fail(begin, "surrogate escape without its partner");
        at_ += 2;
        const std::uint32_t low = read_hex();
        if (low < 0xDC00 || low > 0xDFFF) fail(begin, "surrogate escape without its partner");
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
      } else if (code_point >= 0xDC00 && code_point <= 0xDFFF) {
        fail(begin, "surrogate escape without its partner");
      }
      append_utf8(code_point, out);
      return;
    }
    const auto which = kEscapes.find(static_cast<char>(peek()));
    if (which == std::string_view::npos || at_ >= text_.size()) fail(begin, "unknown escape");
    out.push_back(kMeanings[which]);
    ++at_;
  }

  std::uint32_t read_hex() {
    std::uint32_t value = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 4 || result.ptr != digits.data() + 4) {
      fail(at_, "expected four hexadecimal digits");
    }
    at_ += 4;
    return value;
  }

  std::string_view text_;
  std::string_view source_;
  Json::Limits limits_;
  std::size_t at_ = 0;
  std::vector<Json*> open_;
};

Json Json::parse(std::string_view text, std::string_view source) {
  return parse(text, source, Limits{});
}

Json Json::parse(std::string_view text, std::string_view source, const Limits& limits) {
  return JsonParser(text, source, limits).parse();
}

}  // namespace weft
