// Tokens that are computed but not looked at: a finished graph whose attention sees each sequence's
// leading tokens alone.
#pragma once

#include <string_view>

#include "runtime/models/model_graph.h"

namespace weft {

/// I32, one per sequence of tokens: how many of them, the first ones, are seen as keys by all.
inline constexpr const char* kKeyLengthsInput = "key_lengths";

/// Gives every attention over the model's tokens the input kKeyLengthsInput, whatever else it looks
/// through (window, biases, position tables); it is what an attention_mask with zeros at the end
/// means to transformers, if the outputs at those zeros are kept. Where lengths are those of the
/// sequences, results have the bits that they had without. A query whose window holds no key that
/// is seen gets zeros from that attention, as from scaled_dot_product_attention of PyTorch.
/// Throws Error(kUnsupported), `source` before it, for an architecture that treats masked tokens
/// otherwise or mixes tokens by other means.
void limit_keys(ModelGraph& model, std::string_view source);

}  // namespace weft
