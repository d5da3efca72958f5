#include "ops/infer_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "weft/error.h"

namespace weft {

void throw_invalid(std::string_view name, const std::string& problem) {
  throw Error(Reason::kInvalidArgument, fmt::format("[{}] {}", name, problem));
}

void expect_inputs(std::string_view name, std::span<const ValueInfo> in, std::size_t n) {
  if (in.size() != n) {
    throw_invalid(name,
                  fmt::format("expected {} input{}, found {}", n, n == 1 ? "" : "s", in.size()));
  }
}

void expect_f32_matrix(std::string_view name, std::string_view argument, const ValueInfo& value) {
  if (value.dtype != DType::kF32) {
    throw_invalid(name,
                  fmt::format("{}: expected F32, found {}", argument, to_string(value.dtype)));
  }
  if (value.per_key) {
    throw_invalid(name,
                  fmt::format("{}: expected columns of fixed number, found one per key", argument));
  }
  if (value.cols < 1) {
    throw_invalid(name,
                  fmt::format("{}: expected at least 1 column, found {}", argument, value.cols));
  }
}

void expect_same_rows(std::string_view name, const ValueInfo& a, const ValueInfo& b) {
  if (a.rows != b.rows || a.fixed_rows != b.fixed_rows) {
    throw_invalid(
        name, fmt::format("expected rows of one space, found spaces {} and {}", a.rows, b.rows));
  }
}

void expect_vector(std::string_view name, const Weight& weight, std::int64_t n) {
  if (!weight) throw_invalid(name, fmt::format("expected a vector of {}, found no weight", n));
  if (weight.shape().size() != 1 || weight.cols() != n) {
    throw_invalid(name, fmt::format("{}: expected [{}], found [{}]", weight.name(), n,
                                    fmt::join(weight.shape(), ", ")));
  }
}

}  // namespace weft
