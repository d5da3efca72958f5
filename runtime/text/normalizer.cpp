#include "runtime/text/normalizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "runtime/text/byte_level.h"
#include "runtime/text/normal_forms.h"
#include "runtime/text/precompiled.h"
#include "runtime/text/replace.h"
#include "runtime/text/unicode.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

using unicode::Flag;
using Pointer = std::unique_ptr<Normalizer>;

constexpr std::size_t kMaxCharacters = std::size_t{1} << 31;

void lower_case(Characters& text) {
  Characters result;
  result.reserve(text.size());
  for (const Character& character : text) {
    unicode::Storage storage;
    const std::uint16_t offset = unicode::mapping(character.code).lower;
    if (offset == 0) {
      result.push_back(character);
      continue;
    }
    for (const char32_t code : unicode::decompose(character.code, offset, storage)) {
      result.push_back({code, character.source});
    }
  }
  text = std::move(result);
}

void remove(Characters& text, Flag flag) {
  std::erase_if(text, [flag](const Character& c) { return unicode::has(c.code, flag); });
}

void clean(Characters& text) {
  remove(text, unicode::kRemovedByClean);
  for (Character& character : text) {
    if (unicode::has(character.code, unicode::kWhiteSpace)) character.code = U' ';
  }
}

void put_spaces_around_chinese(Characters& text) {
  Characters result;
  result.reserve(text.size());
  for (const Character& character : text) {
    const bool chinese = unicode::has(character.code, unicode::kChinese);
    if (chinese) result.push_back({U' ', character.source});
    result.push_back(character);
    if (chinese) result.push_back({U' ', character.source});
  }
  text = std::move(result);
}

Sides read_sides(const JsonField& field) {
  if (field.flag("strip_left")) return field.flag("strip_right") ? Sides::kBoth : Sides::kLeft;
  return field.flag("strip_right") ? Sides::kRight : Sides::kNone;
}

Pointer read_bert_normalizer(const JsonField& field) {
  BertNormalizerOptions options;
  options.clean_text = field.flag("clean_text");
  options.handle_chinese_chars = field.flag("handle_chinese_chars");
  options.lowercase = field.flag("lowercase");
  options.strip_accents =
      field.find("strip_accents") ? field.flag("strip_accents") : options.lowercase;
  return std::make_unique<BertNormalizer>(options);
}

Pointer read_sequence(const JsonField& field) {
  std::vector<std::unique_ptr<Normalizer>> steps;
  for (const JsonField& step : field.list("normalizers")) steps.push_back(read_normalizer(step));
  return std::make_unique<NormalizerSequence>(std::move(steps));
}

template <typename Component>
Pointer read_plain(const JsonField&) {
  return std::make_unique<Component>();
}

template <NormalForm form>
Pointer read_form(const JsonField&) {
  return std::make_unique<UnicodeNormalizer>(form);
}

Pointer read_strip(const JsonField& field) { return std::make_unique<Strip>(read_sides(field)); }

using Reader = std::pair<std::string_view, Pointer (*)(const JsonField&)>;
constexpr std::array kReaders = {
    Reader{"BertNormalizer", read_bert_normalizer},
    Reader{"ByteLevel", read_plain<ByteLevelNormalizer>},
    Reader{"Lowercase", read_plain<Lowercase>},
    Reader{"NFC", read_form<NormalForm::kNfc>},
    Reader{"NFD", read_form<NormalForm::kNfd>},
    Reader{"NFKC", read_form<NormalForm::kNfkc>},
    Reader{"NFKD", read_form<NormalForm::kNfkd>},
    Reader{"Nmt", read_plain<Nmt>},
    Reader{"Precompiled", read_precompiled},
    Reader{"Prepend", read_prepend},
    Reader{"Replace", read_replace},
    Reader{"Sequence", read_sequence},
    Reader{"Strip", read_strip},
    Reader{"StripAccents", read_plain<StripAccents>},
};

