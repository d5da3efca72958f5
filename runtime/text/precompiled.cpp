#include "runtime/text/precompiled.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/text/graphemes.h"
#include "runtime/text/unicode_traits.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

// A unit of the trie: bits 0-7 and 31 the label, bit 8 whether a key ends here, bits 9-30 the
// distance to its children. The value of a key is a unit of its own.
constexpr std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000FF; }
constexpr bool ends_key(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
constexpr std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
constexpr std::uint32_t distance_of(std::uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200) >> 6);
}

constexpr std::size_t kLongestCluster = 5;  // bytes of a cluster that is looked up as a whole

// SentencePiece's longest is U+FDFA's, 33 bytes; a file cannot make a text grow without bound.
constexpr std::size_t kLongestReplacement = 256;

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

std::string decode_base64(const JsonField& field) {
  std::string_view text = field.as_text();
  const bool whole = text.size() % 4 == 0;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0 || !whole) field.corrupt("expected base64, found something else");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

}  // namespace

Precompiled::Precompiled(std::string_view charsmap, const JsonField& field) {
  std::uint32_t trie_bytes = 0;
  if (charsmap.size() >= sizeof trie_bytes) {
    std::memcpy(&trie_bytes, charsmap.data(), sizeof trie_bytes);
    charsmap.remove_prefix(sizeof trie_bytes);
  }
  if (trie_bytes < sizeof(std::uint32_t) || trie_bytes > charsmap.size()) {
    field.corrupt(fmt::format("expected a trie and its length, found {} bytes of {}",
                              charsmap.size(), trie_bytes));
  }
  units_.resize(trie_bytes / sizeof(std::uint32_t));
  std::memcpy(units_.data(), charsmap.data(), units_.size() * sizeof(std::uint32_t));
  strings_ = charsmap.substr(units_.size() * sizeof(std::uint32_t));
  if (!is_utf8(strings_)) field.corrupt("expected replacements in UTF-8, found other bytes");
  for (std::size_t begin = 0; begin < strings_.size();) {
    const auto end = std::min(strings_.find('\0', begin), strings_.size());
    if (end - begin > kLongestReplacement) {
      field.corrupt(fmt::format("expected replacements of at most {} bytes, found {}",
                                kLongestReplacement, end - begin));
    }
    begin = end + 1;
  }
  for (unsigned char c = 0; c < ascii_.size(); ++c) {
    const char text = static_cast<char>(c);
    ascii_[c] = find({&text, 1});
    if (c == '\r') continue;  // it may belong with a line feed
    if (!ascii_[c]) simple_[c] = text;
    if (ascii_[c] && ascii_[c]->size() == 1) simple_[c] = ascii_[c]->front();
  }
}

// A trie from a file may lead anywhere: a place outside of it is no key.
std::optional<std::string_view> Precompiled::find(std::string_view chunk) const {
  std::size_t place = distance_of(units_[0]);
  for (const char c : chunk) {
    const auto byte = static_cast<unsigned char>(c);
    place ^= byte;
    if (byte == 0 || place >= units_.size() || label_of(units_[place]) != byte) break;
    const std::uint32_t unit = units_[place];
    place ^= distance_of(unit);
    if (!ends_key(unit)) continue;
    const std::size_t begin = place < units_.size() ? value_of(units_[place]) : strings_.size();
    if (begin >= strings_.size() || (strings_[begin] & 0xC0) == 0x80) break;
    const auto end = std::min(strings_.find('\0', begin), strings_.size());
    return std::string_view(strings_).substr(begin, end - begin);
  }
  return std::nullopt;
}

