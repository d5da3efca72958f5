// What the operators' infer() have in common: messages that name the operator, the argument, what
// was expected and what was found.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ops/op.h"
#include "weft/weight.h"

namespace weft {

/// Throws Error(kInvalidArgument) "[name] problem".
[[noreturn]] void throw_invalid(std::string_view name, const std::string& problem);

/// Throws unless there are exactly n inputs.
void expect_inputs(std::string_view name, std::span<const ValueInfo> in, std::size_t n);

/// Throws unless the value is F32 of fixed width with at least one column. `argument` is its name.
void expect_f32_matrix(std::string_view name, std::string_view argument, const ValueInfo& value);

/// Throws unless both values lie in one row space.
void expect_same_rows(std::string_view name, const ValueInfo& a, const ValueInfo& b);

/// Throws unless the weight is a vector of n elements; an empty weight is refused too.
void expect_vector(std::string_view name, const Weight& weight, std::int64_t n);

}  // namespace weft
