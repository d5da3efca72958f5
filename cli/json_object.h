// A JSON object written member by member, in order.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "cli/json_lines.h"

namespace weft::cli {

inline std::string to_json(std::string_view text) { return json_string(text); }
inline std::string to_json(const std::string& text) { return json_string(text); }
inline std::string to_json(const char* text) { return json_string(text); }
/// Finite numbers only.
template <typename Number>
requires std::integral<Number> || std::floating_point<Number> std::string to_json(Number value) {
  return fmt::format("{}", value);
}
template <typename Item>
std::string to_json(const std::vector<Item>& items) {
  std::string text = "[";
  for (const Item& item : items) {
    if (text.size() > 1) text += ',';
    text += to_json(item);
  }
  return text + ']';
}

class JsonObject {
 public:
  template <typename Value>
  JsonObject& add(std::string_view key, const Value& value) {
    return add_json(key, to_json(value));
  }
  std::string text() const { return '{' + members_ + '}'; }
  friend std::string to_json(const JsonObject& object) { return object.text(); }

 private:
  JsonObject& add_json(std::string_view key, std::string_view value) {
    if (!members_.empty()) members_ += ',';
    members_ += fmt::format("{}:{}", json_string(key), value);
    return *this;
  }

  std::string members_;
};

}  // namespace weft::cli
