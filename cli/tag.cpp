// weft tag: texts in, labelled spans out.
#include <fmt/format.h>

#include <array>

#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/json_object.h"
#include "cli/result_output.h"
#include "cli/text_results.h"
#include "weft/token_classifier.h"

namespace weft::cli {
namespace {

constexpr std::array kAggregations = {Aggregation::kNone, Aggregation::kSimple, Aggregation::kFirst,
                                      Aggregation::kAverage, Aggregation::kMax};
constexpr std::array<std::string_view, 5> kNames = {"none", "simple", "first", "average", "max"};

// The members have the names of transformers' pipeline.
std::string as_json(const TaggedText& tagged, Aggregation aggregation, std::int64_t index,
                    std::string_view text) {
  const bool tokens = aggregation == Aggregation::kNone;
  std::vector<JsonObject> entities;
  for (const Entity& entity : tagged.entities) {
    JsonObject object;
    object.add(tokens ? "entity" : "entity_group", entity.label)
        .add("score", require_finite(entity.score, "score", index));
    if (tokens) object.add("index", entity.token_index);
    object.add("word", bytes_of(text, entity.byte_begin, entity.byte_end))
        .add("start", entity.begin)
        .add("end", entity.end);
    entities.push_back(std::move(object));
  }
  return JsonObject().add("index", index).add("entities", entities).text() + '\n';
}

std::string as_table(const TaggedText& tagged, std::int64_t index, std::string_view text) {
  std::string table = fmt::format("{}  {}\n", index, shortened(text));
  for (const Entity& entity : tagged.entities) {
    table += fmt::format("  {:>5}-{:<5} {:.4f}  {:<12}  {}\n", entity.begin, entity.end,
                         entity.score, single_line(entity.label),
                         shortened(bytes_of(text, entity.byte_begin, entity.byte_end)));
  }
  return table;
}

void tag(const Arguments& arguments) {
  const std::string directory = model_word(arguments);
  const auto choice = arguments.choice("--aggregate", kNames);
  const Aggregation aggregation = choice ? kAggregations[*choice] : Aggregation::kSimple;
  const TextOptions options = text_options(arguments);
  const LoadOptions load = load_options(arguments);
  TextInput input = open_texts(arguments, "TEXT");
  const TokenClassifier classifier = TokenClassifier::load(directory, load);

  const bool as_lines = arguments.given("--json");
  write_results(
      input, classifier.max_tokens(),
      [&](const std::vector<std::string>& texts) {
        return classifier.tag(texts, aggregation, options);
      },
      [&](const TaggedText& result, std::int64_t index, const std::string& text) {
        return as_lines ? as_json(result, aggregation, index, text) : as_table(result, index, text);
      });
}

}  // namespace

Command tag_command() {
  return {
      .name = "tag",
      .summary = "labelled spans of texts, by a model for token classification",
      .synopsis = "MODEL_DIR [TEXT...] [--input FILE|-] [--aggregate HOW] [--json] [options]",
      .description =
          "Spans are given by characters (code points) of the text; what is labelled \"O\" is left "
          "out.",
      .options = with_text_options({
          {"--aggregate", "HOW",
           "none: each token; simple (default): neighbours with one label together;\n"
           "first, average, max: the same after each word got one label, that of its\n"
           "first token, of its tokens' mean scores, of its surest token"},
          {"--json", "",
           "a line per text: {\"index\":..,\"entities\":[{\"entity_group\":..,\n"
           "\"score\":..,\"word\":..,\"start\":..,\"end\":..},..]}; with none `entity` and\n"
           "the token's `index`"},
      }),
      .examples =
          "  weft tag models/ner \"Ada Lovelace lived in London.\"\n"
          "  weft tag models/ner --input lines.txt --aggregate first --json",
      .run = tag};
}

}  // namespace weft::cli
