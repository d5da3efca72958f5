// One line per architecture.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "runtime/models/model_graph.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr std::array kArchitectures{
    Architecture{"albert", build_albert},       Architecture{"bert", build_bert},
    Architecture{"camembert", build_roberta},   Architecture{"distilbert", build_distilbert},
    Architecture{"electra", build_electra},     Architecture{"roberta", build_roberta},
    Architecture{"xlm-roberta", build_roberta},
};

}  // namespace

const Architecture& find_architecture(const Config& config) {
  const std::string model_type = config.text("model_type");
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.model_type == model_type) return architecture;
  }
  config.unsupported("model_type",
                     fmt::format("expected one of [{}], found \"{}\"",
                                 fmt::join(supported_architectures(), ", "), model_type));
}

std::vector<std::string> supported_architectures() {
  std::vector<std::string> names;
  for (const Architecture& architecture : kArchitectures) {
    names.emplace_back(architecture.model_type);
  }
  return names;
}

}  // namespace weft
