#include "runtime/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "weft/error.h"

namespace weft {
namespace {

// strerror is not thread-safe; this is.
std::string system_message(int error) { return std::generic_category().message(error); }

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

std::int64_t modified_of(const struct stat& status) {
  return static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  return std::equal(lower.begin(), lower.end(), text.begin(), [](char expected, char found) {
    return expected == (found >= 'A' && found <= 'Z' ? static_cast<char>(found + 32) : found);
  });
}

}  // namespace

File::File(const std::filesystem::path& path) : path_(path) {
  if (path.native().find('\0') != std::string::npos) {
    throw Error(Reason::kNotFound, "file name with a NUL character");
  }
  // O_NONBLOCK: opening a FIFO without a writer returns, and is then refused.
  do {
    fd_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  } while (fd_ < 0 && errno == EINTR);
  if (fd_ < 0) {
    const int error = errno;
    const bool missing = error == ENOENT || error == ENOTDIR;
    throw Error(missing ? Reason::kNotFound : Reason::kIoError,
                missing ? fmt::format("{}: no such file", path.string())
                        : fmt::format("{}: cannot open: {}", path.string(), system_message(error)));
  }
  struct stat status {};
  std::string problem;
  if (::fstat(fd_, &status) != 0) {
    problem = fmt::format("{}: cannot stat: {}", path.string(), system_message(errno));
  } else if (!S_ISREG(status.st_mode)) {
    problem = fmt::format("{}: expected a regular file, found {}", path.string(),
                          kind_of(status.st_mode));
  }
  if (!problem.empty()) {
    ::close(fd_);
    throw Error(Reason::kIoError, problem);
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
  modified_ = modified_of(status);
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      modified_(other.modified_) {}

std::int64_t File::modified_now() const noexcept {
  struct stat status {};
  return ::fstat(fd_, &status) == 0 ? modified_of(status) : -1;
}

std::shared_ptr<const std::byte> File::map() const {
  const auto bytes = static_cast<std::size_t>(size_);
  void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd_, 0);
  if (mapped == MAP_FAILED) {
    throw Error(Reason::kIoError,
                fmt::format("{}: cannot map: {}", path_.string(), system_message(errno)));
  }
  return {static_cast<const std::byte*>(mapped),
          [bytes](const std::byte* begin) { ::munmap(const_cast<std::byte*>(begin), bytes); }};
}

void File::read(std::uint64_t offset, std::size_t count, void* out) const {
  auto* destination = static_cast<char*>(out);
  std::size_t done = 0;
  while (done < count) {
    constexpr std::size_t kLargestRead = std::size_t{1} << 30;  // the kernel stops at 2 GiB - 4096
    const ssize_t got = ::pread(fd_, destination + done, std::min(count - done, kLargestRead),
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(Reason::kIoError, fmt::format("{}: cannot read at byte {}: {}", path_.string(),
                                                offset + done, system_message(errno)));
    }
    if (got == 0) {
      throw Error(Reason::kIoError,
                  fmt::format("{}: short read: expected {} bytes at byte {}, found {}",
                              path_.string(), count, offset, done));
    }
    done += static_cast<std::size_t>(got);
  }
}

bool is_there(const std::filesystem::path& path) {
  using std::filesystem::file_type;
  std::error_code ignored;
  if (symlink_status(path, ignored).type() != file_type::not_found) return true;
  const std::filesystem::path directory = path.parent_path();
  return symlink_status(directory, ignored).type() == file_type::symlink &&
         status(directory, ignored).type() == file_type::not_found;
}

std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const File file(path);
  if (file.size() > max_bytes) {
    throw Error(Reason::kCorruptFile, fmt::format("{}: expected at most {} bytes, found {}",
                                                  path.string(), max_bytes, file.size()));
  }
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read(0, text.size(), text.data());
  if (const std::string wrong = describe_wrong_file(text); !wrong.empty()) {
    throw Error(Reason::kCorruptFile, fmt::format("{}: this is {}", path.string(), wrong));
  }
  return text;
}

bool is_plain_file_name(std::string_view name) noexcept {
  constexpr std::string_view kForbidden("/\\\0", 3);
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(kForbidden) == std::string_view::npos;
}

std::string describe_wrong_file(std::string_view first_bytes) {
  if (first_bytes.starts_with("version https://git-lfs.github.com/spec/")) {
    return "a Git LFS pointer, not the file itself (fetch it with: git lfs pull)";
  }
  if (first_bytes.starts_with("PK\x03\x04")) return "a zip archive (perhaps a PyTorch .bin)";
  // Protocol 2 and later open with 0x80, the protocol and an opcode; a length of a safetensors
  // header has zeros in the last of its eight bytes.
  if (first_bytes.size() >= 4 && first_bytes[0] == '\x80' && first_bytes[1] >= 2 &&
      first_bytes[1] <= 5 && first_bytes[2] != '\0') {
    return "a pickle (perhaps a PyTorch .bin)";
  }
  const auto begin = first_bytes.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos) {
    const std::string_view text = first_bytes.substr(begin);
    if (starts_with_ignoring_case(text, "<!doctype html") ||
        starts_with_ignoring_case(text, "<html")) {
      return "an HTML page";
    }
  }
  return {};
}

}  // namespace weft
