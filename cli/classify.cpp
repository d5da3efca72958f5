// weft classify: texts in, labels out.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/json_object.h"
#include "cli/result_output.h"
#include "cli/text_results.h"
#include "weft/classifier.h"

namespace weft::cli {
namespace {

constexpr std::int64_t kMostLabels = std::int64_t{1} << 31;

std::string as_json(const Classification& result, std::int64_t index) {
  std::vector<JsonObject> labels;
  for (const LabelScore& label : result.labels) {
    labels.push_back(JsonObject()
                         .add("label", label.label)
                         .add("score", require_finite(label.score, "score", index)));
  }
  return JsonObject()
             .add("index", index)
             .add("label", result.labels.front().label)
             .add("score", result.labels.front().score)
             .add("labels", labels)
             .text() +
         '\n';
}

std::string as_table(const Classification& result, std::int64_t index, std::string_view text) {
  std::string table = fmt::format("{}  {}\n", index, shortened(text));
  for (const LabelScore& label : result.labels) {
    table += fmt::format("  {:>8.4f}  {}\n", label.score, single_line(label.label));
  }
  return table;
}

void classify(const Arguments& arguments) {
  const std::string directory = model_word(arguments);
  const std::int64_t top_k = arguments.integer("--top-k", 1, kMostLabels, 0);
  const TextOptions options = text_options(arguments);
  const LoadOptions load = load_options(arguments);
  TextInput input = open_texts(arguments, "TEXT");
  const Classifier classifier = Classifier::load(directory, load);

  const bool as_lines = arguments.given("--json");
  write_results(
      input, classifier.max_tokens(),
      [&](const std::vector<std::string>& texts) {
        return classifier.classify(texts, top_k, options);
      },
      [&](const Classification& result, std::int64_t index, const std::string& text) {
        return as_lines ? as_json(result, index) : as_table(result, index, text);
      });
}

}  // namespace

Command classify_command() {
  return {
      .name = "classify",
      .summary = "labels of texts, by a model for sequence classification",
      .synopsis = "MODEL_DIR [TEXT...] [--input FILE|-] [--top-k N] [--json] [options]",
      .description =
          "Scores add up to 1 over the labels; with problem_type multi_label_classification or one "
          "label\n"
          "each is a probability of its own; with regression they are the model's values.",
      .options = with_text_options({
          {"--top-k", "N", "the N labels with the highest scores (default: all)"},
          {"--json", "",
           "a line per text: {\"index\":..,\"label\":..,\"score\":..,\n"
           "\"labels\":[{\"label\":..,\"score\":..},..]}"},
      }),
      .examples =
          "  weft classify models/sentiment \"What a fine day.\" \"Rain again.\"\n"
          "  weft classify models/sentiment --input reviews.txt --top-k 1 --json",
      .run = classify};
}

}  // namespace weft::cli
