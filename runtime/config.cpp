#include "runtime/config.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "runtime/files.h"
#include "weft/error.h"

namespace weft {
namespace {

// An id2label of 250 000 entries takes 8 MB.
constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{16} << 20;

std::string found(const Json* value) { return value == nullptr ? "nothing" : value->preview(); }

}  // namespace

Config Config::load(const std::filesystem::path& file) {
  std::string source = file.string();
  Json json = Json::parse(read_text_file(file, kMaxConfigBytes), source);
  return {std::move(json), std::move(source)};
}

Config::Config(Json object, std::string source)
    : object_(std::move(object)), source_(std::move(source)) {
  if (!object_.is_object()) {
    throw Error(Reason::kCorruptFile,
                fmt::format("{}: expected an object, found {}", source_, object_.preview()));
  }
}

const Json* Config::find(std::string_view key) const noexcept {
  const Json* value = object_.find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::vector<std::string> Config::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object_.members()) keys.push_back(key);
  return keys;
}

std::int64_t Config::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_integer() || value->as_integer() < min ||
      value->as_integer() > max) {
    invalid(key, fmt::format("expected an integer in [{}, {}], found {}", min, max, found(value)));
  }
  return value->as_integer();
}

std::int64_t Config::integer_or(std::string_view key, std::int64_t fallback, std::int64_t min,
                                std::int64_t max) const {
  return has(key) ? integer(key, min, max) : fallback;
}

double Config::positive_or(std::string_view key, double fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number() || !(value->as_number() > 0)) {
    invalid(key, fmt::format("expected a number above 0, found {}", found(value)));
  }
  return value->as_number();
}

bool Config::flag_or(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool())
    invalid(key, fmt::format("expected true or false, found {}", found(value)));
  return value->as_bool();
}

std::string Config::text(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_string()) {
    invalid(key, fmt::format("expected a string, found {}", found(value)));
  }
  return value->as_string();
}

std::string Config::text_or(std::string_view key, std::string fallback) const {
  return has(key) ? text(key) : fallback;
}

std::vector<std::string> Config::texts_or_empty(std::string_view key) const {
  const Json* value = find(key);
  std::vector<std::string> texts;
  if (value == nullptr) return texts;
  if (!value->is_array()) {
    invalid(key, fmt::format("expected a list of strings, found {}", found(value)));
  }
  for (const Json& item : value->items()) {
    if (!item.is_string()) {
      invalid(key, fmt::format("expected a list of strings, one item is {}", item.preview()));
    }
    texts.push_back(item.as_string());
  }
  return texts;
}

void Config::require_flag(std::string_view key, bool supported) const {
  if (has(key) && flag_or(key, supported) != supported) {
    unsupported(key, fmt::format("{} is not supported, only {}", !supported, supported));
  }
}

void Config::require_integer(std::string_view key, std::int64_t supported) const {
  if (has(key) && integer(key, INT64_MIN, INT64_MAX) != supported) {
    unsupported(key, fmt::format("{} is not supported, only {}", find(key)->preview(), supported));
  }
}

void Config::require(std::string_view key, std::string_view supported) const {
  if (has(key) && text(key) != supported) {
    unsupported(key,
                fmt::format("{} is not supported, only \"{}\"", find(key)->preview(), supported));
  }
}

void Config::invalid(std::string_view key, const std::string& problem) const {
  throw Error(Reason::kInvalidArgument, fmt::format("{}: {}: {}", source_, key, problem));
}

void Config::unsupported(std::string_view key, const std::string& problem) const {
  throw Error(Reason::kUnsupported, fmt::format("{}: {}: {}", source_, key, problem));
}

}  // namespace weft
