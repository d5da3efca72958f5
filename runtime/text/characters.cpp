#include "runtime/text/characters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "runtime/text/find_byte.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {

void append_characters(std::string_view text, std::int32_t base, Characters& out) {
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < size;) {
    const Decoded next = decode_valid(text.data() + at);
    out.push_back({next.code, {base + at, base + at + next.length}});
    at += next.length;
  }
}

namespace {

constexpr std::size_t kMaxBytes = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kNear = 8;  // runs that are passed one by one

bool is_continuation(const std::string& text, std::int32_t at) {
  return (text[static_cast<std::size_t>(at)] & 0xC0) == 0x80;
}

// Copies at least `size` bytes, of which `left` may be read and written: most are a few.
void copy_short(const char* from, char* to, std::size_t size, std::size_t left) {
  if (size <= 16 && left >= 16) {
    std::memcpy(to, from, 16);
  } else {
    std::memcpy(to, from, size);
  }
}

}  // namespace

AlignedText::AlignedText(std::string_view part, std::int32_t base) : text(part) {
  if (!part.empty()) runs_.push_back({0, base, kVerbatim});
}

std::int32_t AlignedText::size() const {
  if (text.size() > kMaxBytes) {
    throw Error(Reason::kResourceExhausted,
                fmt::format("[tokenizer] text: expected at most {} bytes when normalised, found {}",
                            kMaxBytes, text.size()));
  }
  return static_cast<std::int32_t>(text.size());
}

// Leaves a run out that the last one continues with.
void AlignedText::add_run(Run run) {
  if (!runs_.empty()) {
    const Run& last = runs_.back();
    const std::int32_t continued =
        last.source_length == kVerbatim ? last.source + (run.begin - last.begin) : last.source;
    if (last.source_length == run.source_length && continued == run.source) return;
  }
  runs_.push_back(run);
}

void AlignedText::append(std::string_view character, Span from) {
  const std::int32_t begin = size();
  text.append(character);
  const std::int32_t length = from.end - from.begin;
  add_run({begin, from.begin, length == size() - begin ? kVerbatim : length});
}

void AlignedText::append(char32_t code, Span from) {
  std::string character;
  append_utf8(code, character);
  append(character, from);
}

void AlignedText::append(const AlignedText& other, Span range) {
  if (range.begin == range.end) return;
  const std::int32_t shift = size() - range.begin;
  text.append(other.text, static_cast<std::size_t>(range.begin),
              static_cast<std::size_t>(range.end - range.begin));
  for (std::size_t i = other.run_of(range.begin);
       i < other.runs_.size() && other.runs_[i].begin < range.end; ++i) {
    Run run = other.runs_[i];
    const std::int32_t cut = std::max(range.begin - run.begin, 0);
    if (run.source_length == kVerbatim) run.source += cut;
    run.begin += cut + shift;
    add_run(run);
  }
}

void AlignedText::replace_each(char ascii, std::string_view character) {
  const auto count = static_cast<std::size_t>(std::count(text.begin(), text.end(), ascii));
  if (count == 0) return;
  AlignedText result;
  result.text.resize(text.size() + count * character.size() - count);
  result.size();  // throws where places would not fit
  result.runs_.reserve(runs_.size() + 2 * count);
  const auto character_size = static_cast<std::int32_t>(character.size());
  char* out = result.text.data();
  std::int32_t written = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Run run = runs_[i];
    const std::int32_t end = i + 1 == runs_.size() ? size() : runs_[i + 1].begin;
    for (std::int32_t at = run.begin; at < end;) {
      const bool verbatim = run.source_length == kVerbatim;
      const std::int32_t source = verbatim ? run.source + (at - run.begin) : run.source;
      const std::int32_t begin = written;
      const auto stop = static_cast<std::int32_t>(find_byte(
          text.data(), static_cast<std::size_t>(at), static_cast<std::size_t>(end), ascii));
      copy_short(text.data() + at, out + written, static_cast<std::size_t>(stop - at),
                 static_cast<std::size_t>(size() - at));
      written += stop - at;
      at = stop;
      if (written > begin) result.add_run({begin, source, run.source_length});
      if (at == end) break;
      const std::int32_t length = verbatim ? 1 : run.source_length;
      result.add_run({written, verbatim ? run.source + (at - run.begin) : run.source,
                      length == character_size ? kVerbatim : length});
      character.copy(out + written, character.size());
      written += character_size;
      ++at;
    }
  }
  *this = std::move(result);
}

