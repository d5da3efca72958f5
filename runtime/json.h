// A parsed JSON document, read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weft {

/// One value, 40 bytes. Objects keep their order. Strict: UTF-8 only (no byte order mark), unique
/// keys (after escapes), at most 64 levels, nothing but white space after the value; independent of
/// the locale.
class Json {
 public:
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kNumber, kString, kArray, kObject };
  using Member = std::pair<std::string, Json>;

  /// What a document of a known shape never exceeds, so that a hostile one costs no memory.
  struct Limits {
    std::size_t array_items = std::numeric_limits<std::size_t>::max();
    std::size_t depth = 64;
    std::size_t nested_members = std::numeric_limits<std::size_t>::max();  // not of the outermost
  };
  using Visit = std::function<void(std::string& name, const Json& value)>;

  /// Throws Error(kCorruptFile) "SOURCE: JSON ... at byte N" (N counts from 0).
  static Json parse(std::string_view text, std::string_view source);
  static Json parse(std::string_view text, std::string_view source, const Limits& limits);
  /// The members of an object one at a time, each dropped after `visit` returns: for documents much
  /// larger as a tree (about ten times) than as text. Names may occur twice: the caller looks.
  static void parse_members(std::string_view text, std::string_view source, const Limits& limits,
                            const Visit& visit);

  Kind kind() const noexcept { return static_cast<Kind>(value_.index()); }
  bool is_null() const noexcept { return kind() == Kind::kNull; }
  bool is_bool() const noexcept { return kind() == Kind::kBool; }
  /// Written without '.', 'e' and within the range of int64. An integer beyond it is a number only.
  bool is_integer() const noexcept { return kind() == Kind::kInteger; }
  bool is_number() const noexcept { return kind() == Kind::kNumber || is_integer(); }
  bool is_string() const noexcept { return kind() == Kind::kString; }
  bool is_array() const noexcept { return kind() == Kind::kArray; }
  bool is_object() const noexcept { return kind() == Kind::kObject; }
  static const char* to_string(Kind kind) noexcept;

  // The kind must match; otherwise Error(kInternal): check first, name the field in your own error.
  bool as_bool() const;
  std::int64_t as_integer() const;
  double as_number() const;  // integers too
  const std::string& as_string() const;
  const std::vector<Json>& items() const;
  const std::vector<Member>& members() const;
  /// The member, or null if absent (or not an object). Linear search.
  const Json* find(std::string_view key) const noexcept;

  /// A one-line rendering for error messages, cut to about 40 characters.
  std::string preview() const;

 private:
  friend class JsonParser;
  // In the order of Kind.
  std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<Json>,
               std::vector<Member>>
      value_;
};

}  // namespace weft
