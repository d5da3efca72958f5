#include "runtime/models/image_blocks.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"

namespace weft {
namespace {

/// One number for both sides, or [height, width].
std::array<std::int64_t, 2> read_sides(const Config& config, std::string_view key,
                                       std::int64_t fallback) {
  const Json* value = config.find(key);
  if (value == nullptr || !value->is_array()) {
    const std::int64_t side = config.integer_or(key, fallback, 1, kLargestSize);
    return {side, side};
  }
  std::array<std::int64_t, 2> sides{};
  const auto& items = value->items();
  for (std::size_t i = 0; i < 2; ++i) {
    if (items.size() != 2 || !items[i].is_integer() || items[i].as_integer() < 1 ||
        items[i].as_integer() > kLargestSize) {
      config.invalid(key, fmt::format("expected one size or two, found {}", value->preview()));
    }
    sides[i] = items[i].as_integer();
  }
  return sides;
}

}  // namespace

void read_image_grid(const Config& config, ModelGraph& model, std::int64_t leading_tokens,
                     std::int64_t default_patch_size) {
  const auto [height, width] = read_sides(config, "image_size", 224);
  const auto [patch_height, patch_width] = read_sides(config, "patch_size", default_patch_size);
  ImageGrid& grid = model.image;
  grid.channels = config.integer_or("num_channels", 3, 1, 1024);
  grid.height = height;
  grid.width = width;
  grid.patch_height = patch_height;
  grid.patch_width = patch_width;
  grid.leading_tokens = leading_tokens;
  if (patch_height > height || patch_width > width) {
    config.invalid("patch_size", fmt::format("expected at most image_size ({} x {}), found {} x {}",
                                             height, width, patch_height, patch_width));
  }
  if (grid.patches() > kLargestSize || grid.patch_size() > kLargestSize) {
    config.invalid("image_size",
                   fmt::format("expected at most {} patches of as many values, found {} of {}",
                               kLargestSize, grid.patches(), grid.patch_size()));
  }
  model.input = InputKind::kImages;
  model.max_tokens = grid.tokens();
}

// A convolution without overlap is a linear layer over unfolded patches. Its input is 0 in the rows
// of the leading tokens, which take their vectors, and patches their bias, from one more table.
Value image_embeddings(ModelGraph& model, const Weights& weights, OtherSizes sizes) {
  Graph& graph = model.graph;
  const std::int64_t hidden = model.hidden_size;
  const ImageGrid& grid = model.image;
  const Weights projection = weights.sub("patch_embeddings.projection");
  std::vector<Weight> rows{projection.get("bias", {hidden}).reshaped({1, hidden}),
                           weights.get("cls_token", {1, 1, hidden}).reshaped({1, hidden})};
  if (grid.leading_tokens == 2) {
    rows.push_back(weights.get("distillation_token", {1, 1, hidden}).reshaped({1, hidden}));
  }
  const Weight positions = weights.get("position_embeddings", {1, grid.tokens(), hidden})
                               .reshaped({grid.tokens(), hidden});
  std::vector<Lookup> lookups{
      {stacked_rows(rows), graph.input_ids("token_type_ids", model.tokens)}};
  const auto side = std::llround(std::sqrt(static_cast<double>(grid.patches())));
  const bool resized = sizes == OtherSizes::kTaken && side * side == grid.patches();
  if (!resized) lookups.push_back({positions, graph.input_ids("position_ids", model.tokens)});
  Value tables = graph.embedding(lookups);
  if (resized) {
    model.image_positions = positions;
    tables = graph.add(tables, graph.input(kPositionRowsInput, model.tokens, hidden));
  }
  const Weight kernel =
      projection.get("weight", {hidden, grid.channels, grid.patch_height, grid.patch_width});
  LinearOptions options;
  options.residual = tables;
  return graph.linear(graph.input(kFeatureInput, model.tokens, grid.patch_size()),
                      kernel.reshaped({hidden, grid.patch_size()}), options);
}

}  // namespace weft
