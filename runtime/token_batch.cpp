#include "runtime/token_batch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "runtime/batch_rows.h"
#include "weft/error.h"

namespace weft {
namespace {

class Reader {
 public:
  Reader(const NamedArrays& inputs, const TokenLimits& limits) : inputs_(inputs), limits_(limits) {}

  TokenBatch read() {
    check_input_names(inputs_, "input_ids", {"token_type_ids"});
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
    const auto types = token_types(ids);
    const Integers offsets = read_offsets(inputs_, "input_ids", ids.size());
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

  std::optional<Integers> token_types(const Integers& ids) const {
    if (!inputs_.contains("token_type_ids")) return std::nullopt;
    if (limits_.type_vocabulary_size == 0) {
      invalid_batch("token_type_ids: expected none, the model has no token types");
    }
    Integers types(inputs_, "token_type_ids", ids.shape().size());
    require_shape(types, ids);
    return types;
  }

  static void require_shape(const Integers& array, const Integers& ids) {
    if (array.shape() != ids.shape()) {
      invalid_batch(fmt::format("{}: expected the shape of input_ids [{}], found [{}]",
                                array.name(), fmt::join(ids.shape(), ", "),
                                fmt::join(array.shape(), ", ")));
    }
  }

  void check_length(std::int64_t sequence, std::int64_t length) const {
    check_sequence_length("input_ids", sequence, length, limits_.max_tokens,
                          static_cast<std::int64_t>(batch_.ids.size()));
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
    case PositionRule::kInSequence:
      std::iota(positions.begin() + static_cast<std::ptrdiff_t>(begin), positions.end(), 0);
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
    for (std::int64_t t = 0; t < length(s); ++t) {
      std::memcpy(values + row(s, t) * cols, part.f32(offsets[s] - offsets[first] + t),
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

TokenBatch read_batch(const NamedArrays& inputs, const TokenLimits& limits) {
  switch (limits.input) {
    case InputKind::kIds: return Reader(inputs, limits).read();
    case InputKind::kVectors: return read_vector_batch(inputs, limits);
    case InputKind::kImages: return read_image_batch(inputs, limits);
  }
  return {};
}

}  // namespace weft
