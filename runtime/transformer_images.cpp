// Images in; a vector for each out, chunk by chunk.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/transformer_model_impl.h"
#include "weft/error.h"

namespace weft {

void TransformerModel::embed_images(std::span<const float> pixel_values, std::span<float> out,
                                    const EmbedImagesOptions& options) const {
  const Impl& impl = *impl_;
  if (impl.token_limits.input != InputKind::kImages) {
    throw Error(Reason::kFailedPrecondition,
                fmt::format("[embed_images] {}: expected a model of images, found {}",
                            impl.config_source, impl.info.architecture));
  }
  if (impl.sessions == nullptr) {
    throw Error(
        Reason::kFailedPrecondition,
        fmt::format("[embed_images] {}: expected LoadOptions::pooling or modules that pool, "
                    "found neither",
                    impl.info.source));
  }
  const ImageGrid& grid = impl.token_limits.image;
  const auto values = static_cast<std::size_t>(grid.values());
  if (pixel_values.size() % values != 0) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("[embed_images] pixel_values: expected images of {} x {} x {} values, "
                            "found {} values",
                            grid.channels, grid.height, grid.width, pixel_values.size()));
  }
  const std::size_t images = pixel_values.size() / values;
  const auto cols = static_cast<std::size_t>(impl.info.embedding_size);
  if (out.size() != images * cols) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("[embed_images] out: expected {} x {} values, found {}", images, cols,
                            out.size()));
  }
  const ThreadLease lease(*impl.budget, impl.limits.threads);
  SessionLease session(*impl.sessions, lease.threads());
  session->set_profile(options.profile);
  const auto chunk =
      static_cast<std::size_t>(std::min(impl.limits.sequences, impl.limits.tokens / grid.tokens()));
  for (std::size_t first = 0, count = 0; first < images; first += count) {
    count = std::min(chunk, images - first);
    const TokenBatch batch =
        image_batch(pixel_values.subspan(first * values, count * values), grid, impl.token_limits);
    NamedArrays rows;
    rows[kSentenceOutput] = Array(DType::kF32, {batch.sequences(), impl.info.embedding_size});
    impl.forward_part(batch, 0, batch.sequences(), *session, lease.threads(),
                      {.stop = options.stop}, rows);
    std::ranges::copy(rows.at(kSentenceOutput).values<float>(), out.begin() + first * cols);
  }
}

}  // namespace weft
