// What weft reads, by the names that config.json has for it.
#pragma once

#include <string>
#include <vector>

#include "weft/export.h"

namespace weft {

/// Values of config.json's model_type, e.g. "bert".
WEFT_API std::vector<std::string> supported_architectures();
/// The same for encoder-decoders, e.g. "marian".
WEFT_API std::vector<std::string> supported_encoder_decoders();
/// Values of architectures[0] that name a head, e.g. "BertForMaskedLM".
WEFT_API std::vector<std::string> supported_heads();

}  // namespace weft
