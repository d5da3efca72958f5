#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace weft::cli {

std::string single_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line;
}

void tell(std::string_view text) {
  const std::string line = fmt::format("weft: {}\n", single_line(text));
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void tell_notes(std::span<const std::string> notes) {
  for (const std::string& note : notes) tell("note: " + note);
}

Progress::Progress(std::string_view unit) : unit_(unit), on_terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::update(std::int64_t count, std::optional<double> share) {
  if (!on_terminal_) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string percent = share ? fmt::format(" ({:.0f} %)", 100 * *share) : "";
  const std::string line = fmt::format("\r\x1b[K{} {}{}, {:.0f}/s", count, unit_, percent,
                                       static_cast<double>(count) / seconds);
  std::fwrite(line.data(), 1, line.size(), stderr);
  shown_ = true;
}

void Progress::show(std::string_view text) {
  if (!on_terminal_) return;
  const std::string line = fmt::format("\r\x1b[K{}", text);
  std::fwrite(line.data(), 1, line.size(), stderr);
  shown_ = true;
}

void Progress::clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

}  // namespace weft::cli
