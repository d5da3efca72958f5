#include "ops/packed.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "weft/error.h"

namespace weft {

Packed::Packed(Buffer buffer) : size_(buffer.size()) {
  const auto owner = std::make_shared<const Buffer>(std::move(buffer));
  bytes_ = {owner, owner->data()};
}

Packed get_packed(PackStore* store, std::size_t size, const PackStore::Fill& fill) {
  if (store != nullptr) return store->get(size, fill);
  Buffer buffer(size);
  fill(buffer.data());
  return Packed(std::move(buffer));
}

Packed get_packed_vector(PackStore* store, const Weight& vector) {
  return get_packed(store, static_cast<std::size_t>(vector.cols()) * sizeof(float),
                    [&](std::byte* out) { vector.read_f32(0, 1, reinterpret_cast<float*>(out)); });
}

std::size_t PackLayout::add(std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  const std::size_t begin = (size_ + kLine - 1) / kLine * kLine;
  if (begin < size_ || __builtin_add_overflow(begin, bytes, &size_)) {
    throw Error(Reason::kResourceExhausted, "[memory] packed weights exceed the address space");
  }
  return begin;
}

PackKey& PackKey::add(std::string_view word) {
  text_.append(word).append(" ");
  return *this;
}

PackKey& PackKey::add(std::int64_t number) { return add(fmt::format("{}", number)); }

PackKey& PackKey::add(float number) { return add(fmt::format("{}", number)); }

PackKey& PackKey::add(const Weight& weight) {
  if (!weight) return add("-");
  weights_.push_back(weight);
  const auto content = weight.fingerprint();
  known_ = known_ && content;
  return add(fmt::format("{} [{}] {:016x}", to_string(weight.dtype()),
                         fmt::join(weight.shape(), ", "), content.value_or(0)));
}

}  // namespace weft
