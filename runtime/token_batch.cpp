#include "runtime/token_batch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Reason::kInvalidArgument, message);
}

/// An integer array of either width, read as I64.
class Integers {
 public:
  Integers(const NamedArrays& inputs, const std::string& name, std::size_t rank)
      : name_(name), array_(inputs.at(name)) {
    if (array_.dtype != DType::kI64 && array_.dtype != DType::kI32) {
      invalid(fmt::format("{}: expected I64 or I32, found {}", name, to_string(array_.dtype)));
    }
    if (array_.shape.size() != rank) {
      invalid(fmt::format("{}: expected {} dimension{}, found shape [{}]", name, rank,
                          rank == 1 ? "" : "s", fmt::join(array_.shape, ", ")));
    }
  }

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

void check_names(const NamedArrays& inputs) {
  static constexpr std::array<std::string_view, 4> kKnown{"input_ids", "offsets", "attention_mask",
                                                          "token_type_ids"};
  for (const auto& [name, array] : inputs) {
    if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
      invalid(fmt::format("{}: expected only [{}], which is what this model takes", name,
                          fmt::join(kKnown, ", ")));
    }
  }
  if (!inputs.contains("input_ids")) invalid("input_ids: expected, found none");
  if (inputs.contains("offsets") == inputs.contains("attention_mask")) {
    invalid(inputs.contains("offsets")
                ? "offsets, attention_mask: expected one of the two, found both"
                : "offsets: expected (ragged), or attention_mask (padded), found neither");
  }
}

class Reader {
 public:
  Reader(const NamedArrays& inputs, const TokenLimits& limits) : inputs_(inputs), limits_(limits) {}

  TokenBatch read() {
    check_names(inputs_);
    if (inputs_.contains("offsets")) {
      read_ragged();
    } else {
      read_padded();
    }
    return std::move(batch_);
  }

 private:
  void read_ragged() {
    const Integers ids(inputs_, "input_ids", 1);
    const Integers offsets(inputs_, "offsets", 1);
    const auto types = token_types(ids);
    if (offsets.size() < 1 || offsets[0] != 0) {
      invalid(fmt::format("offsets: expected to begin with 0, found {}",
                          offsets.size() < 1 ? "nothing" : std::to_string(offsets[0])));
    }
    for (std::int64_t i = 1; i < offsets.size(); ++i) {
      if (offsets[i] <= offsets[i - 1]) {
        invalid(fmt::format("offsets: expected to rise, found {} after {} at index {}", offsets[i],
                            offsets[i - 1], i));
      }
    }
    if (offsets[offsets.size() - 1] != ids.size()) {
      invalid(fmt::format("offsets: expected to end with {} (the number of input_ids), found {}",
                          ids.size(), offsets[offsets.size() - 1]));
    }
    batch_.offsets.push_back(0);
    for (std::int64_t s = 0; s + 1 < offsets.size(); ++s) {
      check_length(s, offsets[s + 1] - offsets[s]);
      batch_.first_column.push_back(0);
      for (std::int64_t i = offsets[s]; i < offsets[s + 1]; ++i) {
        const auto place = [&] { return fmt::format("index {} (sequence {})", i, s); };
        add_token(ids[i], types ? (*types)[i] : 0, place);
      }
      end_sequence(0);
    }
  }

  void read_padded() {
    const Integers ids(inputs_, "input_ids", 2);
    const Integers mask(inputs_, "attention_mask", 2);
    const auto types = token_types(ids);
    require_shape(mask, ids);
    const std::int64_t columns = ids.shape()[1];
    batch_.padded_columns = columns;
    batch_.offsets.push_back(0);
    for (std::int64_t s = 0; s < ids.shape()[0]; ++s) {
      const auto [first, last] = token_columns(mask, s, columns);
      check_length(s, last - first);
      batch_.first_column.push_back(static_cast<std::int32_t>(first));
      if (limits_.positions == PositionRule::kColumn && last > limits_.max_tokens) {
        throw Error(
            Reason::kOutOfRange,
            fmt::format("attention_mask: expected tokens in the first {} columns, which are the "
                        "model's positions, found one at row {}, column {}",
                        limits_.max_tokens, s, last - 1));
      }
      for (std::int64_t t = first; t < last; ++t) {
        const auto place = [&] { return fmt::format("row {}, column {}", s, t); };
        add_token(ids[s * columns + t], types ? (*types)[s * columns + t] : 0, place);
      }
      end_sequence(first);
    }
  }

  /// Columns [first, last) of a row's tokens: one unbroken stretch of ones.
  static std::pair<std::int64_t, std::int64_t> token_columns(const Integers& mask, std::int64_t row,
                                                             std::int64_t columns) {
    std::int64_t first = columns, last = 0, ones = 0;
    for (std::int64_t t = 0; t < columns; ++t) {
      const std::int64_t value = mask[row * columns + t];
      if (value != 0 && value != 1) {
        invalid(fmt::format("attention_mask: expected 0 or 1, found {} at row {}, column {}", value,
                            row, t));
      }
      if (value == 0) continue;
      first = std::min(first, t);
      last = t + 1;
      ++ones;
    }
    if (ones == 0) {
      invalid(
          fmt::format("attention_mask: expected a token in each row, found none in row {}", row));
    }
    if (ones != last - first) {
      invalid(
          fmt::format("attention_mask: expected padding at the ends only, found a hole between "
                      "tokens in row {}",
                      row));
    }
    return {first, last};
  }

