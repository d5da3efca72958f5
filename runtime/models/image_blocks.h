// The parts that encoders of images share: patches as tokens (Dosovitskiy et al. 2021,
// section 3.1).
#pragma once

#include <cstdint>

#include "runtime/config.h"
#include "runtime/models/model_graph.h"
#include "weft/graph.h"
#include "weft/weights.h"

namespace weft {

/// image_size (224), patch_size and num_channels (3): makes the model one of images, with
/// `leading_tokens` before the patches. Throws Error(kInvalidArgument) naming the key.
void read_image_grid(const Config& config, ModelGraph& model, std::int64_t leading_tokens,
                     std::int64_t default_patch_size);

/// Images of another size than the config's: an error, or, if the config's patches are a square,
/// taken with its positions resized.
enum class OtherSizes : std::uint8_t { kRefused, kTaken };

/// What enters layer 0, from `weights`.{patch_embeddings.projection, cls_token,
/// position_embeddings} and, with a second leading token, distillation_token. (tokens, hidden)
Value image_embeddings(ModelGraph& model, const Weights& weights, OtherSizes sizes);

}  // namespace weft
