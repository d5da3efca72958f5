#include "runtime/weight_origin.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "runtime/checksum.h"
#include "runtime/safetensors_header.h"

namespace weft {

std::uint64_t WeightOrigin::identity() const {
  std::call_once(once_, [&] {
    std::uint64_t header_bytes = 0;
    file_->read(0, sizeof header_bytes, &header_bytes);
    std::string header(std::min(header_bytes, kMaxHeaderBytes), '\0');
    file_->read(sizeof header_bytes, header.size(), header.data());
    identity_ = Checksum().add(file_->size()).add(header).value();
  });
  return identity_;
}

std::uint64_t WeightOrigin::sample(std::uint64_t offset, std::uint64_t bytes) const {
  constexpr std::uint64_t kSample = 256;
  Checksum sum;
  sum.add(identity()).add(offset).add(bytes);
  std::array<std::byte, kSample> part;
  const std::uint64_t size = std::min(bytes, kSample);
  std::uint64_t end = 0;  // of what was read already
  for (const std::uint64_t begin : {std::uint64_t{0}, bytes / 2, bytes - size}) {
    const std::uint64_t first = std::max(begin, end);
    if (first >= bytes) break;
    end = std::min(first + size, bytes);
    file_->read(offset + first, static_cast<std::size_t>(end - first), part.data());
    sum.add(part.data(), static_cast<std::size_t>(end - first));
  }
  return sum.value();
}

std::uint64_t WeightOrigin::content() const {
  constexpr std::uint64_t kChunk = std::uint64_t{1} << 18;  // stays in L2
  std::string chunk(kChunk, '\0');
  Checksum sum;
  for (std::uint64_t offset = 0; offset < file_->size(); offset += kChunk) {
    const auto size = static_cast<std::size_t>(std::min(kChunk, file_->size() - offset));
    file_->read(offset, size, chunk.data());
    sum.add(chunk.data(), size);
  }
  return sum.value();
}

}  // namespace weft
