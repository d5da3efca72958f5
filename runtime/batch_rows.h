// How the arrays that a caller gives are cut into sequences: offsets of ragged rows, or the mask of
// a padded batch. Shared by the readers of ids and of vectors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weft/safetensors.h"

namespace weft {

[[noreturn]] void invalid_batch(const std::string& message);

/// An integer array of either width, read as I64.
class Integers {
 public:
  /// Throws Error(kInvalidArgument) naming the array unless it is I64 or I32 of this rank.
  Integers(const NamedArrays& inputs, const std::string& name, std::size_t rank);

  std::int64_t operator[](std::int64_t i) const {
    return array_.dtype == DType::kI64 ? array_.values<std::int64_t>()[i]
                                       : array_.values<std::int32_t>()[i];
  }
  const std::vector<std::int64_t>& shape() const { return array_.shape; }
  std::int64_t size() const { return array_.size(); }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  const Array& array_;
};

/// Throws Error(kInvalidArgument) unless `main` is there, offsets or attention_mask but not both,
/// and nothing else than `optional`.
void check_input_names(const NamedArrays& inputs, std::string_view main,
                       const std::vector<std::string_view>& optional);

/// `offsets`, which must rise from 0 to the number of rows of `main`.
Integers read_offsets(const NamedArrays& inputs, std::string_view main, std::int64_t rows);

/// Columns [first, last) of a row's tokens: one unbroken stretch of ones in `mask`.
std::pair<std::int64_t, std::int64_t> token_columns(const Integers& mask, std::int64_t row,
                                                    std::int64_t columns);

/// Throws Error(kOutOfRange / kResourceExhausted) if sequence number `sequence` of `main` is longer
/// than `most`, or rows [0, `before` + `length`) cannot be counted.
void check_sequence_length(std::string_view main, std::int64_t sequence, std::int64_t length,
                           std::int64_t most, std::int64_t before);

}  // namespace weft
