// Lines of a file or of stdin, one at a time. Lines end at \n only; the last \n starts no further
// line; '\r', NUL and bytes that are no UTF-8 are ordinary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::cli {

class LineReader {
 public:
  /// "-" is stdin. Throws Error: kNotFound, kIoError naming the file.
  explicit LineReader(const std::string& file);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// False at the end. Throws Error(kIoError), Interrupted.
  bool next(std::string& line);
  /// "stdin line 7" or "FILE line 7": the line that next() gave last.
  std::string place() const;
  const std::string& name() const noexcept { return name_; }

  std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  std::uint64_t bytes_in_all() const noexcept { return bytes_in_all_; }  ///< 0: not known

 private:
  bool fill();

  std::string name_;
  int descriptor_ = -1;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::uint64_t line_number_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_in_all_ = 0;
};

}  // namespace weft::cli
