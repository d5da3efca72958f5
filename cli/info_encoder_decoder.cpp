#include "cli/info_encoder_decoder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/json_object.h"
#include "weft/version.h"

namespace weft::cli {

std::string encoder_decoder_json(const EncoderDecoderInfo& info) {
  return JsonObject()
             .add("version", kVersion)
             .add("architecture", info.architecture)
             .add("source", info.source)
             .add("weight_files", info.weight_files)
             .add("compute_dtype", info.compute_dtype)
             .add("attention_dtype", info.attention_dtype)
             .add("isa", to_string(info.isa))
             .add("gemm", to_string(info.gemm))
             .add("kernels", info.kernels)
             .add("threads", info.threads)
             .add("parameters", info.parameters)
             .add("encoder_layers", info.encoder_layers)
             .add("decoder_layers", info.decoder_layers)
             .add("hidden_size", info.hidden_size)
             .add("encoder_heads", info.encoder_heads)
             .add("decoder_heads", info.decoder_heads)
             .add("source_vocabulary", info.source_vocabulary)
             .add("target_vocabulary", info.target_vocabulary)
             .add("max_source_tokens", info.max_source_tokens)
             .add("max_target_tokens", info.max_target_tokens)
             .add("outputs", info.outputs)
             .add("packed_bytes", info.packed_bytes)
             .add("unexpected_tensors", info.unexpected_tensors)
             .add("warnings", info.warnings)
             .text() +
         '\n';
}

std::string encoder_decoder_table(const EncoderDecoderInfo& info) {
  std::string table;
  const auto row = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) table += fmt::format("{:<20}{}\n", name, value);
  };
  row("model", info.source);
  row("architecture", info.architecture + " (encoder-decoder)");
  row("weights",
      fmt::format("{} ({} parameters)", fmt::join(info.weight_files, ", "), info.parameters));
  row("encoder", fmt::format("{} layers, hidden {}, {} heads, vocabulary {}, {} tokens at most",
                             info.encoder_layers, info.hidden_size, info.encoder_heads,
                             info.source_vocabulary, info.max_source_tokens));
  row("decoder", fmt::format("{} layers, hidden {}, {} heads, vocabulary {}, {} tokens at most",
                             info.decoder_layers, info.hidden_size, info.decoder_heads,
                             info.target_vocabulary, info.max_target_tokens));
  row("outputs", fmt::format("{}", fmt::join(info.outputs, ", ")));
  row("precision", info.compute_dtype);
  row("attention", info.attention_dtype == "f32"
                       ? info.attention_dtype
                       : info.attention_dtype + " (over the cache of a generation f32)");
  row("instruction set", to_string(info.isa));
  row("matrix products", to_string(info.gemm));
  row("kernels", fmt::format("{}", fmt::join(info.kernels, ", ")));
  row("threads", fmt::format("{}", info.threads));
  row("memory, weights", fmt::format("{:.1f} MB", static_cast<double>(info.packed_bytes) * 1e-6));
  row("unused tensors", fmt::format("{}", fmt::join(info.unexpected_tensors, ", ")));
  for (const std::string& warning : info.warnings) row("warning", warning);
  return table;
}

}  // namespace weft::cli
