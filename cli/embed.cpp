// weft embed: texts in, sentence embeddings out, with flat memory over any number of texts.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/embedding_output.h"
#include "cli/interruption.h"
#include "cli/terminal.h"
#include "cli/text_input.h"
#include "weft/encoder.h"
#include "weft/error.h"

namespace weft::cli {
namespace {

// One call of encode(), which sorts by length: enough texts that neighbours in the order are alike.
constexpr std::size_t kWindowTexts = 4096;
constexpr std::size_t kWindowBytes = std::size_t{4} << 20;

constexpr std::array<std::string_view, 2> kInputFormats = {"txt", "jsonl"};
constexpr std::array<std::string_view, 2> kLongTexts = {"truncate", "error"};

TextFormat text_format(const Arguments& arguments, const std::string& file) {
  if (const auto choice = arguments.choice("--input-format", kInputFormats)) {
    return *choice == 0 ? TextFormat::kLines : TextFormat::kJsonLines;
  }
  if (file == "-") return TextFormat::kLines;
  const std::string extension = std::filesystem::path(file).extension().string();
  if (extension == ".txt") return TextFormat::kLines;
  if (extension == ".jsonl") return TextFormat::kJsonLines;
  throw UsageError(fmt::format(
      "--input: expected a name ending in .txt or .jsonl, or - (or --input-format), found {}",
      in_quotes(file)));
}

TextInput open_input(const Arguments& arguments, std::vector<std::string> texts) {
  const auto file = arguments.file("--input");
  if (!file) {
    if (texts.empty()) throw UsageError("expected a TEXT or --input, found neither");
    if (arguments.given("--input-format")) {
      throw UsageError("--input-format: expected --input with it, found none");
    }
    return TextInput(std::move(texts));
  }
  if (!texts.empty()) throw UsageError("TEXT and --input: expected one of them, found both");
  return TextInput(*file, text_format(arguments, *file));
}

EncodeOptions encode_options(const Arguments& arguments) {
  arguments.exclude("--prompt", "--prompt-name");
  arguments.exclude("--normalize", "--no-normalize");
  EncodeOptions options;
  options.prompt = arguments.value("--prompt");
  options.prompt_name = arguments.value("--prompt-name");
  if (arguments.given("--normalize")) options.normalize = Normalization::kOn;
  if (arguments.given("--no-normalize")) options.normalize = Normalization::kOff;
  options.truncate_dim = arguments.integer("--truncate-dim", 1, std::int64_t{1} << 31, 0);
  if (arguments.choice("--long-text", kLongTexts) == std::size_t{1}) {
    options.long_text = LongText::kError;
  }
  if (arguments.given("--specials-as-text")) options.specials_in_text = SpecialsInText::kAsText;
  options.stop.cancel = &interruption_flag();
  return options;
}

/// What only the model can tell about the command line.
void check_against_model(const Encoder& encoder, const EncodeOptions& options) {
  const std::int64_t dimension = encoder.dimension();
  if (options.truncate_dim > dimension) {
    throw Error(Reason::kOutOfRange, fmt::format("--truncate-dim: expected 1 to {}, found {}",
                                                 dimension, options.truncate_dim));
  }
  if (!options.prompt_name) return;
  const std::vector<std::string> known = encoder.prompt_names();
  if (std::find(known.begin(), known.end(), *options.prompt_name) == known.end()) {
    const std::vector<std::string_view> names(known.begin(), known.end());
    throw Error(Reason::kNotFound,
                fmt::format("--prompt-name: expected {}, found {}",
                            names.empty() ? "none, as the model names no prompts" : listed(names),
                            in_quotes(*options.prompt_name)));
  }
}

struct Window {
  std::vector<std::string> texts;
  std::int64_t first = 0;  // number of its first text

