// Where a command's result goes. Both places show nothing unless everything succeeded: a file is
// written under a temporary name and renamed, stdout is held back until the end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace weft::cli {

/// Bytes in order. Errors are weft::Error(kIoError) naming the place.
class Output {
 public:
  virtual ~Output() = default;
  virtual void write(std::string_view bytes) = 0;
  /// Makes what was written visible. Without it, nothing remains.
  virtual void publish() = 0;
};

/// A name beside `target` that is renamed to it by publish(), or removed by the destructor.
class TemporaryFile {
 public:
  /// Creates the file. Throws Error(kIoError) naming `target`, also if it is a directory.
  explicit TemporaryFile(std::filesystem::path target);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  const std::filesystem::path& target() const noexcept { return target_; }
  int descriptor() const noexcept { return descriptor_; }
  void publish();

 private:
  void close_descriptor();

  std::filesystem::path target_;
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// Throws what writing `target` would throw at once: a missing folder, no permission, a directory.
inline void check_writable(const std::filesystem::path& target) { TemporaryFile probe(target); }

class FileOutput final : public Output {
 public:
  explicit FileOutput(const std::filesystem::path& target) : file_(target) {}
  void write(std::string_view bytes) override;
  /// Replaces bytes already written, from the beginning on. The last call before publish().
  void patch_beginning(std::string_view bytes);
  void publish() override;

 private:
  void flush();

  TemporaryFile file_;
  std::string pending_;
};

/// Standard output, held back: in memory up to 8 MB, then in an unlinked temporary file.
class HeldStdout final : public Output {
 public:
  HeldStdout() = default;
  ~HeldStdout() override;
  HeldStdout(const HeldStdout&) = delete;
  HeldStdout& operator=(const HeldStdout&) = delete;
  void write(std::string_view bytes) override;
  void publish() override;

 private:
  void spill();

  std::string pending_;
  int descriptor_ = -1;
  std::string spill_path_;  // for error messages
  std::uint64_t spilled_ = 0;
};

}  // namespace weft::cli
