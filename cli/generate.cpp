// weft generate: texts in, texts out, by an encoder-decoder; or token ids in, token ids out.
#include <fmt/format.h>

#include <filesystem>

#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/interruption.h"
#include "cli/json_object.h"
#include "cli/output.h"
#include "cli/result_output.h"
#include "cli/terminal.h"
#include "cli/text_results.h"
#include "weft/generation.h"
#include "weft/safetensors.h"

namespace weft::cli {
namespace {

constexpr std::int64_t kMostLength = std::int64_t{1} << 24;
constexpr std::int64_t kMostBeams = 4096;

GenerationOptions generation_options(const Arguments& arguments) {
  GenerationOptions options;
  if (const std::int64_t length = arguments.integer("--max-length", 2, kMostLength, 0)) {
    options.max_length = length;
  }
  if (const std::int64_t beams = arguments.integer("--beams", 1, kMostBeams, 0)) {
    options.beams = beams;
  }
  return options;
}

void generate_ids(const Arguments& arguments) {
  const std::string directory = arguments.model_directory();
  const std::string input = arguments.required_file("--input");
  const std::string output = arguments.required_file("--output");
  for (const char* option : {"--json", "--input-format", "--long-text", "--specials-as-text"}) {
    if (!arguments.given(option)) continue;
    throw UsageError(fmt::format("{}: expected texts with it, found token ids", option));
  }
  const GenerationOptions options = generation_options(arguments);
  const LoadOptions load = load_options(arguments);
  StopCondition stop;
  stop.cancel = &interruption_flag();

  check_writable(output);
  const NamedArrays inputs = read_safetensors(input);
  const Generator generator = Generator::load(directory, load);
  const NamedArrays outputs = generator.generate(inputs, options, stop);
  throw_if_interrupted();
  write_safetensors(output, outputs);
  tell_notes(generator.model().info().warnings);
}

std::string as_json(const GeneratedText& result, std::int64_t index) {
  return JsonObject()
             .add("index", index)
             .add("text", result.text)
             .add("tokens", result.tokens)
             .text() +
         '\n';
}

void generate_texts(const Arguments& arguments) {
  const std::string directory = model_word(arguments);
  const GenerationOptions options = generation_options(arguments);
  const TextOptions how = text_options(arguments);
  const LoadOptions load = load_options(arguments);
  TextInput input = open_texts(arguments, "TEXT");
  const TextGenerator generator = TextGenerator::load(directory, load);

  const bool as_lines = arguments.given("--json");
  write_results(
      input, generator.max_tokens(),
      [&](const std::vector<std::string>& texts) {
        return generator.generate(texts, options, how);
      },
      [&](const GeneratedText& result, std::int64_t index, const std::string&) {
        return as_lines ? as_json(result, index) : single_line(result.text) + '\n';
      });
  tell_notes(generator.generator().model().info().warnings);
}

// Texts have nothing to write to a file; ids have nowhere else to go.
void generate(const Arguments& arguments) {
  const auto input = arguments.file("--input");
  const bool named_so = input && std::filesystem::path(*input).extension() == ".safetensors";
  if (arguments.given("--output") || (named_so && !arguments.given("--input-format"))) {
    generate_ids(arguments);
  } else {
    generate_texts(arguments);
  }
}

}  // namespace

Command generate_command() {
  return {
      .name = "generate",
      .summary = "texts from texts, by an encoder-decoder: translation, summaries",
      .synopsis =
          "MODEL_DIR [TEXT...] [--input FILE|-] [--max-length N] [--beams K] [--json] [options]\n"
          "       weft generate MODEL_DIR --input IN.safetensors --output OUT.safetensors "
          "[options]",
      .description =
          "Greedy and beam search as generation_config.json (or config.json) says, with a line "
          "per\n"
          "text. From a .safetensors file with the encoder's inputs (as `weft run` takes them) it\n"
          "writes `sequences` I64 [B,N], which begin with the start token and are padded to the\n"
          "maximum length N; that needs no tokenizer.",
      .options = with_text_options({
          {"--output", "FILE", "the .safetensors file to write, for input of that kind"},
          {"--max-length", "N", "tokens of a result, the start token included"},
          {"--beams", "K", "hypotheses that a search follows at a time; 1: greedy"},
          {"--json", "", "a line per text: {\"index\":..,\"text\":..,\"tokens\":[..]}"},
      }),
      .examples =
          "  weft generate models/opus-mt-en-de \"The weaver dyes red wool.\"\n"
          "  weft generate models/t5-small --input texts.txt --beams 4 --max-length 60 --json\n"
          "  weft generate models/opus-mt-en-de --input ids.safetensors --output out.safetensors",
      .run = generate};
}

}  // namespace weft::cli
