#include "ops/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "weft/error.h"

namespace weft {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t alignment_for(std::size_t size) { return size >= kHugePage ? kHugePage : 64; }

}  // namespace

Buffer::Buffer(std::size_t size) : size_(size) {
  if (size == 0) return;
  const std::align_val_t alignment{alignment_for(size)};
  data_ = static_cast<std::byte*>(::operator new(size, alignment, std::nothrow));
  if (data_ == nullptr) {
    throw Error(Reason::kResourceExhausted,
                "[memory] " + std::to_string(size) + " bytes cannot be allocated");
  }
  // Weights are streamed whole at every pass: 4 KiB pages would miss the TLB ten thousand times.
  if (size >= kHugePage) madvise(data_, size / kHugePage * kHugePage, MADV_HUGEPAGE);
  std::memset(data_, 0, size);
}

Buffer::~Buffer() {
  if (data_ != nullptr) ::operator delete(data_, std::align_val_t{alignment_for(size_)});
}

}  // namespace weft
