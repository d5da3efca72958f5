// Runs the built `weft` as a child process, in a folder of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/temporary_directory.h"

namespace weft::test {

/// The current folder of the program.
class Workplace : public TemporaryDirectory {
 public:
  /// Copies tests/golden/<from> to `name`.
  void copy_golden(const std::string& from, const std::string& name) const;
};

struct Outcome {
  int exit_code = -1;  // -1: ended by a signal
  int signal = 0;
  std::string out;
  std::string err;
  std::int64_t peak_kilobytes = 0;  // of resident memory
};

struct Surroundings {
  std::string input = {};                          // on stdin
  std::optional<std::uint64_t> largest_file = {};  // RLIMIT_FSIZE in bytes
  std::string out_file = {};                       // stdout goes here instead of Outcome::out
  std::vector<std::pair<std::string, std::string>> environment = {};
};

/// Runs `weft WORDS...` with the workplace as its current folder.
Outcome weft(const Workplace& place, const std::vector<std::string>& words,
             const Surroundings& surroundings = {});

/// Starts `weft WORDS...`, whose stdin is a pipe that stays open, and returns its process id.
/// Once `file_appears` holds of the workplace, sends `signal`. Returns how it ended.
Outcome weft_signalled(const Workplace& place, const std::vector<std::string>& words, int signal,
                       bool (*file_appears)(const Workplace&));

/// Empty if the outcome is what a failure must be: this exit code, nothing on stdout, exactly one
/// line on stderr that holds `words_in_error`, and the same entries in the folder as before.
std::string not_a_clean_failure(const Workplace& place, const std::vector<std::string>& before,
                                const Outcome& outcome, int exit_code,
                                const std::vector<std::string>& words_in_error);

}  // namespace weft::test
