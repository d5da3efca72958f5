#include "cli/result_output.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/terminal.h"
#include "weft/error.h"

namespace weft::cli {

float require_finite(float value, std::string_view what, std::int64_t text) {
  if (std::isfinite(value)) return value;
  throw Error(Reason::kInvalidArgument,
              fmt::format("text {}: {}: expected a finite number, found {}", text, what, value));
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kMostBytes = 70;
  if (text.size() <= kMostBytes) return single_line(text);
  std::size_t end = kMostBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return single_line(text.substr(0, end)) + "...";
}

std::string_view bytes_of(std::string_view text, std::int32_t begin, std::int32_t end) {
  const auto size = static_cast<std::int32_t>(text.size());
  if (begin < 0 || end < begin || end > size) return {};
  return text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

}  // namespace weft::cli
