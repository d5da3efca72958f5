#include "runtime/batch_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weft/error.h"

namespace weft {

void invalid_batch(const std::string& message) { throw Error(Reason::kInvalidArgument, message); }

Integers::Integers(const NamedArrays& inputs, const std::string& name, std::size_t rank)
    : name_(name), array_(inputs.at(name)) {
  if (array_.dtype != DType::kI64 && array_.dtype != DType::kI32) {
    invalid_batch(fmt::format("{}: expected I64 or I32, found {}", name, to_string(array_.dtype)));
  }
  if (array_.shape.size() != rank) {
    invalid_batch(fmt::format("{}: expected {} dimension{}, found shape [{}]", name, rank,
                              rank == 1 ? "" : "s", fmt::join(array_.shape, ", ")));
  }
}

void check_input_names(const NamedArrays& inputs, std::string_view main,
                       const std::vector<std::string_view>& optional) {
  std::vector<std::string_view> known{main, "offsets", "attention_mask"};
  known.insert(known.end(), optional.begin(), optional.end());
  for (const auto& [name, array] : inputs) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      invalid_batch(fmt::format("{}: expected only [{}], which is what this model takes", name,
                                fmt::join(known, ", ")));
    }
  }
  if (!inputs.contains(std::string(main))) {
    invalid_batch(fmt::format("{}: expected, found none", main));
  }
  if (inputs.contains("offsets") == inputs.contains("attention_mask")) {
    invalid_batch(inputs.contains("offsets")
                      ? "offsets, attention_mask: expected one of the two, found both"
                      : "offsets: expected (ragged), or attention_mask (padded), found neither");
  }
}

Integers read_offsets(const NamedArrays& inputs, std::string_view main, std::int64_t rows) {
  Integers offsets(inputs, "offsets", 1);
  if (offsets.size() < 1 || offsets[0] != 0) {
    invalid_batch(fmt::format("offsets: expected to begin with 0, found {}",
                              offsets.size() < 1 ? "nothing" : std::to_string(offsets[0])));
  }
  for (std::int64_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] <= offsets[i - 1]) {
      invalid_batch(fmt::format("offsets: expected to rise, found {} after {} at index {}",
                                offsets[i], offsets[i - 1], i));
    }
  }
  if (offsets[offsets.size() - 1] != rows) {
    invalid_batch(fmt::format("offsets: expected to end with {} (the number of {}), found {}", rows,
                              main, offsets[offsets.size() - 1]));
  }
  return offsets;
}

std::pair<std::int64_t, std::int64_t> token_columns(const Integers& mask, std::int64_t row,
                                                    std::int64_t columns) {
  std::int64_t first = columns, last = 0, ones = 0;
  for (std::int64_t t = 0; t < columns; ++t) {
    const std::int64_t value = mask[row * columns + t];
    if (value != 0 && value != 1) {
      invalid_batch(fmt::format("{}: expected 0 or 1, found {} at row {}, column {}", mask.name(),
                                value, row, t));
    }
    if (value == 0) continue;
    first = std::min(first, t);
    last = t + 1;
    ++ones;
  }
  if (ones == 0) {
    invalid_batch(
        fmt::format("{}: expected a token in each row, found none in row {}", mask.name(), row));
  }
  if (ones != last - first) {
    invalid_batch(
        fmt::format("{}: expected padding at the ends only, found a hole between tokens in row {}",
                    mask.name(), row));
  }
  return {first, last};
}

void check_sequence_length(std::string_view main, std::int64_t sequence, std::int64_t length,
                           std::int64_t most, std::int64_t before) {
  if (length > most) {
    throw Error(Reason::kOutOfRange,
                fmt::format("{}: expected at most {} tokens in a sequence, found {} in sequence {}",
                            main, most, length, sequence));
  }
  if (before > INT32_MAX - length) {
    throw Error(Reason::kResourceExhausted,
                fmt::format("{}: expected at most {} tokens in all", main, INT32_MAX));
  }
}

}  // namespace weft
