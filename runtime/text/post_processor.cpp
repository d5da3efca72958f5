#include "runtime/text/post_processor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/text/token_model.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

using Kind = TemplatePiece::Kind;
using Specials = std::vector<std::pair<std::string, std::vector<std::int32_t>>>;

constexpr std::int64_t kMaxTypeId = 0x7FFFFFFF;

std::int32_t checked_special(const JsonField& field, std::string_view token, std::int64_t id,
                             const FindToken& find) {
  const auto known = find(token);
  if (!known) {
    field.corrupt(fmt::format("special token {}: expected in the vocabulary, found nowhere",
                              in_quotes(token)));
  }
  if (*known != id) {
    field.corrupt(fmt::format("special token {}: expected id {} of the vocabulary, found {}",
                              in_quotes(token), *known, id));
  }
  return *known;
}

std::vector<std::int32_t> read_ids(const JsonField& special, const FindToken& find) {
  const auto ids = special.list("ids");
  const auto tokens = special.list("tokens");
  if (ids.size() != tokens.size()) {
    special.corrupt(
        fmt::format("expected as many ids as tokens, found {} and {}", ids.size(), tokens.size()));
  }
  std::vector<std::int32_t> result;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    result.push_back(
        checked_special(special, tokens[i].as_text(), ids[i].as_integer(0, kMaxTokenId), find));
  }
  return result;
}

Specials read_specials(const JsonField& field, const FindToken& find) {
  Specials specials;
  const JsonField table = field.member("special_tokens");
  if (!table.value().is_object()) table.expected("an object");
  for (const Json::Member& member : table.value().members()) {
    const JsonField special = table.member(member.first);
    specials.emplace_back(member.first, read_ids(special, find));
  }
  return specials;
}

TemplatePiece read_piece(const JsonField& field, const Specials& specials) {
  if (const auto text = field.find("Sequence")) {
    const std::string& id = text->text("id");
    if (id != "A" && id != "B") text->corrupt(fmt::format("id: expected A or B, found {}", id));
    return {id == "A" ? Kind::kFirstText : Kind::kSecondText,
            static_cast<std::int32_t>(text->integer("type_id", 0, kMaxTypeId)),
            {}};
  }
  const JsonField special = field.member("SpecialToken");
  const std::string& id = special.text("id");
  const auto found = std::find_if(specials.begin(), specials.end(),
                                  [&id](const auto& known) { return known.first == id; });
  if (found == specials.end()) {
    special.corrupt(fmt::format("expected a name in special_tokens, found {}", in_quotes(id)));
  }
  return {Kind::kSpecial, static_cast<std::int32_t>(special.integer("type_id", 0, kMaxTypeId)),
          found->second};
}

bool has_kind(const Template& pieces, Kind kind) {
  return std::any_of(pieces.begin(), pieces.end(),
                     [kind](const TemplatePiece& piece) { return piece.kind == kind; });
}

PostProcessor read_template_processing(const JsonField& field, const FindToken& find) {
  const Specials specials = read_specials(field, find);
  Template single, pair;
  for (const auto& piece : field.list("single")) single.push_back(read_piece(piece, specials));
  for (const auto& piece : field.list("pair")) pair.push_back(read_piece(piece, specials));
  if (!has_kind(single, Kind::kFirstText) || has_kind(single, Kind::kSecondText)) {
    field.member("single").corrupt("expected text A and not text B");
  }
  if (!has_kind(pair, Kind::kFirstText) || !has_kind(pair, Kind::kSecondText)) {
    field.member("pair").corrupt("expected both texts, A and B");
  }
  return {std::move(single), std::move(pair)};
}

std::int32_t read_named_id(const JsonField& field, std::string_view key, const FindToken& find) {
  const JsonField member = field.member(key);
  const auto items = member.as_list();
  if (items.size() != 2) member.expected("a token and its id");
  return checked_special(member, items[0].as_text(), items[1].as_integer(0, kMaxTokenId), find);
}

PostProcessor read_bert_processing(const JsonField& field, const FindToken& find) {
  const TemplatePiece cls{Kind::kSpecial, 0, {read_named_id(field, "cls", find)}};
  const TemplatePiece sep{Kind::kSpecial, 0, {read_named_id(field, "sep", find)}};
  const TemplatePiece second_sep{Kind::kSpecial, 1, sep.ids};
  const TemplatePiece first{Kind::kFirstText, 0, {}}, second{Kind::kSecondText, 1, {}};
  return {{cls, first, sep}, {cls, first, sep, second, second_sep}};
}

std::vector<FirstSpace> read_trims(const JsonField& field) {
  const auto rule = field.flag("add_prefix_space") ? FirstSpace::kKeep : FirstSpace::kTrim;
  if (!field.flag("trim_offsets")) return {};
  return {rule};
}

// Every token has type 0, those of a second text too.
PostProcessor read_roberta_processing(const JsonField& field, const FindToken& find) {
  const TemplatePiece cls{Kind::kSpecial, 0, {read_named_id(field, "cls", find)}};
  const TemplatePiece sep{Kind::kSpecial, 0, {read_named_id(field, "sep", find)}};
  const TemplatePiece first{Kind::kFirstText, 0, {}}, second{Kind::kSecondText, 0, {}};
  return {{cls, first, sep}, {cls, first, sep, sep, second, sep}, read_trims(field)};
}

