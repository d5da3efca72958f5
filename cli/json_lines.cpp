#include "cli/json_lines.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "weft/error.h"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr std::string_view kTextExpected = R"(expected a JSON string or {"text": "..."})";
constexpr std::string_view kPairExpected = "expected a JSON string or an array of two strings";

[[noreturn]] void fail(std::string_view place, std::string_view expected, std::string_view found) {
  throw Error(Reason::kInvalidArgument, fmt::format("{}: {}, found {}", place, expected, found));
}

json parse(std::string_view line, std::string_view place, std::string_view expected) {
  bool text_seen = false;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kMaxDepth) fail(place, expected, fmt::format("more than {} levels", kMaxDepth));
    if (event == json::parse_event_t::key && depth == 1 && parsed == "text") {
      if (text_seen) fail(place, expected, "\"text\" twice");
      text_seen = true;
    }
    return true;
  };
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
    fail(place, expected, "an empty line");
  }
  try {
    return json::parse(line.begin(), line.end(), check);
  } catch (const json::parse_error& error) {
    fail(place, expected, fmt::format("invalid JSON at byte {}", error.byte));
  } catch (const json::exception&) {
    fail(place, expected, "a number out of range");
  }
}

}  // namespace

std::string parse_text_line(std::string_view line, std::string_view place) {
  json value = parse(line, place, kTextExpected);
  if (value.is_object()) {
    const auto text = value.find("text");
    if (text == value.end()) fail(place, kTextExpected, "an object without \"text\"");
    if (!text->is_string()) {
      fail(place, kTextExpected, fmt::format("\"text\" of type {}", text->type_name()));
    }
    return std::move(text->get_ref<std::string&>());
  }
  if (!value.is_string()) fail(place, kTextExpected, fmt::format("type {}", value.type_name()));
  return std::move(value.get_ref<std::string&>());
}

TextOrPair parse_text_or_pair_line(std::string_view line, std::string_view place) {
  json value = parse(line, place, kPairExpected);
  if (value.is_string()) return {std::move(value.get_ref<std::string&>()), std::nullopt};
  if (!value.is_array()) fail(place, kPairExpected, fmt::format("type {}", value.type_name()));
  if (value.size() != 2) fail(place, kPairExpected, fmt::format("an array of {}", value.size()));
  for (const json& item : value) {
    if (!item.is_string()) {
      fail(place, kPairExpected, fmt::format("an array holding type {}", item.type_name()));
    }
  }
  return {std::move(value[0].get_ref<std::string&>()), std::move(value[1].get_ref<std::string&>())};
}

std::string json_string(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace weft::cli
