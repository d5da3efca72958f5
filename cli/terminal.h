// What the program says on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weft::cli {

/// The text with control characters as escapes: whatever file names hold, it stays one line.
std::string single_line(std::string_view text);
/// "weft: text" and a newline on stderr.
void tell(std::string_view text);
/// Warnings of a model, once the command has succeeded.
void tell_notes(std::span<const std::string> notes);

/// A line on stderr that counts up, only if stderr is a terminal; gone when the object is.
class Progress {
 public:
  explicit Progress(std::string_view unit);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t count, std::optional<double> share);
  /// A line of its own instead, at once.
  void show(std::string_view text);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string unit_;
  bool on_terminal_ = false;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace weft::cli
