#include "runtime/text/json_field.h"

#include <fmt/format.h>

#include "weft/error.h"

namespace weft {

void JsonField::corrupt(std::string_view problem) const {
  throw Error(Reason::kCorruptFile, fmt::format("{}: {}", path_, problem));
}

void JsonField::expected(std::string_view what) const {
  corrupt(fmt::format("expected {}, found {}", what, value_->preview()));
}

void JsonField::unsupported(std::string_view problem) const {
  throw Error(Reason::kUnsupported, fmt::format("{}: {}", path_, problem));
}

std::string JsonField::path_of(std::string_view key) const {
  return fmt::format("{}{}{}", path_, path_.ends_with(':') ? ' ' : '.', key);
}

JsonField JsonField::member(std::string_view key) const {
  if (!value_->is_object()) expected("an object");
  const Json* found = value_->find(key);
  if (found == nullptr) corrupt(fmt::format("expected a field \"{}\", found none", key));
  return {*found, path_of(key)};
}

std::optional<JsonField> JsonField::find(std::string_view key) const {
  if (!value_->is_object()) expected("an object");
  const Json* found = value_->find(key);
  if (found == nullptr || found->is_null()) return std::nullopt;
  return JsonField(*found, path_of(key));
}

const std::string& JsonField::as_text() const {
  if (!value_->is_string()) expected("a string");
  return value_->as_string();
}

std::int64_t JsonField::as_integer(std::int64_t min, std::int64_t max) const {
  if (!value_->is_integer() || value_->as_integer() < min || value_->as_integer() > max) {
    expected(fmt::format("an integer in [{}, {}]", min, max));
  }
  return value_->as_integer();
}

std::vector<JsonField> JsonField::as_list() const {
  if (!value_->is_array()) expected("a list");
  std::vector<JsonField> fields;
  fields.reserve(value_->items().size());
  for (const Json& item : value_->items()) {
    fields.emplace_back(item, fmt::format("{}[{}]", path_, fields.size()));
  }
  return fields;
}

const std::string& JsonField::text(std::string_view key) const { return member(key).as_text(); }

bool JsonField::flag(std::string_view key) const {
  const JsonField field = member(key);
  if (!field.value().is_bool()) field.expected("true or false");
  return field.value().as_bool();
}

std::int64_t JsonField::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  return member(key).as_integer(min, max);
}

std::vector<JsonField> JsonField::list(std::string_view key) const { return member(key).as_list(); }

}  // namespace weft