  bool fill(TextInput& input) {
    first += static_cast<std::int64_t>(texts.size());
    texts.clear();
    std::size_t bytes = 0;
    std::string text;
    while (texts.size() < kWindowTexts && bytes < kWindowBytes && input.next(text)) {
      bytes += text.size();
      texts.push_back(std::move(text));
    }
    return !texts.empty();
  }
};

std::int64_t encode_window(const Encoder& encoder, const Window& window, std::span<float> rows,
                           const EncodeOptions& options) {
  const std::vector<std::string_view> texts(window.texts.begin(), window.texts.end());
  try {
    return encoder.encode(texts, rows, options);
  } catch (const Error& error) {
    if (window.first == 0) throw;
    // The library counts texts within its call.
    throw Error(error.reason(),
                fmt::format("counting texts from number {} on: {}", window.first, error.what()));
  }
}

void embed(const Arguments& arguments) {
  std::vector<std::string> texts = arguments.words();
  if (texts.empty()) throw UsageError("MODEL_DIR: expected a directory, found nothing");
  const std::string directory = texts.front();
  texts.erase(texts.begin());
  const std::string output_name = arguments.file("--output").value_or("-");
  embedding_format(output_name);
  const EncodeOptions options = encode_options(arguments);
  const LoadOptions load = load_options(arguments);
  refuse_option(arguments, "--sparse");
  TextInput input = open_input(arguments, std::move(texts));
  const auto output = EmbeddingOutput::open(output_name);

  const Encoder encoder = Encoder::load(directory, load);
  check_against_model(encoder, options);
  const std::int64_t cols = encoder.dimension(options);

  Progress progress("texts");
  Window window;
  std::vector<float> rows;
  std::int64_t truncated = 0;
  while (window.fill(input)) {
    rows.resize(window.texts.size() * static_cast<std::size_t>(cols));
    truncated += encode_window(encoder, window, rows, options);
    output->write(rows, cols);
    progress.update(window.first + static_cast<std::int64_t>(window.texts.size()),
                    input.share_read());
    throw_if_interrupted();
  }
  progress.clear();
  output->publish(cols);

  if (truncated > 0) {
    tell(fmt::format("{} of {} texts were longer than {} tokens and were cut", truncated,
                     window.first, encoder.max_tokens()));
  }
  const ModelInfo info = encoder.info();
  tell_notes(info.warnings);
  tell_notes(info.embedding_notes);
}

}  // namespace

Command embed_command() {
  return {
      .name = "embed",
      .summary = "sentence embeddings of texts",
      .synopsis = "MODEL_DIR [TEXT...] [--input FILE|-] [--output FILE|-] [options]",
      .description =
          "Writes one embedding per text, in order. Any number of texts is embedded in flat "
          "memory.",
      .options = with_compute_options({
          {"--input", "FILE|-",
           ".txt: a text per line; .jsonl: a string or {\"text\": ...} per line;\n"
           "-: stdin"},
          {"--input-format", "F", "txt or jsonl, whatever the name (default for stdin: txt)"},
          {"--output", "FILE|-",
           ".safetensors (tensor `embeddings`), .npy or .jsonl;\n"
           "-: JSON lines on stdout (default)"},
          {"--prompt-name", "P", "a prompt that the model names, put before each text"},
          {"--prompt", "S",
           "this text put before each text; '' for none\n"
           "(default: the model's default prompt)"},
          {"--normalize", "", "give every embedding length 1 (default: as the model says)"},
          {"--no-normalize", "", "never"},
          {"--truncate-dim", "N", "keep the first N columns"},
          {"--long-text", "WHAT", "texts beyond the model's maximum: truncate (default) or error"},
          {"--specials-as-text", "",
           "take \"[SEP]\" and the like in a text as ordinary characters"},
          {"--sparse", "", "not supported yet"},
      }),
      .examples =
          "  weft embed models/all-MiniLM-L6-v2 \"A sentence.\" \"Another one.\"\n"
          "  weft embed models/all-MiniLM-L6-v2 --input lines.txt --output vectors.npy\n"
          "  zcat texts.jsonl.gz | weft embed models/all-MiniLM-L6-v2 --input - \\\n"
          "      --input-format jsonl --output vectors.safetensors",
      .run = embed};
}

}  // namespace weft::cli
