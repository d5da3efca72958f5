// The one file that knows the JSON library: its event parser fills Json.
#include "runtime/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "weft/error.h"

namespace weft {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kPreviewLength = 40;

// Cuts to kPreviewLength bytes at a character's begin and makes control characters visible.
std::string shortened(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool begins_character = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (result.size() >= kPreviewLength && begins_character) return result + "...";
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result;
}

// The first key that occurs twice, or null. n log n whatever the keys, hash collisions included.
const std::string* find_duplicate(const std::vector<Json::Member>& members) {
  constexpr std::size_t kFew = 12;
  if (members.size() <= kFew) {
    for (std::size_t i = 1; i < members.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (members[i].first == members[j].first) return &members[i].first;
      }
    }
    return nullptr;
  }
  struct Entry {
    std::size_t hash;
    const std::string* key;
  };
  std::vector<Entry> entries;
  entries.reserve(members.size());
  for (const Json::Member& member : members) {
    entries.push_back({std::hash<std::string>{}(member.first), &member.first});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.hash != b.hash ? a.hash < b.hash : *a.key < *b.key;
  });
  const auto twin = std::adjacent_find(
      entries.begin(), entries.end(),
      [](const Entry& a, const Entry& b) { return a.hash == b.hash && *a.key == *b.key; });
  return twin == entries.end() ? nullptr : twin->key;
}

}  // namespace

// Receives the parser's events. Values are built in place: a container's address is stable while it
// is open, because its parent grows only after it is closed. Returning false stops the parser.
class JsonBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonBuilder(std::string_view source, const Json::Limits& limits)
      : source_(source), limits_(limits) {}

  Json take() && { return std::move(root_); }
  const std::string& problem() const noexcept { return problem_; }

  bool null() override { return add(std::monostate{}); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override {
    if (std::in_range<std::int64_t>(value)) return add(static_cast<std::int64_t>(value));
    return add(static_cast<double>(value));
  }
  // The library reads through strtod and writes the locale's decimal point into `text`; the value
  // is read again without a locale. What underflows keeps the library's value.
  bool number_float(double value, const std::string& text) override {
    std::string plain = text;
    for (char& c : plain) {
      const bool belongs = (c >= '0' && c <= '9') || c == '-' || c == '+' || c == 'e' || c == 'E';
      if (!belongs) c = '.';
    }
    std::from_chars(plain.data(), plain.data() + plain.size(), value);
    return add(value);
  }
  bool string(std::string& value) override { return add(value); }
  bool binary(nlohmann::json::binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(std::vector<Json::Member>{}); }
  bool key(std::string& name) override {
    std::get<std::vector<Json::Member>>(open_.back()->value_).emplace_back(name, Json{});
    return true;
  }
  bool end_object() override {
    const auto& members = std::get<std::vector<Json::Member>>(open_.back()->value_);
    if (const std::string* twin = find_duplicate(members)) {
      return fail(fmt::format("has the key \"{}\" twice in one object", shortened(*twin)));
    }
    open_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return open(std::vector<Json>{}); }
  bool end_array() override {
    open_.pop_back();
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    // "[json.exception...] parse error at line 1, column 2: syntax error while parsing value -
    // invalid literal; last read: 'x'": the part between names the problem without file bytes.
    std::string_view text = error.what();
    constexpr std::string_view kBegin = "syntax error ";
    if (const auto at = text.find(kBegin); at != text.npos) text.remove_prefix(at + kBegin.size());
    text = text.substr(0, text.find("; last read"));
    if (text.find("number overflow") != text.npos) text = "number out of range";
    return fail(fmt::format("error at byte {}: {}", position == 0 ? 0 : position - 1, text));
  }

 private:
  template <typename T>
  bool add(T&& value) {
    Json* const place = slot();
    if (place == nullptr) return false;
    place->value_ = std::forward<T>(value);
    return true;
  }

  template <typename T>
  bool open(T&& container) {
    if (open_.size() == kMaxDepth) {
      return fail(fmt::format("is nested deeper than {} levels", kMaxDepth));
    }
    Json* const place = slot();
    if (place == nullptr) return false;
    place->value_ = std::forward<T>(container);
    open_.push_back(place);
    return true;
  }

  // Where the next value belongs; null after a failure.
  Json* slot() {
    if (open_.empty()) return &root_;
    Json& parent = *open_.back();
    if (auto* members = std::get_if<std::vector<Json::Member>>(&parent.value_)) {
      return &members->back().second;
    }
    auto& items = std::get<std::vector<Json>>(parent.value_);
    if (items.size() == limits_.array_items) {
      fail(fmt::format("has an array of more than {} items", limits_.array_items));
      return nullptr;
    }
    return &items.emplace_back();
  }

  bool fail(const std::string& problem) {
    if (problem_.empty()) problem_ = fmt::format("{}: JSON {}", source_, problem);
    return false;
  }

  std::string source_;
  Json::Limits limits_;
  Json root_;
  std::vector<Json*> open_;
  std::string problem_;
};