  std::optional<Integers> token_types(const Integers& ids) const {
    if (!inputs_.contains("token_type_ids")) return std::nullopt;
    if (limits_.type_vocabulary_size == 0) {
      invalid("token_type_ids: expected none, the model has no token types");
    }
    Integers types(inputs_, "token_type_ids", ids.shape().size());
    require_shape(types, ids);
    return types;
  }

  static void require_shape(const Integers& array, const Integers& ids) {
    if (array.shape() != ids.shape()) {
      invalid(fmt::format("{}: expected the shape of input_ids [{}], found [{}]", array.name(),
                          fmt::join(ids.shape(), ", "), fmt::join(array.shape(), ", ")));
    }
  }

  void check_length(std::int64_t sequence, std::int64_t length) const {
    if (length > limits_.max_tokens) {
      throw Error(Reason::kOutOfRange,
                  fmt::format("input_ids: expected at most {} tokens in a sequence, found {} in "
                              "sequence {}",
                              limits_.max_tokens, length, sequence));
    }
    if (static_cast<std::int64_t>(batch_.ids.size()) > INT32_MAX - length) {
      throw Error(Reason::kResourceExhausted,
                  fmt::format("input_ids: expected at most {} tokens in all", INT32_MAX));
    }
  }

  template <typename Place>
  void add_token(std::int64_t id, std::int64_t type, const Place& place) {
    require_below("input_ids", id, limits_.vocabulary_size, place);
    if (limits_.type_vocabulary_size > 0) {
      require_below("token_type_ids", type, limits_.type_vocabulary_size, place);
    }
    batch_.ids.push_back(static_cast<std::int32_t>(id));
    batch_.type_ids.push_back(static_cast<std::int32_t>(type));
  }

  void end_sequence(std::int64_t first_column) {
    const auto begin = static_cast<std::size_t>(batch_.offsets.back());
    append_positions(limits_, std::span<const std::int32_t>(batch_.ids).subspan(begin),
                     first_column, batch_.position_ids);
    batch_.offsets.push_back(static_cast<std::int32_t>(batch_.ids.size()));
  }

  template <typename Place>
  static void require_below(std::string_view name, std::int64_t value, std::int64_t limit,
                            const Place& place) {
    if (value >= 0 && value < limit) return;
    throw Error(Reason::kOutOfRange, fmt::format("{}: expected ids from 0 to {}, found {} at {}",
                                                 name, limit - 1, value, place()));
  }

  const NamedArrays& inputs_;
  const TokenLimits& limits_;
  TokenBatch batch_;
};

}  // namespace

void append_positions(const TokenLimits& limits, std::span<const std::int32_t> ids,
                      std::int64_t first_column, std::vector<std::int32_t>& positions) {
  const std::size_t begin = positions.size();
  positions.resize(begin + ids.size());
  switch (limits.positions) {
    case PositionRule::kColumn:
      std::iota(positions.begin() + static_cast<std::ptrdiff_t>(begin), positions.end(),
                static_cast<std::int32_t>(first_column));
      break;
    case PositionRule::kFromIds: {
      std::int32_t last = limits.pad_token_id;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        positions[begin + i] = ids[i] == limits.pad_token_id ? limits.pad_token_id : ++last;
      }
      break;
    }
  }
}

std::int64_t TokenBatch::longest() const {
  std::int64_t result = 0;
  for (std::int64_t s = 0; s < sequences(); ++s) result = std::max(result, length(s));
  return result;
}

Array TokenBatch::new_token_rows(std::int64_t cols) const {
  if (padded_columns < 0) return Array(DType::kF32, {tokens(), cols});
  return Array(DType::kF32, {sequences(), padded_columns, cols});
}

void TokenBatch::scatter_rows(const Tensor& part, std::int64_t first, std::int64_t last,
                              Array& out) const {
  const std::int64_t cols = part.cols;
  float* values = out.values<float>().data();
  for (std::int64_t s = first; s < last; ++s) {
    const std::int64_t row = padded_columns < 0 ? offsets[s] : s * padded_columns + first_column[s];
    for (std::int64_t t = 0; t < length(s); ++t) {
      std::memcpy(values + (row + t) * cols, part.f32(offsets[s] - offsets[first] + t),
                  static_cast<std::size_t>(cols) * sizeof(float));
    }
  }
}

Array TokenBatch::new_attentions(std::int64_t heads) const {
  const std::int64_t columns = padded_columns < 0 ? longest() : padded_columns;
  return Array(DType::kF32, {sequences(), heads, columns, columns});
}

void TokenBatch::scatter_attentions(const Tensor& part, std::int64_t heads, std::int64_t first,
                                    std::int64_t last, Array& out) const {
  const std::int64_t columns = out.shape[3];
  const std::int64_t part_keys = part.cols / heads;
  float* values = out.values<float>().data();
  for (std::int64_t s = first; s < last; ++s) {
    const std::int64_t column = padded_columns < 0 ? 0 : first_column[s];
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t t = 0; t < length(s); ++t) {
        std::memcpy(values + ((s * heads + h) * columns + column + t) * columns + column,
                    part.f32(offsets[s] - offsets[first] + t) + h * part_keys,
                    static_cast<std::size_t>(length(s)) * sizeof(float));
      }
    }
  }
}

TokenBatch read_token_batch(const NamedArrays& inputs, const TokenLimits& limits) {
  return Reader(inputs, limits).read();
}

}  // namespace weft
