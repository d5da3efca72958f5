#include "runtime/text/replace.h"

#include <fmt/format.h>

#include "runtime/utf8.h"

namespace weft {
namespace {

void append_all(std::string_view content, Span source, Characters& out) {
  const std::size_t first = out.size();
  append_characters(content, 0, out);
  for (std::size_t i = first; i < out.size(); ++i) out[i].source = source;
}

// A file cannot make a text grow without bound: real ones put in a few characters.
constexpr std::size_t kLongest = 64;

const std::string& short_text(const JsonField& field, std::string_view key) {
  const JsonField member = field.member(key);
  if (member.as_text().size() > kLongest) {
    member.unsupported(fmt::format("more than {} bytes, {}, are not supported", kLongest,
                                   member.as_text().size()));
  }
  return member.as_text();
}

}  // namespace

Replace::Replace(std::unique_ptr<Pattern> pattern, std::string content)
    : pattern_(std::move(pattern)), content_(std::move(content)) {
  const bool one =
      !content_.empty() &&
      static_cast<std::size_t>(decode_valid(content_.data()).length) == content_.size();
  if (one) replaced_ = pattern_->only_match();
}

void Replace::normalize(Characters& text) const {
  std::string bytes;
  bytes.reserve(text.size());
  for (const Character& character : text) append_utf8(character.code, bytes);
  const auto size = static_cast<std::int32_t>(bytes.size());
  Span match = pattern_->find(bytes, {0, size});
  if (match.begin == match.end) return;
  Characters result;
  result.reserve(text.size());
  std::int32_t at = 0;  // of text[i] in bytes
  for (std::size_t i = 0; i < text.size();) {
    if (match.begin == match.end || at < match.begin) {
      result.push_back(text[i]);
      at += decode_valid(bytes.data() + at).length;
      ++i;
      continue;
    }
    for (; at < match.end; ++i) at += decode_valid(bytes.data() + at).length;
    append_all(content_, text[i - 1].source, result);
    match = pattern_->find(bytes, {match.end, size});
  }
  text = std::move(result);
}

void Replace::apply(AlignedText& text) const {
  if (replaced_) return text.replace_each(*replaced_, content_);
  const std::int32_t size = text.size();
  Rewriting rewriting(text);
  for (Span match = pattern_->find(text.text, {0, size}); match.begin < match.end;
       match = pattern_->find(text.text, {match.end, size})) {
    rewriting.replace(match, content_, text.source(match.end - 1));
  }
  rewriting.finish();
}

std::string Replace::replaced(std::string_view text) const {
  const auto size = static_cast<std::int32_t>(text.size());
  std::string result;
  std::int32_t done = 0;
  for (Span match = pattern_->find(text, {0, size}); match.begin < match.end;
       match = pattern_->find(text, {match.end, size})) {
    result.append(text, static_cast<std::size_t>(done),
                  static_cast<std::size_t>(match.begin - done));
    result.append(content_);
    done = match.end;
  }
  return result.append(text, static_cast<std::size_t>(done));
}

void Prepend::normalize(Characters& text) const {
  if (text.empty()) return;
  Characters result;
  result.reserve(text.size() + prefix_.size());
  append_all(prefix_, text[0].source, result);
  result.insert(result.end(), text.begin(), text.end());
  text = std::move(result);
}

void Prepend::apply(AlignedText& text) const {
  if (!text.text.empty() && !prefix_.empty()) text.prepend(prefix_);
}

std::unique_ptr<Replace> read_replace_fields(const JsonField& field) {
  return std::make_unique<Replace>(read_pattern(field.member("pattern")),
                                   short_text(field, "content"));
}

std::unique_ptr<Normalizer> read_replace(const JsonField& field) {
  return read_replace_fields(field);
}

std::unique_ptr<Normalizer> read_prepend(const JsonField& field) {
  return std::make_unique<Prepend>(short_text(field, "prepend"));
}

}  // namespace weft