Json Json::parse(std::string_view text, std::string_view source) {
  return parse(text, source, Limits{});
}

Json Json::parse(std::string_view text, std::string_view source, const Limits& limits) {
  // The library skips a byte order mark and takes NUL for the end; neither is JSON.
  if (text.starts_with("\xEF\xBB\xBF")) {
    throw Error(Reason::kCorruptFile,
                fmt::format("{}: JSON error at byte 0: byte order mark", source));
  }
  if (const auto at = text.find('\0'); at != text.npos) {
    throw Error(Reason::kCorruptFile,
                fmt::format("{}: JSON error at byte {}: NUL character", source, at));
  }
  JsonBuilder builder(source, limits);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    throw Error(Reason::kCorruptFile, builder.problem());
  }
  return std::move(builder).take();
}

const char* Json::to_string(Kind kind) noexcept {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "boolean";
    case Kind::kInteger:
      return "integer";
    case Kind::kNumber:
      return "number";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return "array";
    case Kind::kObject:
      return "object";
  }
  return "unknown";
}

namespace {

template <typename T, typename Variant>
const T& checked(const Variant& value, Json::Kind kind, Json::Kind expected) {
  const T* result = std::get_if<T>(&value);
  if (result == nullptr) {
    throw Error(Reason::kInternal, fmt::format("JSON value: expected {}, found {}",
                                               Json::to_string(expected), Json::to_string(kind)));
  }
  return *result;
}

}  // namespace

bool Json::as_bool() const { return checked<bool>(value_, kind(), Kind::kBool); }

std::int64_t Json::as_integer() const {
  return checked<std::int64_t>(value_, kind(), Kind::kInteger);
}

double Json::as_number() const {
  if (is_integer()) return static_cast<double>(as_integer());
  return checked<double>(value_, kind(), Kind::kNumber);
}

const std::string& Json::as_string() const {
  return checked<std::string>(value_, kind(), Kind::kString);
}

const std::vector<Json>& Json::items() const {
  return checked<std::vector<Json>>(value_, kind(), Kind::kArray);
}

const std::vector<Json::Member>& Json::members() const {
  return checked<std::vector<Member>>(value_, kind(), Kind::kObject);
}

const Json* Json::find(std::string_view key) const noexcept {
  const auto* members = std::get_if<std::vector<Member>>(&value_);
  if (members == nullptr) return nullptr;
  for (const Member& member : *members) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

std::string Json::preview() const {
  switch (kind()) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return as_bool() ? "true" : "false";
    case Kind::kInteger:
      return fmt::format("{}", as_integer());
    case Kind::kNumber:
      return fmt::format("{}", as_number());
    case Kind::kString:
      return fmt::format("\"{}\"", shortened(as_string()));
    case Kind::kArray:
      return fmt::format("an array of {} items", items().size());
    case Kind::kObject:
      return fmt::format("an object of {} members", members().size());
  }
  return "?";
}

}  // namespace weft
