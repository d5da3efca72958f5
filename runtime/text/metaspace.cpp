#include "runtime/text/metaspace.h"

#include <fmt/format.h>

#include "runtime/text/split_behavior.h"
#include "runtime/utf8.h"

namespace weft {

Metaspace::Metaspace(const MetaspaceOptions& options) : options_(options) {
  append_utf8(options.replacement, replacement_);
}

void Metaspace::write_word(const WordList& list, Span word, WordList& out) const {
  const AlignedText& from = list.text;
  const auto text = std::string_view(from.text).substr(0, static_cast<std::size_t>(word.end));
  const auto begins_with_replacement = [&] {
    const auto at = static_cast<std::size_t>(word.begin);
    return text[at] == ' ' || text.substr(at, replacement_.size()) == replacement_;
  };
  const Span first = from.source(word.begin);
  const bool prepend = (options_.prepend == PrependScheme::kAlways ||
                        (options_.prepend == PrependScheme::kFirst && first.begin == 0)) &&
                       !begins_with_replacement();
  const std::int32_t begin = out.text.size();
  if (prepend) out.text.append(options_.replacement, first);
  for (std::int32_t at = word.begin; at < word.end;) {
    if (text[static_cast<std::size_t>(at)] == ' ') {
      out.text.append(options_.replacement, from.source(at));
      ++at;
      continue;
    }
    const auto space = text.find(' ', static_cast<std::size_t>(at));
    const std::int32_t stop =
        space == std::string_view::npos ? word.end : static_cast<std::int32_t>(space);
    out.text.append(from, {at, stop});
    at = stop;
  }
  const Span written{begin, out.text.size()};
  if (!options_.split) return out.words.push_back(written);
  const std::string_view result = out.text.text;
  SplitCollector collector(written, SplitBehavior::kMergedWithNext, Delimiters::kMatches,
                           out.words);
  const auto length = static_cast<std::int32_t>(replacement_.size());
  for (auto at = result.find(replacement_, static_cast<std::size_t>(begin));
       at != std::string_view::npos; at = result.find(replacement_, at + replacement_.size())) {
    collector.match({static_cast<std::int32_t>(at), static_cast<std::int32_t>(at) + length});
  }
  collector.finish();
}

void Metaspace::apply(WordList& list) const {
  WordList out;
  out.text.text.reserve(list.text.text.size() * 3 / 2);
  out.words.reserve(list.words.size());
  for (const Span word : list.words) write_word(list, word, out);
  list = std::move(out);
}

MetaspaceOptions read_metaspace_options(const JsonField& field) {
  MetaspaceOptions options;
  options.replacement = field.character("replacement");
  if (const auto scheme = field.find("prepend_scheme")) {
    const std::string& name = scheme->as_text();
    if (name == "first") {
      options.prepend = PrependScheme::kFirst;
    } else if (name == "never") {
      options.prepend = PrependScheme::kNever;
    } else if (name != "always") {
      scheme->unsupported(fmt::format("{} is not supported", in_quotes(name)));
    }
  }
  if (field.find("add_prefix_space") && !field.flag("add_prefix_space")) {
    if (options.prepend != PrependScheme::kNever && field.find("prepend_scheme")) {
      field.corrupt("add_prefix_space: expected what prepend_scheme says, found false");
    }
    options.prepend = PrependScheme::kNever;
  }
  if (field.find("split")) options.split = field.flag("split");
  return options;
}

std::unique_ptr<PreTokenizer> read_metaspace(const JsonField& field) {
  return std::make_unique<Metaspace>(read_metaspace_options(field));
}

}  // namespace weft
