// A file that comes into being whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace weft {

/// Written beside `path` under a temporary name, which commit() renames to `path`. Without a commit
/// the temporary file is removed. An existing `path` must be a regular file; it is replaced.
class NewFile {
 public:
  /// Throws Error(kIoError) naming `path`.
  explicit NewFile(const std::filesystem::path& path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(const void* data, std::size_t bytes);  // throws Error(kIoError)
  void sync();    // what was written is on the disk; throws Error(kIoError)
  void commit();  // throws Error(kIoError)

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
};

}  // namespace weft
