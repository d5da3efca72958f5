// What the commands that take texts have in common: MODEL_DIR TEXT... or --input, and how texts are
// read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "cli/text_input.h"
#include "weft/error.h"
#include "weft/text_options.h"

namespace weft::cli {

/// `own` with the options for texts before it and those of every command that computes behind it.
std::vector<Option> with_text_options(std::vector<Option> own);

/// The first word. Throws UsageError if there is none.
std::string model_word(const Arguments& arguments);
/// The other words, or the lines of --input. `what` names a text in messages, e.g. "TEXT".
/// Throws UsageError if both or neither are given, Error if the file cannot be opened.
TextInput open_texts(const Arguments& arguments, std::string_view what);
/// --long-text, --specials-as-text, and the interruption flag. Throws UsageError.
TextOptions text_options(const Arguments& arguments);

/// One call's worth of texts, so that any number takes flat memory.
struct TextWindow {
  std::vector<std::string> texts;
  std::int64_t first = 0;  // number of its first text

  /// The next texts; false if there are none.
  bool fill(TextInput& input);
  std::int64_t end() const { return first + static_cast<std::int64_t>(texts.size()); }
};

/// function(), whose errors number texts within the window, with the window's place in them.
template <typename Function>
auto in_window(const TextWindow& window, const Function& function) {
  try {
    return function();
  } catch (const Error& error) {
    if (window.first == 0) throw;
    throw Error(error.reason(), "counting texts from number " + std::to_string(window.first) +
                                    " on: " + error.what());
  }
}

/// "3 of 9 texts were longer than 512 tokens and were cut" on stderr if there were any.
void tell_truncated(std::int64_t truncated, std::int64_t texts, std::int64_t max_tokens);

}  // namespace weft::cli
