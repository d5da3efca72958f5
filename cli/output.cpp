#include "cli/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cli/interruption.h"
#include "weft/error.h"

namespace weft::cli {
namespace {

constexpr std::size_t kFileBuffer = std::size_t{1} << 20;
constexpr std::size_t kHeldInMemory = std::size_t{8} << 20;

[[noreturn]] void fail(std::string_view place, std::string_view what, int fault) {
  throw Error(Reason::kIoError, fmt::format("{}: {}: {}", place, what, std::strerror(fault)));
}

void write_all(int descriptor, std::string_view bytes, std::string_view place) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno != EINTR) fail(place, "cannot write", errno);
      throw_if_interrupted();
      continue;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

TemporaryFile::TemporaryFile(std::filesystem::path target) : target_(std::move(target)) {
  struct stat status {};
  if (::stat(target_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw Error(Reason::kIoError,
                fmt::format("{}: expected a regular file or none, found {}", target_.string(),
                            S_ISDIR(status.st_mode) ? "a directory" : "a device, pipe or socket"));
  }
  // The name does not contain the target's: that one may already be as long as names may be.
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    path_ = target_;
    path_.replace_filename(fmt::format(".weft-{}-{}.tmp", ::getpid(), attempt));
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) fail(target_.string(), "cannot create", errno);
  }
}

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

void TemporaryFile::close_descriptor() {
  if (::close(std::exchange(descriptor_, -1)) != 0) fail(target_.string(), "cannot write", errno);
}

void TemporaryFile::publish() {
  close_descriptor();
  if (::rename(path_.c_str(), target_.c_str()) != 0) {
    fail(target_.string(), "cannot rename the finished file to it", errno);
  }
  path_.clear();
}

void FileOutput::write(std::string_view bytes) {
  pending_ += bytes;
  if (pending_.size() >= kFileBuffer) flush();
}

void FileOutput::flush() {
  write_all(file_.descriptor(), pending_, file_.target().string());
  pending_.clear();
}

void FileOutput::patch_beginning(std::string_view bytes) {
  flush();
  if (::lseek(file_.descriptor(), 0, SEEK_SET) != 0) {
    fail(file_.target().string(), "cannot seek", errno);
  }
  write_all(file_.descriptor(), bytes, file_.target().string());
}

void FileOutput::publish() {
  flush();
  file_.publish();
}

HeldStdout::~HeldStdout() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void HeldStdout::write(std::string_view bytes) {
  pending_ += bytes;
  if (pending_.size() >= kHeldInMemory) spill();
}

void HeldStdout::spill() {
  if (descriptor_ < 0) {
    const std::filesystem::path directory = std::filesystem::temp_directory_path();
    spill_path_ = directory.string();
    std::string name = (directory / "weft-XXXXXX").string();
    descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor_ < 0) fail(spill_path_, "cannot create a temporary file", errno);
    ::unlink(name.c_str());
  }
  write_all(descriptor_, pending_, spill_path_);
  spilled_ += pending_.size();
  pending_.clear();
}

void HeldStdout::publish() {
  if (descriptor_ >= 0) {
    std::string block(kFileBuffer, '\0');
    for (std::uint64_t done = 0; done < spilled_;) {
      const ssize_t count =
          ::pread(descriptor_, block.data(), block.size(), static_cast<off_t>(done));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) fail(spill_path_, "cannot read back", count == 0 ? EIO : errno);
      write_all(STDOUT_FILENO, std::string_view(block.data(), static_cast<std::size_t>(count)),
                "stdout");
      done += static_cast<std::uint64_t>(count);
    }
  }
  write_all(STDOUT_FILENO, pending_, "stdout");
  pending_.clear();
}

}  // namespace weft::cli
