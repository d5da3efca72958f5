// weft fill: texts with masks in, likely tokens out.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/json_object.h"
#include "cli/result_output.h"
#include "cli/text_results.h"
#include "weft/masked_lm.h"

namespace weft::cli {
namespace {

constexpr std::int64_t kMostTokens = std::int64_t{1} << 31;
constexpr std::int64_t kDefaultTokens = 5;

// A line per mask. The members of a prediction have the names of transformers' pipeline.
std::string as_json(const FilledText& filled, std::int64_t index) {
  std::string lines;
  for (std::size_t i = 0; i < filled.masks.size(); ++i) {
    std::vector<JsonObject> predictions;
    for (const TokenScore& token : filled.masks[i].tokens) {
      predictions.push_back(JsonObject()
                                .add("score", require_finite(token.score, "score", index))
                                .add("token", token.id)
                                .add("token_str", token.token));
    }
    lines += JsonObject()
                 .add("index", index)
                 .add("mask", i)
                 .add("start", filled.masks[i].begin)
                 .add("end", filled.masks[i].end)
                 .add("predictions", predictions)
                 .text() +
             '\n';
  }
  return lines;
}

std::string as_table(const FilledText& filled, std::int64_t index, std::string_view text) {
  std::string table = fmt::format("{}  {}\n", index, shortened(text));
  for (const FilledMask& mask : filled.masks) {
    if (filled.masks.size() > 1) table += fmt::format("  at {}-{}\n", mask.begin, mask.end);
    for (const TokenScore& token : mask.tokens) {
      table += fmt::format("  {:>8.4f}  {}\n", token.score, single_line(token.token));
    }
  }
  return table;
}

void fill(const Arguments& arguments) {
  const std::string directory = model_word(arguments);
  const std::int64_t top_k = arguments.integer("--top-k", 1, kMostTokens, kDefaultTokens);
  const TextOptions options = text_options(arguments);
  const LoadOptions load = load_options(arguments);
  TextInput input = open_texts(arguments, "TEXT");
  const MaskedLM model = MaskedLM::load(directory, load);

  const bool as_lines = arguments.given("--json");
  write_results(
      input, model.max_tokens(),
      [&](const std::vector<std::string>& texts) { return model.fill(texts, top_k, options); },
      [&](const FilledText& result, std::int64_t index, const std::string& text) {
        return as_lines ? as_json(result, index) : as_table(result, index, text);
      });
}

}  // namespace

Command fill_command() {
  return {.name = "fill",
          .summary = "likely tokens for the masks in texts, by a masked language model",
          .synopsis = "MODEL_DIR [TEXT...] [--input FILE|-] [--top-k N] [--json] [options]",
          .description = "Each TEXT holds the model's mask token ([MASK] or <mask>) at least once.",
          .options = with_text_options({
              {"--top-k", "N", "tokens per mask (default 5)"},
              {"--json", "",
               "a line per mask: {\"index\":..,\"mask\":..,\"start\":..,\"end\":..,\n"
               "\"predictions\":[{\"score\":..,\"token\":id,\"token_str\":..},..]}"},
          }),
          .examples =
              "  weft fill models/bert-base-uncased \"The capital of France is [MASK].\"\n"
              "  weft fill models/roberta-base \"A <mask> day.\" --top-k 3 --json",
          .run = fill};
}

}  // namespace weft::cli