void AlignedText::prepend(std::string_view characters) {
  const Span first = source(0);
  text.insert(0, characters);
  size();  // throws where places would not fit
  const auto shift = static_cast<std::int32_t>(characters.size());
  for (Run& run : runs_) run.begin += shift;
  runs_.insert(runs_.begin(), {0, first.begin, first.end - first.begin});
}

std::size_t AlignedText::run_of(std::int32_t byte) const {
  const std::size_t last = last_run_;
  if (last + 1 < runs_.size() && runs_[last].begin <= byte && byte < runs_[last + 1].begin) {
    return last;
  }
  return last_run_ = search_run(byte);
}

std::size_t AlignedText::search_run(std::int32_t byte) const {
  const auto after = [this](std::size_t i) {
    return i + 1 == runs_.size() ? INT32_MAX : runs_[i + 1].begin;
  };
  std::size_t from = std::min(last_run_, runs_.size() - 1);
  if (runs_[from].begin > byte) from = 0;
  for (std::size_t i = from; i < std::min(from + kNear, runs_.size()); ++i) {
    if (byte < after(i)) return i;
  }
  const auto next =
      std::upper_bound(runs_.begin() + static_cast<std::ptrdiff_t>(from), runs_.end(), byte,
                       [](std::int32_t b, const Run& run) { return b < run.begin; });
  return static_cast<std::size_t>(next - runs_.begin()) - 1;
}

Span AlignedText::source(Span range) const {
  const Run& first = runs_[run_of(range.begin)];
  Span result{first.source, 0};
  if (first.source_length == kVerbatim) {
    std::int32_t begin = range.begin;
    while (is_continuation(text, begin)) --begin;
    result.begin += begin - first.begin;
  }
  const Run& last = runs_[run_of(range.end - 1)];
  if (last.source_length == kVerbatim) {
    std::int32_t end = range.end;
    while (end < static_cast<std::int32_t>(text.size()) && is_continuation(text, end)) ++end;
    result.end = last.source + (end - last.begin);
  } else {
    result.end = last.source + last.source_length;
  }
  return result;
}

AlignedText to_aligned_text(std::span<const Character> characters) {
  AlignedText result;
  result.text.reserve(characters.size());
  for (const Character& character : characters) result.append(character.code, character.source);
  return result;
}

void append_characters(const AlignedText& text, Characters& out) {
  const std::int32_t size = text.size();
  out.reserve(out.size() + text.text.size());
  for (std::int32_t at = 0; at < size;) {
    const Decoded next = decode_valid(text.text.data() + at);
    out.push_back({next.code, text.source(at)});
    at += next.length;
  }
}

void Rewriting::replace(Span range, std::string_view characters, Span source) {
  if (!changed_) result_.text.reserve(text_.text.size() + characters.size());
  changed_ = true;
  result_.append(text_, {done_, range.begin});
  for (std::size_t at = 0; at < characters.size();) {
    const auto length = static_cast<std::size_t>(decode_valid(characters.data() + at).length);
    result_.append(characters.substr(at, length), source);
    at += length;
  }
  done_ = range.end;
}

void Rewriting::finish() {
  if (!changed_) return;
  result_.append(text_, {done_, text_.size()});
  text_ = std::move(result_);
}

void rewrite(Characters& text, std::span<const Rewritten> result) {
  Characters rewritten;
  rewritten.reserve(result.size());
  std::size_t next = 0;  // the first old character that is not yet replaced
  for (const Rewritten& one : result) {
    Span source{0, 0};
    if (one.change > 0) {
      if (next > 0) source = text[next - 1].source;
    } else {
      source = text[next].source;
      next += 1 + static_cast<std::size_t>(-one.change);
    }
    rewritten.push_back({one.code, source});
  }
  text = std::move(rewritten);
}

}  // namespace weft