PostProcessor read_byte_level(const JsonField& field, const FindToken&) {
  const PostProcessor nothing;
  return {nothing.single(), nothing.pair(), read_trims(field)};
}

// Any number of ByteLevel, and one step that puts tokens around the texts.
PostProcessor read_sequence(const JsonField& field, const FindToken& find) {
  PostProcessor result;
  std::string around;
  std::vector<FirstSpace> trims;
  for (const JsonField& step : field.list("processors")) {
    const PostProcessor one = read_post_processor(step, find);
    const std::string& type = step.text("type");
    if (!one.trims().empty() && !around.empty() && around != "TemplateProcessing") {
      step.unsupported(fmt::format("trim_offsets after {} is not supported", around));
    }
    trims.insert(trims.end(), one.trims().begin(), one.trims().end());
    if (type == "ByteLevel") continue;
    if (!around.empty()) {
      step.unsupported(fmt::format("{} after {} is not supported", type, around));
    }
    around = type;
    result = one;
  }
  return {result.single(), result.pair(), std::move(trims)};
}

using Reader = std::pair<std::string_view, PostProcessor (*)(const JsonField&, const FindToken&)>;
constexpr std::array kReaders = {
    Reader{"BertProcessing", read_bert_processing},         Reader{"ByteLevel", read_byte_level},
    Reader{"RobertaProcessing", read_roberta_processing},   Reader{"Sequence", read_sequence},
    Reader{"TemplateProcessing", read_template_processing},
};

void append_special(const TemplatePiece& piece, const TokenizeOptions& options, Encoding& out) {
  if (!options.add_special_tokens) return;
  const std::size_t count = out.ids.size() + piece.ids.size();
  out.ids.insert(out.ids.end(), piece.ids.begin(), piece.ids.end());
  out.type_ids.resize(count, piece.type_id);
  if (!options.want_offsets) return;
  out.offsets.resize(count);
  out.byte_offsets.resize(count);
}

template <typename T>
void append(const std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

void append_text(const TemplatePiece& piece, const Encoding& text, Encoding& out) {
  append(text.ids, out.ids);
  out.type_ids.resize(out.ids.size(), piece.type_id);
  append(text.offsets, out.offsets);
  append(text.byte_offsets, out.byte_offsets);
}

}  // namespace

PostProcessor::PostProcessor()
    : single_{{Kind::kFirstText, 0, {}}},
      pair_{{Kind::kFirstText, 0, {}}, {Kind::kSecondText, 1, {}}},
      trims_{} {}

std::int64_t count_special_tokens(const Template& pieces) {
  std::int64_t count = 0;
  for (const TemplatePiece& piece : pieces) count += static_cast<std::int64_t>(piece.ids.size());
  return count;
}

PostProcessor read_post_processor(const JsonField& field, const FindToken& find) {
  const std::string& type = field.text("type");
  for (const auto& [name, read] : kReaders) {
    if (name == type) return read(field, find);
  }
  field.unsupported(fmt::format("post-processor {} is not supported", in_quotes(type)));
}

void apply_pair(const Template& pieces, const TokenizeOptions& options, const Encoding& first,
                const Encoding& second, Encoding& out) {
  for (const TemplatePiece& piece : pieces) {
    switch (piece.kind) {
      case Kind::kFirstText: append_text(piece, first, out); break;
      case Kind::kSecondText: append_text(piece, second, out); break;
      case Kind::kSpecial: append_special(piece, options, out); break;
    }
  }
}

// The usual shape, specials around the text once, moves the few tokens in place: no allocation when
// `first` is reused.
void apply_single(const Template& pieces, const TokenizeOptions& options, Encoding& first) {
  const auto is_text = [](const TemplatePiece& p) { return p.kind == Kind::kFirstText; };
  const auto text = std::find_if(pieces.begin(), pieces.end(), is_text);
  if (std::find_if(text + 1, pieces.end(), is_text) != pieces.end()) {
    Encoding tokens;
    std::swap(tokens, first);
    first.truncated_tokens = tokens.truncated_tokens;
    return apply_pair(pieces, options, tokens, {}, first);
  }
  first.type_ids.assign(first.ids.size(), text->type_id);
  if (!options.add_special_tokens) return;
  std::ptrdiff_t at = 0;
  for (auto piece = pieces.begin(); piece != text; ++piece) {
    const auto count = piece->ids.size();
    first.ids.insert(first.ids.begin() + at, piece->ids.begin(), piece->ids.end());
    first.type_ids.insert(first.type_ids.begin() + at, count, piece->type_id);
    if (options.want_offsets) {
      first.offsets.insert(first.offsets.begin() + at, count, {0, 0});
      first.byte_offsets.insert(first.byte_offsets.begin() + at, count, {0, 0});
    }
    at += static_cast<std::ptrdiff_t>(count);
  }
  for (auto piece = text + 1; piece != pieces.end(); ++piece) {
    append_special(*piece, options, first);
  }
}

}  // namespace weft
