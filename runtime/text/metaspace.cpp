#include "runtime/text/metaspace.h"

#include <fmt/format.h>

#include "runtime/text/find_byte.h"
#include "runtime/utf8.h"

namespace weft {

Metaspace::Metaspace(const MetaspaceOptions& options) : options_(options) {
  append_utf8(options.replacement, replacement_);
}

bool Metaspace::prepends(const AlignedText& text, Span word) const {
  if (options_.prepend == PrependScheme::kNever) return false;
  if (options_.prepend == PrependScheme::kFirst && text.source(word.begin).begin != 0) return false;
  const auto at = static_cast<std::size_t>(word.begin);
  return text.text[at] != ' ' &&
         std::string_view(text.text).substr(at, replacement_.size()) != replacement_;
}

// Words of a text whose spaces are replaced.
void Metaspace::split(std::string_view text, std::vector<Span>& words) const {
  const auto add = [&words](std::size_t begin, std::size_t end) {
    words.push_back({static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end)});
  };
  std::size_t begin = 0;
  for (std::size_t at = 1; options_.split; ++at) {
    at = find_byte(text.data(), at, text.size(), replacement_[0]);
    if (at >= text.size()) break;
    if (!text.substr(at).starts_with(replacement_)) continue;
    add(begin, at);
    begin = at;
  }
  add(begin, text.size());
}

void Metaspace::apply(WordList& list) const {
  WordList out;
  out.words.reserve(list.text.text.size() / 5 + list.words.size());
  const Span whole{0, list.text.size()};
  if (list.words.size() == 1 && list.words[0] == whole) {
    if (prepends(list.text, whole)) list.text.prepend(" ");
    list.text.replace_each(' ', replacement_);
    split(list.text.text, out.words);
    list.words = std::move(out.words);
    return;
  }
  out.text.text.reserve(list.text.text.size() * 3 / 2);
  for (const Span word : list.words) write_word(list.text, word, out);
  list = std::move(out);
}

void Metaspace::write_word(const AlignedText& from, Span word, WordList& out) const {
  const auto text = std::string_view(from.text).substr(0, static_cast<std::size_t>(word.end));
  std::int32_t begin = out.text.size();  // of the word that is being written
  const auto begin_word = [&] {
    const std::int32_t here = out.text.size();
    if (options_.split && here > begin) out.words.push_back({begin, here});
    if (options_.split) begin = here;
  };
  if (prepends(from, word)) out.text.append(replacement_, from.source(word.begin));
  for (std::int32_t at = word.begin; at < word.end;) {
    const auto place = static_cast<std::size_t>(at);
    if (text[place] == ' ') {
      begin_word();
      out.text.append(replacement_, from.source(at));
      ++at;
      continue;
    }
    std::int32_t stop = at;
    if (text[place] == replacement_[0] && text.substr(place).starts_with(replacement_)) {
      begin_word();
      stop += static_cast<std::int32_t>(replacement_.size());
    }
    stop = plain_end(text, stop == at ? at + 1 : stop);
    out.text.append(from, {at, stop});
    at = stop;
  }
  out.words.push_back({begin, out.text.size()});
}

// Where the next byte lies that is a space or begins the replacement.
std::int32_t Metaspace::plain_end(std::string_view text, std::int32_t at) const {
  const auto end = static_cast<std::int32_t>(text.size());
  const char first = replacement_[0];
  while (at < end && text[static_cast<std::size_t>(at)] != ' ' &&
         text[static_cast<std::size_t>(at)] != first) {
    ++at;
  }
  return at;
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
