#include "cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace weft::cli {
namespace {

const Option& find_option(std::span<const Option> options, std::string_view name) {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const Option& option) { return option.name == name; });
  if (found == options.end()) {
    throw UsageError(fmt::format(
        "{}: unknown option (--help lists those known; put -- before texts that begin with a dash)",
        in_quotes(name)));
  }
  return *found;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  if (text.size() > 80) return fmt::format("'{}...'", text.substr(0, 80));
  return fmt::format("'{}'", text);
}

std::string listed(std::span<const std::string_view> names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) list += i + 1 < names.size() ? ", " : " or ";
    list += names[i];
  }
  return list;
}

Arguments::Arguments(std::span<const std::string_view> words, std::span<const Option> options) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--") {
      words_.insert(words_.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.size() < 2 || word.front() != '-') {
      words_.emplace_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const Option& option = find_option(options, name);
    std::string value;
    if (equals != std::string_view::npos) {
      if (option.value.empty()) {
        throw UsageError(fmt::format("{}: expected no value, found {}", name,
                                     in_quotes(word.substr(equals + 1))));
      }
      value = word.substr(equals + 1);
    } else if (!option.value.empty()) {
      if (++i == words.size()) {
        throw UsageError(
            fmt::format("{}: expected {} after it, found nothing", name, option.value));
      }
      value = words[i];
    }
    if (!values_.emplace(name, value).second) {
      throw UsageError(fmt::format("{}: expected once, found twice", name));
    }
  }
}

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> Arguments::file(std::string_view name) const {
  auto text = value(name);
  if (text && text->empty()) throw UsageError(fmt::format("{}: expected a file, found ''", name));
  return text;
}

std::string Arguments::required_file(std::string_view name) const {
  const auto text = file(name);
  if (!text) throw UsageError(fmt::format("{}: expected a file, found no such option", name));
  return *text;
}

std::string Arguments::model_directory() const {
  if (words_.empty()) throw UsageError("MODEL_DIR: expected a directory, found nothing");
  if (words_.size() > 1) {
    throw UsageError(
        fmt::format("expected MODEL_DIR alone, found also {}", in_quotes(words_.at(1))));
  }
  return words_.front();
}

std::int64_t Arguments::integer(std::string_view name, std::int64_t smallest, std::int64_t largest,
                                std::int64_t absent) const {
  const auto text = value(name);
  if (!text) return absent;
  std::int64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, fault] = std::from_chars(text->data(), end, number);
  if (fault != std::errc{} || stop != end || number < smallest || number > largest) {
    throw UsageError(fmt::format("{}: expected a whole number from {} to {}, found {}", name,
                                 smallest, largest, in_quotes(*text)));
  }
  return number;
}

double Arguments::seconds(std::string_view name, double absent) const {
  const auto text = value(name);
  if (!text) return absent;
  double number = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, fault] = std::from_chars(text->data(), end, number);
  if (fault != std::errc{} || stop != end || !std::isfinite(number) || number < 0) {
    throw UsageError(
        fmt::format("{}: expected seconds, at least 0, found {}", name, in_quotes(*text)));
  }
  return number;
}

std::optional<std::size_t> Arguments::choice(std::string_view name,
                                             std::span<const std::string_view> choices) const {
  const auto text = value(name);
  if (!text) return std::nullopt;
  const auto found = std::find(choices.begin(), choices.end(), *text);
  if (found == choices.end()) {
    throw UsageError(
        fmt::format("{}: expected {}, found {}", name, listed(choices), in_quotes(*text)));
  }
  return static_cast<std::size_t>(found - choices.begin());
}

void Arguments::exclude(std::string_view one, std::string_view other) const {
  if (given(one) && given(other)) {
    throw UsageError(fmt::format("{} and {}: expected one of them, found both", one, other));
  }
}

}  // namespace weft::cli
