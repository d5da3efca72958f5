// Regular files read whole or in part, and the checks that every path gets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace weft {

/// A regular file open for reading. Refuses directories, FIFOs and devices; never blocks on open.
class File {
 public:
  /// Throws Error(kNotFound) or Error(kIoError) naming the path.
  explicit File(const std::filesystem::path& path);
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&&) = delete;

  std::uint64_t size() const noexcept { return size_; }
  const std::filesystem::path& path() const noexcept { return path_; }
  /// When the content was last modified, in ns since 1970: as of opening, and now. A file that is
  /// no longer to be had is modified at no such time (-1).
  std::int64_t modified() const noexcept { return modified_; }
  std::int64_t modified_now() const noexcept;
  /// All size() bytes, mapped read-only and page-aligned; they outlive the File. Reading them ends
  /// the process (SIGBUS) if the file is made shorter meanwhile: only for files that nobody ever
  /// writes to. Throws Error(kIoError) if it cannot be mapped or is empty.
  std::shared_ptr<const std::byte> map() const;
  /// Exactly `count` bytes at `offset`; retries interrupted and short reads.
  /// Throws Error(kIoError) "FILE: short read ..." if the file has become shorter.
  void read(std::uint64_t offset, std::size_t count, void* out) const;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::int64_t modified_ = -1;
};

/// Whether a directory has an entry of this name. A link that leads nowhere counts, and what lies
/// directly below one: what cannot be read is not absent, and opening it says so.
bool is_there(const std::filesystem::path& path);

/// The whole of a text file of at most `max_bytes`. Throws Error: kNotFound, kIoError, kCorruptFile
/// (too large; or a hint when it is a Git LFS pointer or an HTML page).
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// True if `name` can name a file inside a directory: not empty, no '/', '\\', NUL, not "." or
/// "..".
bool is_plain_file_name(std::string_view name) noexcept;

/// What a wrong file looks like from its first bytes ("a Git LFS pointer", "an HTML page",
/// "a pickle", "a zip archive (perhaps a PyTorch .bin)"), or empty.
std::string describe_wrong_file(std::string_view first_bytes);

}  // namespace weft
