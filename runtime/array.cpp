#include <fmt/format.h>

#include "runtime/checked_size.h"
#include "runtime/safetensors_header.h"
#include "weft/error.h"
#include "weft/tensor.h"

namespace weft {

Array::Array(DType dtype, std::vector<std::int64_t> shape) : dtype(dtype), shape(std::move(shape)) {
  const std::optional<std::int64_t> elements = checked_elements(this->shape);
  const std::optional<std::int64_t> bytes =
      elements ? checked_bytes(*elements, dtype) : std::nullopt;
  if (!bytes) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("array of {} {}: negative, too large or not whole bytes",
                            to_string(dtype), format_shape(this->shape)));
  }
  data.resize(static_cast<std::size_t>(*bytes));
}

std::int64_t Array::size() const noexcept { return checked_elements(shape).value_or(0); }

}  // namespace weft