// The characters of the result and how they replace those of the text.
class Precompiled::Writer {
 public:
  explicit Writer(std::size_t size) { result_.reserve(size); }
  void keep(char32_t code) { result_.push_back({code, 0}); }
  // As in the reference: too many characters are put in after the last that replaces one; too few
  // make the last one written, of whatever replacement, take the place of more. When nothing was
  // written before, later characters stand for earlier ones of the text.
  void replace(std::size_t old_count, std::string_view replacement) {
    changed_ = true;
    std::size_t count = 0;
    for (std::size_t at = 0; at < replacement.size(); ++count) {
      const Decoded next = decode_valid(replacement.data() + at);
      result_.push_back({next.code, count < old_count ? 0 : 1});
      at += static_cast<std::size_t>(next.length);
    }
    if (count < old_count && !result_.empty()) {
      result_.back().change -= static_cast<std::int32_t>(old_count - count);
    }
  }
  void finish(Characters& text) const {
    if (changed_) rewrite(text, result_);
  }

 private:
  std::vector<Rewritten> result_;
  bool changed_ = false;
};

void Precompiled::normalize(Characters& text) const {
  Writer writer(text.size());
  std::string chunk;
  const auto one = [&](char32_t code) {
    chunk.clear();
    append_utf8(code, chunk);
    const auto replacement = code < 128 ? ascii_[code] : find(chunk);
    if (replacement) {
      writer.replace(1, *replacement);
    } else {
      writer.keep(code);
    }
  };
  for (std::size_t begin = 0; begin < text.size();) {
    const bool simple = begin + 1 < text.size() && text[begin].code < 128 &&
                        text[begin + 1].code < 128 && text[begin].code != '\r';
    const std::size_t end = simple ? begin + 1 : cluster_end(text, begin);
    if (end - begin > 1 && end - begin <= kLongestCluster) {
      chunk.clear();
      for (std::size_t i = begin; i < end; ++i) append_utf8(text[i].code, chunk);
      const auto replacement = chunk.size() <= kLongestCluster ? find(chunk) : std::nullopt;
      if (replacement) {
        writer.replace(end - begin, *replacement);
        begin = end;
        continue;
      }
    }
    for (; begin < end; ++begin) one(text[begin].code);
  }
  writer.finish(text);
}

// Whether every character of the text is a cluster of its own and becomes at least one character,
// so that what it becomes has its source.
bool Precompiled::goes_by_characters(std::string_view text) const {
  using unicode::Cluster;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded next = decode_valid(text.data() + at);
    if (next.code < 128) {
      if (simple_[next.code] == 0) return false;
    } else {
      switch (static_cast<Cluster>(unicode::traits(next.code).cluster)) {
        case Cluster::kOther:
        case Cluster::kControl:
        case Cluster::kPicture:
        case Cluster::kConsonant:
        case Cluster::kHangulLV:
        case Cluster::kHangulLVT: break;  // none of these stays together with another
        default: return false;
      }
      const auto replacement = find(text.substr(at, static_cast<std::size_t>(next.length)));
      if (replacement && replacement->empty()) return false;
    }
    at += static_cast<std::size_t>(next.length);
  }
  return true;
}

void Precompiled::apply(AlignedText& text) const {
  if (!goes_by_characters(text.text)) return Normalizer::apply(text);
  Rewriting rewriting(text);
  for (std::size_t at = 0; at < text.text.size();) {
    char& byte = text.text[at];
    if ((byte & 0x80) == 0) {
      byte = simple_[static_cast<unsigned char>(byte)];
      ++at;
      continue;
    }
    const auto length = static_cast<std::size_t>(decode_valid(&byte).length);
    const auto replacement = find(std::string_view(text.text).substr(at, length));
    const Span place{static_cast<std::int32_t>(at), static_cast<std::int32_t>(at + length)};
    if (replacement) rewriting.replace(place, *replacement, text.source(place));
    at += length;
  }
  rewriting.finish();
}

std::unique_ptr<Normalizer> read_precompiled(const JsonField& field) {
  const JsonField map = field.member("precompiled_charsmap");
  return std::make_unique<Precompiled>(decode_base64(map), map);
}

}  // namespace weft
