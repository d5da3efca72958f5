#include "ops/buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <string>

#include "weft/error.h"

namespace weft {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::align_val_t kLine{64};

std::size_t mapped_size(std::size_t size) { return (size + kHugePage - 1) / kHugePage * kHugePage; }

// Untouched pages cost nothing, and weights streamed whole at every pass would miss the TLB ten
// thousand times on 4 KiB pages.
std::byte* map_huge(std::size_t size) {
  const std::size_t mapped = mapped_size(size);
  if (mapped < size || mapped + kHugePage < mapped) return nullptr;
  void* raw =
      mmap(nullptr, mapped + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(raw);
  const std::size_t head =
      (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
  if (head != 0) munmap(begin, head);
  if (kHugePage - head != 0) munmap(begin + head + mapped, kHugePage - head);
  madvise(begin + head, mapped, MADV_HUGEPAGE);
  return begin + head;
}

}  // namespace

Buffer::Buffer(std::size_t size) : size_(size) {
  if (size == 0) return;
  if (size >= kHugePage) {
    data_ = map_huge(size);
  } else {
    data_ = static_cast<std::byte*>(::operator new(size, kLine, std::nothrow));
    if (data_ != nullptr) std::memset(data_, 0, size);
  }
  if (data_ == nullptr) {
    throw Error(Reason::kResourceExhausted,
                "[memory] " + std::to_string(size) + " bytes cannot be allocated");
  }
}

Buffer::~Buffer() {
  if (data_ == nullptr) return;
  if (size_ >= kHugePage) {
    munmap(data_, mapped_size(size_));
  } else {
    ::operator delete(data_, kLine);
  }
}

}  // namespace weft
