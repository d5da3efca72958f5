// Memory of compiled operators that never changes (packed weights, tables), and where it comes
// from: filled on the spot, or part of a file that an earlier process wrote and this one maps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ops/buffer.h"
#include "weft/weight.h"

namespace weft {

/// Constant bytes, aligned to 64. Copies share them; they live as long as any copy.
class Packed {
 public:
  Packed() = default;
  explicit Packed(Buffer buffer);
  /// `bytes` keeps alive what it points to.
  Packed(std::shared_ptr<const std::byte> bytes, std::size_t size) noexcept
      : bytes_(std::move(bytes)), size_(size) {}

  const std::byte* data() const noexcept { return bytes_.get(); }
  const float* f32() const noexcept { return reinterpret_cast<const float*>(data()); }
  std::size_t size() const noexcept { return size_; }

 private:
  std::shared_ptr<const std::byte> bytes_;
  std::size_t size_ = 0;
};

class PackStore {
 public:
  /// Writes to `size` zero bytes. May throw.
  using Fill = std::function<void(std::byte* out)>;
  virtual ~PackStore() = default;
  /// `size` bytes as `fill` leaves them. Throws what `fill` throws, Error(kResourceExhausted).
  virtual Packed get(std::size_t size, const Fill& fill) = 0;
};

/// From `store`; null: filled on the spot.
Packed get_packed(PackStore* store, std::size_t size, const PackStore::Fill& fill);

/// A vector's elements as F32. Throws what Weight::read_f32 throws.
Packed get_packed_vector(PackStore* store, const Weight& vector);

/// Parts of one packed memory, each aligned to 64.
class PackLayout {
 public:
  /// Where the next `bytes` begin.
  std::size_t add(std::size_t bytes);
  std::size_t size() const noexcept { return size_; }

 private:
  std::size_t size_ = 0;
};

/// What packed memory depends on, as text: equal keys, equal bytes.
class PackKey {
 public:
  PackKey& add(std::string_view word);
  PackKey& add(std::int64_t number);
  PackKey& add(float number);
  /// Its shape, dtype and content; an empty weight too.
  PackKey& add(const Weight& weight);

  /// False if nothing was added, or a weight whose content is not known before it is read.
  bool known() const noexcept { return known_ && !text_.empty(); }
  const std::string& text() const noexcept { return text_; }
  const std::vector<Weight>& weights() const noexcept { return weights_; }

 private:
  bool known_ = true;
  std::string text_;
  std::vector<Weight> weights_;
};

}  // namespace weft
