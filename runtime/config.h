// config.json with typed, checked access: every error names file, key, what was expected and found.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/json.h"

namespace weft {

class Config {
 public:
  /// Throws Error: kNotFound, kIoError, kCorruptFile (not JSON, not an object).
  static Config load(const std::filesystem::path& file);
  Config(Json object, std::string source);

  const std::string& source() const noexcept { return source_; }  // for messages: the file's path
  const Json& object() const noexcept { return object_; }
  /// The member, or null; a JSON null counts as absent.
  const Json* find(std::string_view key) const noexcept;
  bool has(std::string_view key) const noexcept { return find(key) != nullptr; }
  std::vector<std::string> keys() const;  // in the order of the file

  /// Sizes and counts: an integer in [min, max]. Throws Error(kInvalidArgument)
  /// "config.json: hidden_size: expected an integer in [1, 1048576], found \"768\"".
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  std::int64_t integer_or(std::string_view key, std::int64_t fallback, std::int64_t min,
                          std::int64_t max) const;
  /// A finite number > 0.
  double positive_or(std::string_view key, double fallback) const;
  bool flag_or(std::string_view key, bool fallback) const;
  std::string text(std::string_view key) const;
  std::string text_or(std::string_view key, std::string fallback) const;
  std::vector<std::string> texts_or_empty(std::string_view key) const;  // a list of strings

  /// Throws Error(kUnsupported) naming the key unless it is absent or equals `supported`.
  /// (A template, because a string literal would rather become a bool than a string_view.)
  void require(std::string_view key, std::same_as<bool> auto supported) const {
    require_flag(key, supported);
  }
  void require(std::string_view key, std::same_as<std::int64_t> auto supported) const {
    require_integer(key, supported);
  }
  void require(std::string_view key, std::string_view supported) const;
  /// Throws Error(kInvalidArgument / kUnsupported) "FILE: key: problem".
  [[noreturn]] void invalid(std::string_view key, const std::string& problem) const;
  [[noreturn]] void unsupported(std::string_view key, const std::string& problem) const;

 private:
  void require_flag(std::string_view key, bool supported) const;
  void require_integer(std::string_view key, std::int64_t supported) const;

  Json object_;
  std::string source_;
};

}  // namespace weft
