// weft info: what a directory holds, how it would be computed and how much memory that takes.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/info_encoder_decoder.h"
#include "cli/json_object.h"
#include "cli/output.h"
#include "weft/supported.h"
#include "weft/transformer_model.h"
#include "weft/version.h"

namespace weft::cli {
namespace {

constexpr std::int64_t kMostRows = std::int64_t{1} << 31;

std::string as_json(const ModelInfo& info) {
  const JsonObject limits = JsonObject()
                                .add("tokens", info.limits.tokens)
                                .add("sequences", info.limits.sequences)
                                .add("longest", info.limits.longest)
                                .add("threads", info.limits.threads);
  const JsonObject head = JsonObject()
                              .add("kind", to_string(info.head.kind))
                              .add("architecture", info.head.architecture)
                              .add("labels", info.head.labels)
                              .add("problem_type", to_string(info.head.problem));
  return JsonObject()
             .add("version", kVersion)
             .add("architecture", info.architecture)
             .add("source", info.source)
             .add("weight_files", info.weight_files)
             .add("file_dtype", info.file_dtype)
             .add("compute_dtype", info.compute_dtype)
             .add("compute_dtype_reason", info.compute_dtype_reason)
             .add("attention_dtype", info.attention_dtype)
             .add("attention_dtype_reason", info.attention_dtype_reason)
             .add("isa", to_string(info.isa))
             .add("isa_reason", info.isa_reason)
             .add("gemm", to_string(info.gemm))
             .add("gemm_reason", info.gemm_reason)
             .add("kernels", info.kernels)
             .add("threads", info.threads)
             .add("threads_reason", info.threads_reason)
             .add("parameters", info.parameters)
             .add("layers", info.layers)
             .add("hidden_size", info.hidden_size)
             .add("heads", info.heads)
             .add("intermediate_size", info.intermediate_size)
             .add("vocabulary_size", info.vocabulary_size)
             .add("max_tokens", info.max_tokens)
             .add("image_shape", info.image_shape)
             .add("embedding_size", info.embedding_size)
             .add("token_vector_size", info.token_vector_size)
             .add("pooling", info.pooling)
             .add("queries", info.queries)
             .add("documents", info.documents)
             .add("head", head)
             .add("outputs", info.outputs)
             .add("packed_bytes", info.packed_bytes)
             .add("cache", to_string(info.cache_state))
             .add("cache_files", info.cache_files)
             .add("limits", limits)
             .add("session_bytes", info.session_bytes)
             .add("head_session_bytes", info.head_session_bytes)
             .add("unexpected_tensors", info.unexpected_tensors)
             .add("missing_tensors", info.missing_tensors)
             .add("warnings", info.warnings)
             .add("embedding_notes", info.embedding_notes)
             .text() +
         '\n';
}

std::string readable_bytes(std::size_t bytes) {
  const auto count = static_cast<double>(bytes);
  return bytes < 1'000'000 ? fmt::format("{:.1f} KB", count * 1e-3)
                           : fmt::format("{:.1f} MB", count * 1e-6);
}

std::string with_reason(std::string_view what, std::string_view reason) {
  return reason.empty() ? std::string(what) : fmt::format("{} ({})", what, reason);
}

std::string as_table(const ModelInfo& info) {
  std::string table;
  const auto row = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) table += fmt::format("{:<20}{}\n", name, value);
  };
  row("model", info.source);
  row("architecture", info.architecture);
  row("weights", fmt::format("{} ({}, {} parameters)", fmt::join(info.weight_files, ", "),
                             info.file_dtype, info.parameters));
  row("shape",
      fmt::format("{} layers, hidden {}, {} heads, intermediate {}, vocabulary {}", info.layers,
                  info.hidden_size, info.heads, info.intermediate_size, info.vocabulary_size));
  row("longest sequence", fmt::format("{} tokens", info.max_tokens));
  row("images", fmt::format("{}", fmt::join(info.image_shape, " x ")));
  if (info.embedding_size > 0) {
    row("sentence embedding",
        with_reason(fmt::format("{} columns", info.embedding_size), info.pooling));
  }
  if (info.token_vector_size > 0) {
    row("vectors of tokens",
        with_reason(fmt::format("{} columns", info.token_vector_size), info.pooling));
    row("queries", info.queries);
    row("documents", info.documents);
  }
  if (info.head.kind != HeadKind::kNone) {
    row("head", with_reason(to_string(info.head.kind), info.head.architecture));
    row("labels", fmt::format("{}", fmt::join(info.head.labels, ", ")));
  }
  row("outputs", fmt::format("{}", fmt::join(info.outputs, ", ")));
  row("precision", with_reason(info.compute_dtype, info.compute_dtype_reason));
  row("attention", with_reason(info.attention_dtype, info.attention_dtype_reason));
  row("instruction set", with_reason(to_string(info.isa), info.isa_reason));
  row("matrix products", with_reason(to_string(info.gemm), info.gemm_reason));
  row("kernels", fmt::format("{}", fmt::join(info.kernels, ", ")));
  // The reason begins with the number where there is more to say than that it was asked for.
  row("threads", info.threads_reason.starts_with(fmt::format("{} ", info.threads))
                     ? info.threads_reason
                     : with_reason(fmt::format("{}", info.threads), info.threads_reason));
  row("memory, weights", readable_bytes(info.packed_bytes));
  if (info.cache_state != CacheState::kOff) {
    row("packed cache", with_reason(to_string(info.cache_state),
                                    fmt::format("{}", fmt::join(info.cache_files, ", "))));
  }
  row("memory, session",
      fmt::format("{} for {} tokens in {} sequences", readable_bytes(info.session_bytes),
                  info.limits.tokens, info.limits.sequences));
  if (info.head_session_bytes > 0) {
    row("memory, head", readable_bytes(info.head_session_bytes) + " more for scores");
  }
  row("absent tensors", fmt::format("{}", fmt::join(info.missing_tensors, ", ")));
  row("unused tensors", fmt::format("{}", fmt::join(info.unexpected_tensors, ", ")));
  for (const std::string& warning : info.warnings) row("warning", warning);
  for (const std::string& note : info.embedding_notes) row("note", note);
  return table;
}

