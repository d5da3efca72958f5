#include "cli/text_arguments.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "cli/compute_options.h"
#include "cli/interruption.h"
#include "cli/terminal.h"

namespace weft::cli {
namespace {

// One call of the library: enough texts that a session's chunks are full.
constexpr std::size_t kWindowTexts = 4096;
constexpr std::size_t kWindowBytes = std::size_t{4} << 20;

constexpr std::array<std::string_view, 2> kInputFormats = {"txt", "jsonl"};
constexpr std::array<std::string_view, 2> kLongTexts = {"truncate", "error"};

TextFormat text_format(const Arguments& arguments, const std::string& file) {
  if (const auto choice = arguments.choice("--input-format", kInputFormats)) {
    return *choice == 0 ? TextFormat::kLines : TextFormat::kJsonLines;
  }
  if (file == "-") return TextFormat::kLines;
  const std::string extension = std::filesystem::path(file).extension().string();
  if (extension == ".txt") return TextFormat::kLines;
  if (extension == ".jsonl") return TextFormat::kJsonLines;
  throw UsageError(fmt::format(
      "--input: expected a name ending in .txt or .jsonl, or - (or --input-format), found {}",
      in_quotes(file)));
}

}  // namespace

std::vector<Option> with_text_options(std::vector<Option> own) {
  std::vector<Option> options = {
      {"--input", "FILE|-",
       ".txt: a text per line; .jsonl: a string or {\"text\": ...} per line;\n"
       "-: stdin"},
      {"--input-format", "F", "txt or jsonl, whatever the name (default for stdin: txt)"},
  };
  options.insert(options.end(), own.begin(), own.end());
  options.insert(
      options.end(),
      {
          {"--long-text", "WHAT", "texts beyond the model's maximum: truncate (default) or error"},
          {"--specials-as-text", "",
           "take \"[SEP]\" and the like in a text as ordinary characters"},
      });
  return with_compute_options(std::move(options));
}

std::string model_word(const Arguments& arguments) {
  if (arguments.words().empty()) {
    throw UsageError("MODEL_DIR: expected a directory, found nothing");
  }
  return arguments.words().front();
}

TextInput open_texts(const Arguments& arguments, std::string_view what) {
  std::vector<std::string> texts(arguments.words().begin() + 1, arguments.words().end());
  const auto file = arguments.file("--input");
  if (!file) {
    if (texts.empty()) {
      throw UsageError(fmt::format("expected a {} or --input, found neither", what));
    }
    if (arguments.given("--input-format")) {
      throw UsageError("--input-format: expected --input with it, found none");
    }
    return TextInput(std::move(texts));
  }
  if (!texts.empty()) {
    throw UsageError(fmt::format("{} and --input: expected one of them, found both", what));
  }
  return TextInput(*file, text_format(arguments, *file));
}

TextOptions text_options(const Arguments& arguments) {
  TextOptions options;
  if (arguments.choice("--long-text", kLongTexts) == std::size_t{1}) {
    options.long_text = LongText::kError;
  }
  if (arguments.given("--specials-as-text")) options.specials_in_text = SpecialsInText::kAsText;
  options.stop.cancel = &interruption_flag();
  return options;
}

bool TextWindow::fill(TextInput& input) {
  first += static_cast<std::int64_t>(texts.size());
  texts.clear();
  std::size_t bytes = 0;
  std::string text;
  while (texts.size() < kWindowTexts && bytes < kWindowBytes && input.next(text)) {
    bytes += text.size();
    texts.push_back(std::move(text));
  }
  return !texts.empty();
}

void tell_truncated(std::int64_t truncated, std::int64_t texts, std::int64_t max_tokens) {
  if (truncated == 0) return;
  tell(fmt::format("{} of {} texts were longer than {} tokens and were cut", truncated, texts,
                   max_tokens));
}

}  // namespace weft::cli