// Code points below it are in this form, alone and side by side.
char32_t first_that_changes(NormalForm form) {
  switch (form) {
    case NormalForm::kNfc: return 0x300;
    case NormalForm::kNfd: return 0xC0;
    case NormalForm::kNfkc:
    case NormalForm::kNfkd: return 0xA0;
  }
  return 0;
}

// Calls change(code, place) for the characters beyond ASCII, which are few in most texts.
template <typename Change>
void for_each_beyond_ascii(const std::string& text, Change change) {
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < size; ++at) {
    if ((text[static_cast<std::size_t>(at)] & 0x80) == 0) continue;
    const Decoded next = decode_valid(text.data() + at);
    change(next.code, Span{at, at + next.length});
    at += next.length - 1;
  }
}

// Characters in place of one, which all came from where it came from.
void replace(AlignedText& text, Rewriting& rewriting, Span place, std::span<const char32_t> codes) {
  std::string characters;
  for (const char32_t code : codes) append_utf8(code, characters);
  rewriting.replace(place, characters, text.source(place));
}

// Whether no two marks come together when the text is decomposed, so that none moves.
bool keeps_order(std::string_view text, NormalForm form) {
  bool after_mark = false;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded next = decode_valid(text.data() + at);
    at += static_cast<std::size_t>(next.length);
    if (next.code < 0x80) {
      after_mark = false;
      continue;
    }
    const unicode::Mapping& mapping = unicode::mapping(next.code);
    unicode::Storage storage;
    for (const char32_t code : unicode::decompose(
             next.code, form == NormalForm::kNfd ? mapping.nfd : mapping.nfkd, storage)) {
      const bool mark = unicode::kind(code).combining_class != 0;
      if (mark && after_mark) return false;
      after_mark = mark;
    }
  }
  return true;
}

}  // namespace

Normalizer::~Normalizer() = default;

void Normalizer::apply(AlignedText& text) const {
  Characters characters;
  append_characters(text, characters);
  normalize(characters);
  text = to_aligned_text(characters);
}

void BertNormalizer::normalize(Characters& text) const {
  if (options_.clean_text) clean(text);
  if (options_.handle_chinese_chars) put_spaces_around_chinese(text);
  if (options_.strip_accents) {
    decompose(text, Decomposition::kCanonical);
    remove(text, unicode::kNonspacing);
  }
  if (options_.lowercase) lower_case(text);
}

void UnicodeNormalizer::normalize(Characters& text) const {
  const char32_t limit = first_that_changes(form_);
  if (std::all_of(text.begin(), text.end(), [limit](auto& c) { return c.code < limit; })) return;
  switch (form_) {
    case NormalForm::kNfd: return decompose(text, Decomposition::kCanonical);
    case NormalForm::kNfkd: return decompose(text, Decomposition::kCompatible);
    case NormalForm::kNfc: return compose(text, Decomposition::kCanonical);
    case NormalForm::kNfkc: return compose(text, Decomposition::kCompatible);
  }
}

void UnicodeNormalizer::apply(AlignedText& text) const {
  if (leaves_alone(text.text)) return;
  const bool composes = form_ == NormalForm::kNfc || form_ == NormalForm::kNfkc;
  if (composes || !keeps_order(text.text, form_)) return Normalizer::apply(text);
  Rewriting rewriting(text);
  for_each_beyond_ascii(text.text, [&](char32_t code, Span place) {
    const unicode::Mapping& mapping = unicode::mapping(code);
    unicode::Storage storage;
    const auto parts =
        unicode::decompose(code, form_ == NormalForm::kNfd ? mapping.nfd : mapping.nfkd, storage);
    if (parts.size() > 1 || parts[0] != code) replace(text, rewriting, place, parts);
  });
  rewriting.finish();
}