std::string supported_list(const Arguments& arguments) {
  const std::vector<std::string> architectures = supported_architectures();
  const std::vector<std::string> heads = supported_heads();
  const std::vector<std::string> decoders = supported_encoder_decoders();
  if (arguments.given("--json")) {
    return JsonObject()
               .add("architectures", architectures)
               .add("encoder_decoders", decoders)
               .add("heads", heads)
               .text() +
           '\n';
  }
  return fmt::format(
      "architectures, by config.json's model_type:\n  {}\n"
      "encoder-decoders:\n  {}\n"
      "heads, by config.json's architectures[0]:\n  {}\n",
      fmt::join(architectures, "\n  "), fmt::join(decoders, "\n  "), fmt::join(heads, "\n  "));
}

void info(const Arguments& arguments) {
  if (arguments.given("--supported")) {
    if (!arguments.words().empty()) {
      throw UsageError("MODEL_DIR and --supported: expected one of them, found both");
    }
    HeldStdout output;
    output.write(supported_list(arguments));
    return output.publish();
  }
  const std::string directory = arguments.model_directory();
  LoadOptions load = load_options(arguments);
  load.limits.tokens = arguments.integer("--max-tokens", 1, kMostRows, 0);
  load.limits.sequences = arguments.integer("--max-sequences", 1, kMostRows, load.limits.sequences);
  const bool json = arguments.given("--json");
  HeldStdout output;
  if (is_encoder_decoder(directory)) {
    const EncoderDecoderInfo model = EncoderDecoder::load(directory, load)->info();
    output.write(json ? encoder_decoder_json(model) : encoder_decoder_table(model));
  } else {
    const ModelInfo model = TransformerModel::load(directory, load)->info();
    output.write(json ? as_json(model) : as_table(model));
  }
  output.publish();
}

}  // namespace

Command info_command() {
  return {.name = "info",
          .summary = "what a model is, how it would be computed, and its memory",
          .synopsis = "MODEL_DIR [--json] [options] | --supported [--json]",
          .description = "Reads config.json and the weights only.",
          .options = with_compute_options({
              {"--json", "", "one JSON object instead of a table"},
              {"--supported", "", "list the architectures and heads that weft runs; no MODEL_DIR"},
              {"--max-tokens", "N", "plan memory for N tokens at once (default 512 a thread)"},
              {"--max-sequences", "N", "and for N sequences (default 256)"},
          }),
          .examples =
              "  weft info models/all-MiniLM-L6-v2\n"
              "  weft info models/all-MiniLM-L6-v2 --json --max-tokens 16384",
          .run = info};
}

}  // namespace weft::cli
