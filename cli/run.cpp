// weft run: named tensors in, named tensors out.
#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/interruption.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "weft/encoder_decoder.h"
#include "weft/safetensors.h"
#include "weft/transformer_model.h"

namespace weft::cli {
namespace {

void run(const Arguments& arguments) {
  const std::string directory = arguments.model_directory();
  const std::string input = arguments.required_file("--input");
  const std::string output = arguments.required_file("--output");
  const LoadOptions load = load_options(arguments);
  ForwardOptions options;
  if (arguments.given("--all-hidden-states")) options.hidden_states = HiddenStates::kAll;
  if (arguments.given("--attentions")) options.attentions = AttentionOutput::kAll;
  options.stop.cancel = &interruption_flag();

  check_writable(output);
  const NamedArrays inputs = read_safetensors(input);
  const auto finish = [&](const auto& model) {
    const NamedArrays outputs = model->forward(inputs, options);
    throw_if_interrupted();
    write_safetensors(output, outputs);
    tell_notes(model->info().warnings);
  };
  if (is_encoder_decoder(directory)) {
    finish(EncoderDecoder::load(directory, load));
  } else {
    finish(TransformerModel::load(directory, load));
  }
}

}  // namespace

Command run_command() {
  return {
      .name = "run",
      .summary = "a model on token ids: hidden states, pooler output, logits, embeddings",
      .synopsis = "MODEL_DIR --input IN.safetensors --output OUT.safetensors [options]",
      .description =
          "Input, I64 or I32: `input_ids` [tokens] with `offsets` [sequences + 1], or `input_ids` "
          "[B,T]\n"
          "with `attention_mask` [B,T]; optional `token_type_ids`. Models of images take F32\n"
          "`pixel_values` [B,C,H,W], models of vectors `inputs` [tokens,d] with `offsets` or "
          "[B,T,d]\n"
          "with `attention_mask`. Encoder-decoders take `decoder_input_ids` [B,U] (or\n"
          "`decoder_inputs` [B,U,d]) with an optional `decoder_attention_mask` as well, and write\n"
          "`encoder_last_hidden_state`, `encoder_hidden_states.i`, `decoder_hidden_states.i`,\n"
          "`encoder_attentions.i`, `decoder_attentions.i`, `cross_attentions.i`.\n"
          "Output tensors are named as in\n"
          "Hugging Face: `last_hidden_state`, and `pooler_output`, `sentence_embedding`,\n"
          "`token_embeddings`, `logits` (raw scores) if the model has them. Needs config.json and "
          "the weights only. Never truncates.",
      .options = with_compute_options({
          {"--input", "FILE", "a .safetensors file with the inputs"},
          {"--output", "FILE", "the .safetensors file to write"},
          {"--all-hidden-states", "", "also `hidden_states.0` (embeddings) to `hidden_states.L`"},
          {"--attentions", "", "also `attentions.0` to `attentions.L-1` [B,heads,T,T]"},
      }),
      .examples =
          "  weft run models/all-MiniLM-L6-v2 --input ids.safetensors --output out.safetensors\n"
          "  weft run models/all-MiniLM-L6-v2 --input ids.safetensors --output out.safetensors \\\n"
          "      --all-hidden-states --attentions",
      .run = run};
}

}  // namespace weft::cli
