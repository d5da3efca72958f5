#include "runtime/generation/target_batch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "runtime/batch_rows.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr const char* kIds = "decoder_input_ids";
constexpr const char* kVectors = "decoder_inputs";
constexpr const char* kMask = "decoder_attention_mask";

[[noreturn]] void wrong_shape(std::string_view name, const std::string& expected,
                              const std::vector<std::int64_t>& found) {
  invalid_batch(
      fmt::format("{}: expected {}, found shape [{}]", name, expected, fmt::join(found, ", ")));
}

void check_names(const NamedArrays& inputs, const char* main) {
  for (const auto& [name, array] : inputs) {
    if (name.starts_with("decoder_") && name != main && name != kMask) {
      invalid_batch(
          fmt::format("{}: expected only [{}, {}] beside the encoder's inputs", name, main, kMask));
    }
  }
  if (!inputs.contains(main)) invalid_batch(fmt::format("{}: expected, found none", main));
}

}  // namespace

TokenBatch read_targets(const NamedArrays& inputs, const TokenLimits& limits,
                        std::int64_t sequences) {
  const bool vectors = limits.input == InputKind::kVectors;
  const char* const main = vectors ? kVectors : kIds;
  check_names(inputs, main);
  const Array& array = inputs.at(main);
  std::optional<Integers> ids;
  if (vectors) {
    if (array.dtype != DType::kF32) {
      invalid_batch(fmt::format("{}: expected F32, found {}", main, to_string(array.dtype)));
    }
    if (array.shape.size() != 3 || array.shape[2] != limits.vector_columns) {
      wrong_shape(main, fmt::format("[B, U, {}]", limits.vector_columns), array.shape);
    }
  } else {
    ids.emplace(inputs, main, 2);
  }
  const std::int64_t columns = array.shape[1];
  if (array.shape[0] != sequences) {
    wrong_shape(
        main,
        fmt::format("[B, U{}] with B = {}, the number of sources", vectors ? ", d" : "", sequences),
        array.shape);
  }
  std::optional<Integers> mask;
  if (inputs.contains(kMask)) {
    mask.emplace(inputs, kMask, 2);
    if (mask->shape()[0] != sequences || mask->shape()[1] != columns) {
      wrong_shape(kMask, fmt::format("[{}, {}], as {}", sequences, columns, main), mask->shape());
    }
  }
  TokenBatch batch;
  batch.padded_columns = columns;
  batch.offsets.push_back(0);
  if (vectors) batch.feature_columns = limits.vector_columns;
  for (std::int64_t s = 0; s < sequences; ++s) {
    const auto [first, last] =
        mask ? token_columns(*mask, s, columns) : std::pair{std::int64_t{0}, columns};
    if (last == first) invalid_batch(fmt::format("{}: expected a token in each row", main));
    if (!vectors && last > limits.max_tokens) {
      throw Error(Reason::kOutOfRange,
                  fmt::format("{}: expected tokens in the first {} columns, which are the model's "
                              "positions, found one at row {}, column {}",
                              main, limits.max_tokens, s, last - 1));
    }
    check_sequence_length(main, s, last - first, limits.max_tokens, batch.offsets.back());
    batch.first_column.push_back(static_cast<std::int32_t>(first));
    for (std::int64_t t = first; t < last; ++t) {
      const std::int64_t at = s * columns + t;
      if (vectors) {
        const float* row = array.values<float>().data() + at * limits.vector_columns;
        batch.features.insert(batch.features.end(), row, row + limits.vector_columns);
        continue;
      }
      const std::int64_t id = (*ids)[at];
      if (id < 0 || id >= limits.vocabulary_size) {
        throw Error(Reason::kOutOfRange,
                    fmt::format("{}: expected ids from 0 to {}, found {} at row {}, column {}",
                                main, limits.vocabulary_size - 1, id, s, t));
      }
      batch.ids.push_back(static_cast<std::int32_t>(id));
      batch.position_ids.push_back(static_cast<std::int32_t>(t));
    }
    batch.offsets.push_back(batch.offsets.back() + static_cast<std::int32_t>(last - first));
  }
  return batch;
}

NamedArrays source_arrays(const NamedArrays& inputs) {
  NamedArrays sources;
  for (const auto& [name, array] : inputs) {
    if (!name.starts_with("decoder_")) sources[name] = array;
  }
  return sources;
}

}  // namespace weft
