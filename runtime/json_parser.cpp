// The one file that knows the JSON library: its event parser fills Json. What the library lacks is
// added here: a limit on depth, unique keys, numbers without the locale, no byte order mark, no
// NUL.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/json.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

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
// and are sorted instead.
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

// Receives the parser's events. Values are built in place: a container's address is stable while it
// is open, because its parent grows only after it is closed. Returning false stops the parser,
// which keeps no call stack of its own.
class JsonParser {
 public:
  /// With `visit`, members of the outermost object go there instead of into the result.
  JsonParser(std::string_view source, const Json::Limits& limits, const Json::Visit* visit)
      : source_(source), limits_(limits), visit_(visit) {}

  Json parse(std::string_view text) {
    // The library skips a byte order mark and takes NUL for the end.
    if (text.starts_with("\xEF\xBB\xBF")) fail("error at byte 0: byte order mark");
    if (const auto at = text.find('\0'); at != text.npos) {
      fail(fmt::format("error at byte {}: NUL character", at));
    }
    if (problem_.empty()) nlohmann::json::sax_parse(text.data(), text.data() + text.size(), this);
    if (!problem_.empty()) throw Error(Reason::kCorruptFile, problem_);
    return std::move(root_);
  }

  bool null() { return add(std::monostate{}); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) {
    return std::in_range<std::int64_t>(value) ? add(static_cast<std::int64_t>(value))
                                              : add(static_cast<double>(value));
  }
  // The library reads through strtod and writes the locale's decimal point into `text`: the value
  // is read again, without a locale. What underflows keeps the library's value.
  bool number_float(double value, const std::string& text) {
    std::string plain = text;
    for (char& c : plain) {
      const bool belongs = (c >= '0' && c <= '9') || c == '-' || c == '+' || c == 'e' || c == 'E';
      if (!belongs) c = '.';
    }
    std::from_chars(plain.data(), plain.data() + plain.size(), value);
    return add(value);
  }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) { return fail("has binary data"); }

  bool start_object(std::size_t) { return open(std::vector<Json::Member>{}); }
  bool key(std::string& name) {
    auto& members = std::get<std::vector<Json::Member>>(open_.back()->value_);
    if (open_.size() > 1 && members.size() == limits_.nested_members) {
      return fail(fmt::format("has an object of more than {} members", limits_.nested_members));
    }
    members.emplace_back().first = std::move(name);
    return true;
  }
  bool end_object() {
    const auto& members = std::get<std::vector<Json::Member>>(open_.back()->value_);
    if (const std::string* twin = find_duplicate(members)) {
      return fail(fmt::format("has the key {} twice in one object", in_quotes(*twin)));
    }
    return close();
  }
  bool start_array(std::size_t) { return open(std::vector<Json>{}); }
  bool end_array() { return close(); }

  bool parse_error(std::size_t position, const std::string&, const std::exception& error) {
    // "[json.exception...] parse error at line 1, column 2: syntax error while parsing value -
    // invalid literal; last read: 'x'": the part between names the problem without file bytes.
    std::string_view text = error.what();
    constexpr std::string_view kBegin = "syntax error ";
    if (const auto at = text.find(kBegin); at != text.npos) text.remove_prefix(at + kBegin.size());
    text = text.substr(0, text.find("; last read"));
    if (text.find("number overflow") != text.npos) text = "number beyond the range of double";
    return fail(fmt::format("error at byte {}: {}", position == 0 ? 0 : position - 1, text));
  }

 private:
  template <typename T>
  bool add(T&& value) {
    Json* const place = slot();
    if (place == nullptr) return false;
    place->value_ = std::forward<T>(value);
    return value_ends();
  }

  template <typename T>
  bool open(T&& container) {
    if (open_.size() == limits_.depth) {
      return fail(fmt::format("error: depth beyond {} levels", limits_.depth));
    }
    Json* const place = slot();
    if (place == nullptr) return false;
    place->value_ = std::forward<T>(container);
    open_.push_back(place);
    return true;
  }

  bool close() {
    open_.pop_back();
    return value_ends();
  }

  bool value_ends() {
    if (visit_ == nullptr || open_.size() != 1 || !root_.is_object()) return true;
    auto& members = std::get<std::vector<Json::Member>>(root_.value_);
    (*visit_)(members.back().first, members.back().second);
    members.pop_back();
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

  std::string_view source_;
  Json::Limits limits_;
  const Json::Visit* visit_;
  Json root_;
  std::vector<Json*> open_;
  std::string problem_;
};

Json Json::parse(std::string_view text, std::string_view source) {
  return parse(text, source, Limits{});
}

Json Json::parse(std::string_view text, std::string_view source, const Limits& limits) {
  return JsonParser(source, limits, nullptr).parse(text);
}

void Json::parse_members(std::string_view text, std::string_view source, const Limits& limits,
                         const Visit& visit) {
  const Json root = JsonParser(source, limits, &visit).parse(text);
  if (root.is_object()) return;
  throw Error(Reason::kCorruptFile,
              fmt::format("{}: expected an object, found {}", source, root.preview()));
}

}  // namespace weft
