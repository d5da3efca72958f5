// One line per encoder-decoder.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "runtime/models/seq2seq_graph.h"
#include "weft/error.h"
#include "weft/supported.h"

namespace weft {
namespace {

constexpr std::array kArchitectures{
    Seq2SeqArchitecture{"bart", build_bart, "BartModel", "BartForConditionalGeneration"},
    Seq2SeqArchitecture{"marian", build_marian, "MarianModel", "MarianMTModel"},
    Seq2SeqArchitecture{"mbart", build_mbart, "MBartModel", "MBartForConditionalGeneration"},
    Seq2SeqArchitecture{"mt5", build_mt5_seq2seq, "MT5Model", "MT5ForConditionalGeneration"},
    Seq2SeqArchitecture{"t5", build_t5_seq2seq, "T5Model", "T5ForConditionalGeneration"},
    Seq2SeqArchitecture{"torch.nn.Transformer", build_torch_transformer, "Transformer", ""},
};

std::string first_architecture(const Config& config) {
  const std::vector<std::string> names = config.texts_or_empty("architectures");
  return names.empty() ? std::string() : names[0];
}

}  // namespace

bool is_seq2seq(const Config& config) {
  const std::string model_type = config.text_or("model_type", "");
  const std::string name = first_architecture(config);
  for (const Seq2SeqArchitecture& architecture : kArchitectures) {
    if (architecture.model_type != model_type) continue;
    if (!name.empty() && (name == architecture.bare || name == architecture.generating)) {
      return true;
    }
    // transformers has no encoder alone of these.
    const bool encoder_too = model_type == "t5" || model_type == "mt5";
    return !encoder_too || (name.empty() && config.flag_or("is_encoder_decoder", false));
  }
  return false;
}

const Seq2SeqArchitecture& find_seq2seq_architecture(const Config& config) {
  const std::string model_type = config.text("model_type");
  for (const Seq2SeqArchitecture& architecture : kArchitectures) {
    if (architecture.model_type != model_type) continue;
    const std::string name = first_architecture(config);
    if (name.empty() || name == architecture.bare || name == architecture.generating) {
      return architecture;
    }
    config.unsupported(
        "architectures",
        fmt::format("expected {}{}{}, found \"{}\"", architecture.bare,
                    architecture.generating.empty() ? "" : " or ", architecture.generating, name));
  }
  config.unsupported("model_type",
                     fmt::format("expected an encoder-decoder, one of [{}], found \"{}\"",
                                 fmt::join(supported_encoder_decoders(), ", "), model_type));
}

LanguageHead language_head_of(const Config& config, const Seq2SeqArchitecture& architecture) {
  const bool named =
      !architecture.generating.empty() && first_architecture(config) == architecture.generating;
  return named ? LanguageHead::kYes : LanguageHead::kNo;
}

std::vector<std::string> supported_encoder_decoders() {
  std::vector<std::string> names{"bahdanau"};  // recurrent: graphs of its own, models/bahdanau.h
  for (const Seq2SeqArchitecture& architecture : kArchitectures) {
    names.emplace_back(architecture.model_type);
  }
  return names;
}

}  // namespace weft
