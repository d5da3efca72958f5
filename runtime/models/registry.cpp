// One line per architecture.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "runtime/models/model_graph.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::array kArchitectures{
    Architecture{"albert", build_albert},
    Architecture{"bert", build_jina_bert, is_jina_bert},
    Architecture{"bert", build_bert},
    Architecture{"camembert", build_roberta},
    Architecture{"deberta-v2", build_deberta_v2},
    Architecture{"deit", build_deit},
    Architecture{"dinov2", build_dinov2},
    Architecture{"distilbert", build_distilbert},
    Architecture{"electra", build_electra},
    Architecture{"ernie", build_ernie},
    Architecture{"eurobert", build_eurobert},
    Architecture{"gte", build_gte},
    Architecture{"megatron-bert", build_megatron_bert},
    Architecture{"modernbert", build_modernbert},
    Architecture{"mpnet", build_mpnet},
    Architecture{"mt5", build_mt5},
    Architecture{"multi_head_self_attention", build_self_attention},
    Architecture{"new", build_new},
    Architecture{"nomic_bert", build_nomic_bert},
    Architecture{"roberta", build_roberta},
    Architecture{"t5", build_t5},
    Architecture{"torch.nn.MultiheadAttention", build_torch_attention},
    Architecture{"torch.nn.TransformerEncoder", build_torch_encoder},
    Architecture{"torch.nn.TransformerEncoderLayer", build_torch_encoder_layer},
    Architecture{"vit", build_vit},
    Architecture{"xlm-roberta", build_roberta},
};

}  // namespace

const Architecture& find_architecture(const Config& config) {
  const std::string model_type = config.text("model_type");
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.model_type != model_type) continue;
    if (architecture.claims == nullptr || architecture.claims(config)) return architecture;
  }
  config.unsupported("model_type",
                     fmt::format("expected one of [{}], found \"{}\"",
                                 fmt::join(supported_architectures(), ", "), model_type));
}

std::vector<std::string> supported_architectures() {
  std::vector<std::string> names;
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.claims == nullptr) names.emplace_back(architecture.model_type);
  }
  return names;
}

}  // namespace weft
