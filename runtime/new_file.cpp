#include "runtime/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "weft/error.h"

namespace weft {
namespace {

[[noreturn]] void failed(const std::filesystem::path& path, const char* what, int error) {
  throw Error(Reason::kIoError, fmt::format("{}: cannot {}: {}", path.string(), what,
                                            std::generic_category().message(error)));
}

}  // namespace

NewFile::NewFile(const std::filesystem::path& path) : path_(path) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(Reason::kIoError,
                fmt::format("{}: expected a regular file or none, found another kind of file",
                            path.string()));
  }
  // Not mkstemp: it makes files that only their owner may read. The name does not contain the
  // target's: that one may already be as long as names may be.
  static std::atomic<unsigned> counter{0};
  do {
    temporary_ = path;
    temporary_.replace_filename(fmt::format(".weft-{}-{}.tmp", ::getpid(), counter++));
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd_ < 0 && (errno == EEXIST || errno == EINTR));
  if (fd_ < 0) failed(path_, "create", errno);
}

NewFile::~NewFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void NewFile::write(const void* data, std::size_t bytes) {
  const auto* source = static_cast<const char*>(data);
  while (bytes > 0) {
    constexpr std::size_t kLargestWrite = std::size_t{1} << 30;  // the kernel stops at 2 GiB - 4096
    const ssize_t done = ::write(fd_, source, std::min(bytes, kLargestWrite));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) failed(path_, "write", errno);
    source += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

void NewFile::sync() {
  while (::fsync(fd_) != 0) {
    if (errno != EINTR) failed(path_, "write", errno);
  }
}

void NewFile::commit() {
  if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) failed(path_, "write", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) failed(path_, "rename to", errno);
  temporary_.clear();
}

}  // namespace weft
