// weft info of an encoder-decoder.
#pragma once

#include <string>

#include "weft/encoder_decoder.h"

namespace weft::cli {

/// One JSON object and a newline.
std::string encoder_decoder_json(const EncoderDecoderInfo& info);
std::string encoder_decoder_table(const EncoderDecoderInfo& info);

}  // namespace weft::cli
