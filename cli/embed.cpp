// weft embed: texts in, sentence embeddings out, with flat memory over any number of texts.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/embed_multi_vector.h"
#include "cli/embed_sparse.h"
#include "cli/embedding_output.h"
#include "cli/interruption.h"
#include "cli/terminal.h"
#include "cli/text_arguments.h"
#include "weft/encoder.h"
#include "weft/error.h"

namespace weft::cli {
namespace {

EncodeOptions encode_options(const Arguments& arguments) {
  arguments.exclude("--prompt", "--prompt-name");
  arguments.exclude("--normalize", "--no-normalize");
  EncodeOptions options;
  options.prompt = arguments.value("--prompt");
  options.prompt_name = arguments.value("--prompt-name");
  if (arguments.given("--normalize")) options.normalize = Normalization::kOn;
  if (arguments.given("--no-normalize")) options.normalize = Normalization::kOff;
  options.truncate_dim = arguments.integer("--truncate-dim", 1, std::int64_t{1} << 31, 0);
  const TextOptions text = text_options(arguments);
  options.long_text = text.long_text;
  options.specials_in_text = text.specials_in_text;
  options.stop = text.stop;
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

void embed(const Arguments& arguments) {
  const std::string directory = model_word(arguments);
  const std::string output_name = arguments.file("--output").value_or("-");
  embedding_format(output_name);
  const EncodeOptions options = encode_options(arguments);
  const LoadOptions load = load_options(arguments);
  if (arguments.given("--multi-vector")) {
    return embed_multi_vector(arguments, load, directory, output_name);
  }
  if (arguments.given("--sparse")) return embed_sparse(arguments, load, directory, output_name);
  TextInput input = open_texts(arguments, "TEXT");
  const auto output = EmbeddingOutput::open(output_name);

  const Encoder encoder = Encoder::load(directory, load);
  check_against_model(encoder, options);
  const std::int64_t cols = encoder.dimension(options);

  Progress progress("texts");
  TextWindow window;
  std::vector<float> rows;
  std::int64_t truncated = 0;
  while (window.fill(input)) {
    rows.resize(window.texts.size() * static_cast<std::size_t>(cols));
    const std::vector<std::string_view> texts(window.texts.begin(), window.texts.end());
    truncated += in_window(window, [&] { return encoder.encode(texts, rows, options); });
    output->write(rows, cols);
    progress.update(window.end(), input.share_read());
    throw_if_interrupted();
  }
  progress.clear();
  output->publish(cols);

  tell_truncated(truncated, window.first, encoder.max_tokens());
  const ModelInfo info = encoder.info();
  tell_notes(info.warnings);
  tell_notes(info.embedding_notes);
}

}  // namespace

Command embed_command() {
  return {.name = "embed",
          .summary = "sentence embeddings of texts",
          .synopsis = "MODEL_DIR [TEXT...] [--input FILE|-] [--output FILE|-] [options]",
          .description =
              "Writes one embedding per text, in order. Any number of texts is embedded in flat "
              "memory.",
          .options = with_text_options({
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
              {"--sparse", "",
               "SPLADE vectors of a masked LM: JSON lines, or .safetensors with `indices`,\n"
               "`values` and `offsets`"},
              {"--multi-vector", "ROLE",
               "a vector per token, by a ColBERT-style model; ROLE: document or query. JSON\n"
               "lines, or .safetensors with `embeddings` [tokens,D] and `offsets`"},
          }),
          .examples =
              "  weft embed models/all-MiniLM-L6-v2 \"A sentence.\" \"Another one.\"\n"
              "  weft embed models/all-MiniLM-L6-v2 --input lines.txt --output vectors.npy\n"
              "  zcat texts.jsonl.gz | weft embed models/all-MiniLM-L6-v2 --input - \\\n"
              "      --input-format jsonl --output vectors.safetensors",
          .run = embed};
}

}  // namespace weft::cli