// Of what English texts have beyond ASCII most is punctuation from U+2000 on.
bool UnicodeNormalizer::leaves_alone(std::string_view text) const {
  const char32_t limit = first_that_changes(form_);
  for (std::size_t at = 0; at < text.size();) {
    const Decoded next = decode_valid(text.data() + at);
    at += static_cast<std::size_t>(next.length);
    if (next.code < limit) continue;
    if (next.code < 0x2000 || next.code >= 0x20D0) return false;
    if (unicode::mapping(next.code).nfkd != 0) return false;
  }
  return true;
}

void Lowercase::normalize(Characters& text) const { lower_case(text); }

void Lowercase::apply(AlignedText& text) const {
  for (char& c : text.text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  Rewriting rewriting(text);
  for_each_beyond_ascii(text.text, [&](char32_t code, Span place) {
    const std::uint16_t offset = unicode::mapping(code).lower;
    if (offset != 0) replace(text, rewriting, place, unicode::sequence(offset));
  });
  rewriting.finish();
}

void StripAccents::normalize(Characters& text) const { remove(text, unicode::kMark); }

void StripAccents::apply(AlignedText& text) const {
  Rewriting rewriting(text);
  for_each_beyond_ascii(text.text, [&](char32_t code, Span place) {
    if (unicode::has(code, unicode::kMark)) replace(text, rewriting, place, {});
  });
  rewriting.finish();
}

// SentencePiece's nmt rules; kept apart from clean_text, which treats other characters.
void Nmt::normalize(Characters& text) const {
  const auto removed = [](char32_t c) {
    return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
           c == 0x8F || c == 0x9F;
  };
  const auto space = [](char32_t c) {
    return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
  };
  std::erase_if(text, [&](const Character& c) { return removed(c.code); });
  for (Character& character : text) {
    if (space(character.code)) character.code = U' ';
  }
}

void Strip::normalize(Characters& text) const {
  const auto visible = [](const Character& c) {
    return !unicode::has(c.code, unicode::kWhiteSpace);
  };
  if (sides_ == Sides::kRight || sides_ == Sides::kBoth) {
    text.erase(std::find_if(text.rbegin(), text.rend(), visible).base(), text.end());
  }
  if (sides_ == Sides::kLeft || sides_ == Sides::kBoth) {
    text.erase(text.begin(), std::find_if(text.begin(), text.end(), visible));
  }
}

void Strip::apply(AlignedText& text) const {
  const auto space_at = [&text](std::int32_t at) {
    return unicode::has(decode_valid(text.text.data() + at).code, unicode::kWhiteSpace);
  };
  Span kept{0, text.size()};
  if (sides_ == Sides::kRight || sides_ == Sides::kBoth) {
    while (kept.end > 0) {
      std::int32_t last = kept.end - 1;
      while ((text.text[static_cast<std::size_t>(last)] & 0xC0) == 0x80) --last;
      if (!space_at(last)) break;
      kept.end = last;
    }
  }
  if (sides_ == Sides::kLeft || sides_ == Sides::kBoth) {
    while (kept.begin < kept.end && space_at(kept.begin)) {
      kept.begin += decode_valid(text.text.data() + kept.begin).length;
    }
  }
  if (kept == Span{0, text.size()}) return;
  AlignedText result;
  result.append(text, kept);
  text = std::move(result);
}

void NormalizerSequence::apply(AlignedText& text) const {
  for (const auto& step : steps_) step->apply(text);
}

void NormalizerSequence::normalize(Characters& text) const {
  for (const auto& step : steps_) {
    step->normalize(text);
    if (text.size() > kMaxCharacters) {
      throw Error(Reason::kResourceExhausted,
                  fmt::format("[tokenizer] text: expected at most {} characters when normalised, "
                              "found {}",
                              kMaxCharacters, text.size()));
    }
  }
}

std::unique_ptr<Normalizer> read_normalizer(const JsonField& field) {
  const std::string& type = field.text("type");
  for (const auto& [name, read] : kReaders) {
    if (name == type) return read(field);
  }
  field.unsupported(fmt::format("normalizer {} is not supported", in_quotes(type)));
}

}  // namespace weft
