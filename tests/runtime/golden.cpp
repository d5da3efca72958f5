#include "tests/runtime/golden.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>

#include "runtime/json.h"

namespace weft::test {

std::vector<std::string> read_texts(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error(file.string() + ": cannot be read");
  std::vector<std::string> texts;
  for (std::string line; std::getline(stream, line);) {
    texts.push_back(Json::parse(line, file.string()).as_string());
  }
  return texts;
}

std::string difference(const Array& expected, const Array& found, double relative) {
  if (found.dtype != DType::kF32) return fmt::format("dtype is {}", to_string(found.dtype));
  if (found.shape != expected.shape) {
    return fmt::format("expected shape [{}], found [{}]", fmt::join(expected.shape, ", "),
                       fmt::join(found.shape, ", "));
  }
  const auto want = expected.values<float>();
  const auto have = found.values<float>();
  double largest = 0, worst = -1;
  std::size_t at = 0;
  for (float value : want) largest = std::max(largest, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double off = std::abs(static_cast<double>(want[i]) - static_cast<double>(have[i]));
    if (!(off <= worst)) {
      worst = off;
      at = i;
      if (std::isnan(off)) break;
    }
  }
  if (want.empty() || worst <= relative * largest) return {};
  return fmt::format("element {} of {}: expected {}, found {}; off by {:.2g} of the largest {}", at,
                     want.size(), want[at], have[at], worst / largest, largest);
}

double cosine(const float* a, const float* b, std::int64_t n) {
  double ab = 0, aa = 0, bb = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = a[i], y = b[i];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace weft::test
