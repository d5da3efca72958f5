#include "runtime/json.h"

#include <fmt/format.h>

#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::size_t kPreviewLength = 40;

}  // namespace

const char* Json::to_string(Kind kind) noexcept {
  switch (kind) {
    case Kind::kNull: return "null";
    case Kind::kBool: return "boolean";
    case Kind::kInteger: return "integer";
    case Kind::kNumber: return "number";
    case Kind::kString: return "string";
    case Kind::kArray: return "array";
    case Kind::kObject: return "object";
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
    case Kind::kNull: return "null";
    case Kind::kBool: return as_bool() ? "true" : "false";
    case Kind::kInteger: return fmt::format("{}", as_integer());
    case Kind::kNumber: return fmt::format("{}", as_number());
    case Kind::kString: return in_quotes(as_string(), kPreviewLength);
    case Kind::kArray: return fmt::format("an array of {} items", items().size());
    case Kind::kObject: return fmt::format("an object of {} members", members().size());
  }
  return "?";
}

}  // namespace weft
