#include "runtime/text/normalizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/text/normal_forms.h"
#include "runtime/text/unicode.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

using unicode::Flag;

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

std::unique_ptr<Normalizer> read_bert_normalizer(const JsonField& field) {
  BertNormalizerOptions options;
  options.clean_text = field.flag("clean_text");
  options.handle_chinese_chars = field.flag("handle_chinese_chars");
  options.lowercase = field.flag("lowercase");
  options.strip_accents =
      field.find("strip_accents") ? field.flag("strip_accents") : options.lowercase;
  return std::make_unique<BertNormalizer>(options);
}

std::unique_ptr<Normalizer> read_sequence(const JsonField& field) {
  std::vector<std::unique_ptr<Normalizer>> steps;
  for (const JsonField& step : field.list("normalizers")) steps.push_back(read_normalizer(step));
  return std::make_unique<NormalizerSequence>(std::move(steps));
}

}  // namespace

Normalizer::~Normalizer() = default;

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
  switch (form_) {
    case NormalForm::kNfd: return decompose(text, Decomposition::kCanonical);
    case NormalForm::kNfkd: return decompose(text, Decomposition::kCompatible);
    case NormalForm::kNfc: return compose(text, Decomposition::kCanonical);
    case NormalForm::kNfkc: return compose(text, Decomposition::kCompatible);
  }
}

void Lowercase::normalize(Characters& text) const { lower_case(text); }

void StripAccents::normalize(Characters& text) const { remove(text, unicode::kMark); }

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

void NormalizerSequence::normalize(Characters& text) const {
  for (const auto& step : steps_) step->normalize(text);
}

std::unique_ptr<Normalizer> read_normalizer(const JsonField& field) {
  const std::string& type = field.text("type");
  if (type == "BertNormalizer") return read_bert_normalizer(field);
  if (type == "Sequence") return read_sequence(field);
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "StripAccents") return std::make_unique<StripAccents>();
  if (type == "Strip") return std::make_unique<Strip>(read_sides(field));
  if (type == "NFC") return std::make_unique<UnicodeNormalizer>(NormalForm::kNfc);
  if (type == "NFD") return std::make_unique<UnicodeNormalizer>(NormalForm::kNfd);
  if (type == "NFKC") return std::make_unique<UnicodeNormalizer>(NormalForm::kNfkc);
  if (type == "NFKD") return std::make_unique<UnicodeNormalizer>(NormalForm::kNfkd);
  field.unsupported(fmt::format("normalizer {} is not supported", in_quotes(type)));
}

}  // namespace weft
