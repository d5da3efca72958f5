// A parsed JSON document, read-only. The JSON library stays in json.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

/// One value. Objects keep their order. Strict: UTF-8 only, unique keys (after escapes), at most 64
/// levels, nothing but white space after the value; independent of the locale.
class Json {
 public:
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kNumber, kString, kArray, kObject };
  using Member = std::pair<std::string, Json>;

  /// Throws Error(kCorruptFile) "FILE: JSON ... at byte N". `source` is what the error names.
  static Json parse(std::string_view text, std::string_view source);

  Kind kind() const noexcept { return kind_; }
  bool is_null() const noexcept { return kind_ == Kind::kNull; }
  bool is_bool() const noexcept { return kind_ == Kind::kBool; }
  /// Written without '.', 'e' and within the range of int64.
  bool is_integer() const noexcept { return kind_ == Kind::kInteger; }
  bool is_number() const noexcept { return kind_ == Kind::kNumber || kind_ == Kind::kInteger; }
  bool is_string() const noexcept { return kind_ == Kind::kString; }
  bool is_array() const noexcept { return kind_ == Kind::kArray; }
  bool is_object() const noexcept { return kind_ == Kind::kObject; }
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

  /// A short rendering for error messages, cut to about 40 characters.
  std::string preview() const;

 private:
  friend class JsonBuilder;
  Kind kind_ = Kind::kNull;
  bool bool_ = false;
  std::int64_t integer_ = 0;
  double number_ = 0;
  std::string string_;
  std::vector<Json> items_;
  std::vector<Member> members_;
};

}  // namespace weft
