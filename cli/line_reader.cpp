#include "cli/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/interruption.h"
#include "weft/error.h"

namespace weft::cli {
namespace {

constexpr std::size_t kBlock = std::size_t{256} << 10;

[[noreturn]] void fail(std::string_view name, int fault) {
  throw Error(fault == ENOENT ? Reason::kNotFound : Reason::kIoError,
              fmt::format("{}: cannot read: {}", name, std::strerror(fault)));
}

}  // namespace

LineReader::LineReader(const std::string& file) : name_(file == "-" ? "stdin" : file) {
  descriptor_ = file == "-" ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) fail(name_, errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      const int opened = std::exchange(descriptor_, -1);
      if (opened != STDIN_FILENO) ::close(opened);
      fail(name_, EISDIR);
    }
    if (S_ISREG(status.st_mode)) bytes_in_all_ = static_cast<std::uint64_t>(status.st_size);
  }
}

LineReader::~LineReader() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

std::string LineReader::place() const { return fmt::format("{} line {}", name_, line_number_); }

bool LineReader::fill() {
  buffer_.erase(0, std::exchange(begin_, 0));
  const std::size_t old_size = buffer_.size();
  buffer_.resize(old_size + kBlock);
  ssize_t count = 0;
  do {
    throw_if_interrupted();
    count = ::read(descriptor_, buffer_.data() + old_size, kBlock);
  } while (count < 0 && errno == EINTR);
  if (count < 0) fail(name_, errno);
  buffer_.resize(old_size + static_cast<std::size_t>(count));
  bytes_read_ += static_cast<std::uint64_t>(count);
  return count > 0;
}

bool LineReader::next(std::string& line) {
  for (std::size_t searched = begin_;;) {
    const std::size_t newline = buffer_.find('\n', searched);
    if (newline != std::string::npos) {
      line.assign(buffer_, begin_, newline - begin_);
      begin_ = newline + 1;
      break;
    }
    searched = buffer_.size() - begin_;  // where fill() moves the end of what was searched
    if (fill()) continue;
    if (begin_ == buffer_.size()) return false;
    line.assign(buffer_, begin_, std::string::npos);
    begin_ = buffer_.size();
    break;
  }
  ++line_number_;
  return true;
}

}  // namespace weft::cli
