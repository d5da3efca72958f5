#include "runtime/text/json_field.h"

#include <fmt/format.h>

#include "runtime/text/characters.h"
#include "runtime/utf8.h"
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

std::size_t JsonField::list_size() const {
  if (!value_->is_array()) expected("a list");
  return value_->items().size();
}

JsonField JsonField::item(std::size_t index) const {
  return {value_->items()[index], fmt::format("{}[{}]", path_, index)};
}

std::vector<JsonField> JsonField::as_list() const {
  std::vector<JsonField> fields;
  fields.reserve(list_size());
  for (std::size_t i = 0; i < list_size(); ++i) fields.push_back(item(i));
  return fields;
}

const std::string& JsonField::text(std::string_view key) const { return member(key).as_text(); }

bool JsonField::flag(std::string_view key) const {
  const JsonField field = member(key);
  if (!field.value().is_bool()) field.expected("true or false");
  return field.value().as_bool();
}

bool JsonField::flag_or(std::string_view key, bool absent) const {
  return find(key) ? flag(key) : absent;
}

char32_t JsonField::character(std::string_view key) const {
  const JsonField field = member(key);
  const std::string& text = field.as_text();
  if (text.empty() || utf8_length(text) != text.size()) field.expected("one character");
  return decode_valid(text.data()).code;
}

std::int64_t JsonField::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  return member(key).as_integer(min, max);
}

std::vector<JsonField> JsonField::list(std::string_view key) const { return member(key).as_list(); }

}  // namespace weft
