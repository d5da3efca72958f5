// BytePair from tokenizer.json.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "runtime/text/byte_pair.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

// "a b", or ["a", "b"]; none for the "#version" line of old files.
std::optional<Pair> read_pair(const JsonField& merges, std::size_t index) {
  const Json& value = merges.value().items()[index];
  if (value.is_array()) {
    const auto& items = value.items();
    if (items.size() != 2 || !items[0].is_string() || !items[1].is_string()) {
      merges.item(index).expected("two tokens");
    }
    return Pair{items[0].as_string(), items[1].as_string()};
  }
  const std::string_view line =
      value.is_string() ? value.as_string() : merges.item(index).as_text();
  if (line.starts_with("#version")) return std::nullopt;
  const auto space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
    merges.item(index).expected("two tokens with a space between them");
  }
  return Pair{line.substr(0, space), line.substr(space + 1)};
}

// "<0x00>" to "<0xFF>", what unknown characters become.
bool is_byte_token(std::string_view token) {
  return token.size() == 6 && token.starts_with("<0x") && token.ends_with('>');
}

Merges read_merges(const JsonField& field, const StringTable& vocabulary,
                   BytePair::Options& options) {
  const std::size_t prefix = options.continuing_prefix.size();
  const std::size_t count = field.list_size();
  Merges merges(count);
  std::string merged;
  for (std::size_t i = 0; i < count; ++i) {
    const auto pair = read_pair(field, i);
    if (!pair) continue;
    const auto [left, right] = *pair;
    const auto token = [&](std::string_view text) {
      const std::int32_t id = vocabulary.find(text);
      if (id == StringTable::kMissing) {
        field.item(i).corrupt(
            fmt::format("expected tokens of the vocabulary, found {}", in_quotes(text)));
      }
      return id;
    };
    if (right.size() <= prefix) {
      field.item(i).corrupt(fmt::format("expected a second token longer than the prefix, found {}",
                                        in_quotes(right)));
    }
    if (!left.empty()) options.cuts.add_merge(left, right);
    for (const std::string_view token : {left, right}) {
      if (token == options.unknown_token || is_byte_token(token)) options.cuts.forbid();
    }
    merged.assign(left).append(right.substr(prefix));
    merges.insert(token(left), token(right), {static_cast<std::uint32_t>(i), token(merged)});
  }
  return merges;
}

std::string optional_text(const JsonField& field, std::string_view key) {
  return field.find(key) ? field.text(key) : std::string();
}

}  // namespace

std::unique_ptr<TokenModel> read_byte_pair(const JsonField& field) {
  if (const auto dropout = field.find("dropout")) {
    if (!dropout->value().is_number()) dropout->expected("a number");
    if (dropout->value().as_number() != 0) {
      dropout->unsupported("dropout is not supported: a text's tokens would be random");
    }
  }
  BytePair::Options options;
  if (field.find("unk_token")) options.unknown_token = field.text("unk_token");
  options.continuing_prefix = optional_text(field, "continuing_subword_prefix");
  options.end_suffix = optional_text(field, "end_of_word_suffix");
  options.fuse_unknown = field.flag_or("fuse_unk", false);
  options.byte_fallback = field.flag_or("byte_fallback", false);
  options.ignore_merges = field.flag_or("ignore_merges", false);
  if (options.byte_fallback && !(options.continuing_prefix.empty() && options.end_suffix.empty())) {
    field.unsupported("byte_fallback together with a prefix or a suffix is not supported");
  }
  StringTable vocabulary = read_vocabulary(field.member("vocab"));
  Merges merges = read_merges(field.member("merges"), vocabulary, options);
  return std::make_unique<BytePair>(std::move(vocabulary), std::move(merges), std::move(options));
}

}  // namespace weft
