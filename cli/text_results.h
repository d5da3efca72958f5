// The loop of the commands that answer every text with one result: classify, fill and tag.
#pragma once

#include <cstdint>
#include <string>

#include "cli/interruption.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/text_arguments.h"

namespace weft::cli {

/// task(texts) gives a result per text, with `truncated_tokens`; line(result, index, text) is what
/// stdout gets for it, once all texts are done. Then tells how many texts were cut to `max_tokens`.
/// Throws what task throws, its texts numbered from the first one of all.
template <typename Task, typename Line>
void write_results(TextInput& input, std::int64_t max_tokens, const Task& task, const Line& line) {
  HeldStdout output;
  Progress progress("texts");
  TextWindow window;
  std::int64_t truncated = 0;
  while (window.fill(input)) {
    const auto results = in_window(window, [&] { return task(window.texts); });
    for (std::size_t i = 0; i < results.size(); ++i) {
      output.write(line(results[i], window.first + static_cast<std::int64_t>(i), window.texts[i]));
      if (results[i].truncated_tokens > 0) ++truncated;
    }
    progress.update(window.end(), input.share_read());
    throw_if_interrupted();
  }
  progress.clear();
  output.publish();
  tell_truncated(truncated, window.first, max_tokens);
}

}  // namespace weft::cli
