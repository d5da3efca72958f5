// A value inside tokenizer.json together with its place in the file, so that every error names it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/json.h"

namespace weft {

class JsonField {
 public:
  /// `path` is what errors name, e.g. "DIR/tokenizer.json:" for the whole file. `value` must
  /// outlive this.
  JsonField(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const Json& value() const noexcept { return *value_; }
  const std::string& path() const noexcept { return path_; }

  // Members of an object. A missing one or one of another kind: Error(kCorruptFile) naming it.
  JsonField member(std::string_view key) const;
  std::optional<JsonField> find(std::string_view key) const;  // none if absent or null
  const std::string& text(std::string_view key) const;
  bool flag(std::string_view key) const;
  bool flag_or(std::string_view key, bool absent) const;  // absent or null
  char32_t character(std::string_view key) const;         // a string of one character
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  std::vector<JsonField> list(std::string_view key) const;

  // This value itself.
  const std::string& as_text() const;
  std::int64_t as_integer(std::int64_t min, std::int64_t max) const;
  std::vector<JsonField> as_list() const;
  // Of a long list, whose items need a path only when one is wrong.
  std::size_t list_size() const;
  JsonField item(std::size_t index) const;

  /// Throws Error(kCorruptFile) "PATH: expected ..., found ...".
  [[noreturn]] void expected(std::string_view what) const;
  [[noreturn]] void corrupt(std::string_view problem) const;
  /// Throws Error(kUnsupported) "PATH: PROBLEM".
  [[noreturn]] void unsupported(std::string_view problem) const;

 private:
  std::string path_of(std::string_view key) const;

  const Json* value_;
  std::string path_;
};

}  // namespace weft
