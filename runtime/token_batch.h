// The public edge of a model: named arrays, ragged or padded, become stacked rows; stacked rows
// become arrays again. Nothing behind this file knows of padding.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/models/model_graph.h"
#include "weft/safetensors.h"
#include "weft/tensor.h"

namespace weft {

/// What a batch is checked against.
struct TokenLimits {
  std::int64_t vocabulary_size = 0;
  std::int64_t type_vocabulary_size = 0;  // 0: no token types
  std::int64_t max_tokens = 0;
  PositionRule positions = PositionRule::kColumn;
  std::int32_t pad_token_id = 0;  // for PositionRule::kFromIds
  InputKind input = InputKind::kIds;
  std::int64_t vector_columns = 0;  // for InputKind::kVectors
  ImageGrid image;                  // for InputKind::kImages
  /// (image.tokens(), vector_columns), if images may have any size.
  std::span<const float> image_positions{};
};

/// Appends the position ids of one sequence, whose first token is in column `first_column`.
void append_positions(const TokenLimits& limits, std::span<const std::int32_t> ids,
                      std::int64_t first_column, std::vector<std::int32_t>& positions);

/// A batch as stacked rows, and where each row came from.
struct TokenBatch {
  std::vector<std::int32_t> ids, type_ids, position_ids;  // one per token, where the model has them
  std::vector<float> features;             // kVectors, kImages: (tokens, feature_columns)
  std::int64_t feature_columns = 0;        // 0: the model takes ids
  std::vector<float> position_rows;        // of every image, where the model takes any size
  std::vector<std::int32_t> offsets;       // sequences + 1
  std::vector<std::int32_t> first_column;  // per sequence: of its first token in a padded row
  std::int64_t padded_columns = -1;        // T of a padded batch; -1: ragged

  std::int64_t sequences() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t tokens() const { return offsets.back(); }
  std::int64_t length(std::int64_t sequence) const {
    return offsets[sequence + 1] - offsets[sequence];
  }
  std::int64_t longest() const;
  /// Of token t of a sequence, in arrays of token rows.
  std::int64_t row(std::int64_t sequence, std::int64_t t) const {
    return padded_columns < 0 ? offsets[sequence] + t
                              : sequence * padded_columns + first_column[sequence] + t;
  }

  /// Zeros in the layout of the batch: (tokens, cols) or (B, T, cols).
  Array new_token_rows(std::int64_t cols) const;
  /// Puts rows of `part`, which holds the tokens of sequences [first, last), into `out`.
  void scatter_rows(const Tensor& part, std::int64_t first, std::int64_t last, Array& out) const;
  /// Zeros (B, heads, T, T), T being the padded width or the longest sequence.
  Array new_attentions(std::int64_t heads) const;
  /// The same for softmax weights in the layout of the attention operator.
  void scatter_attentions(const Tensor& part, std::int64_t heads, std::int64_t first,
                          std::int64_t last, Array& out) const;
};

/// What the model takes, as `weft run` names it: input_ids (and token_type_ids) or `inputs`, with
/// offsets or attention_mask; or pixel_values, of which every sequence is the leading tokens and
/// the patches of one image. What lies under padding is never looked at. Throws
/// Error(kInvalidArgument / kOutOfRange) naming the tensor and the place in it.
TokenBatch read_batch(const NamedArrays& inputs, const TokenLimits& limits);
/// Of it, what is not ids (feature_batch.cpp).
TokenBatch read_vector_batch(const NamedArrays& inputs, const TokenLimits& limits);
TokenBatch read_image_batch(const NamedArrays& inputs, const TokenLimits& limits);
/// Whole images, each channels x height x width values of `grid`.
TokenBatch image_batch(std::span<const float> pixel_values, const ImageGrid& grid,
                       const TokenLimits& limits);

}  // namespace weft
