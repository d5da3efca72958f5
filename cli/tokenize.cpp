// weft tokenize: JSON lines in, token ids with character offsets out.
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/interruption.h"
#include "cli/json_lines.h"
#include "cli/line_reader.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "weft/error.h"
#include "weft/tokenizer.h"

namespace weft::cli {
namespace {

void append_integers(std::string& line, const std::vector<std::int32_t>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) line += ',';
    const fmt::format_int digits(values[i]);
    line.append(digits.data(), digits.size());
  }
}

void format_encoding(const Encoding& encoding, std::string& line) {
  line = R"({"input_ids":[)";
  append_integers(line, encoding.ids);
  line += R"(],"token_type_ids":[)";
  append_integers(line, encoding.type_ids);
  line += R"(],"offsets":[)";
  bool first = true;
  for (const auto& [begin, end] : encoding.offsets) {
    line += first ? "[" : ",[";
    append_integers(line, {begin, end});
    line += ']';
    first = false;
  }
  line += "]}\n";
}

void tokenize(const Arguments& arguments) {
  const Tokenizer tokenizer = Tokenizer::load(arguments.model_directory());
  TokenizeOptions options;
  options.max_length = tokenizer.default_max_length().value_or(kNoLimit);
  if (arguments.given("--no-truncation")) options.max_length = kNoLimit;
  if (arguments.given("--specials-as-text")) options.specials_in_text = SpecialsInText::kAsText;

  LineReader input("-");
  HeldStdout output;
  Encoding encoding;
  std::string line, formatted;
  std::int64_t count = 0, truncated = 0;
  while (input.next(line)) {
    const TextOrPair texts = parse_text_or_pair_line(line, input.place());
    try {
      if (texts.second) {
        encoding = tokenizer.encode_pair(texts.first, *texts.second, options);
      } else {
        tokenizer.encode(texts.first, options, encoding);
      }
    } catch (const Error& error) {
      throw Error(error.reason(), fmt::format("{}: {}", input.place(), error.what()));
    }
    format_encoding(encoding, formatted);
    output.write(formatted);
    ++count;
    if (encoding.truncated_tokens > 0) ++truncated;
    throw_if_interrupted();
  }
  output.publish();
  if (truncated > 0) {
    tell(fmt::format("{} of {} lines were longer than {} tokens and were cut", truncated, count,
                     options.max_length));
  }
}

}  // namespace

Command tokenize_command() {
  return {.name = "tokenize",
          .summary = "token ids of texts or pairs of texts",
          .synopsis = "MODEL_DIR < LINES.jsonl",
          .description =
              "Reads JSON lines from stdin, each a string or an array of two strings, and writes "
              "for each\n"
              "{\"input_ids\":[..],\"token_type_ids\":[..],\"offsets\":[[begin,end],..]}; offsets "
              "count\n"
              "characters. Needs tokenizer.json only. Cuts at model_max_length of "
              "tokenizer_config.json,\n"
              "else at the truncation of tokenizer.json.",
          .options =
              {
                  {"--no-truncation", "", "keep every token"},
                  {"--specials-as-text", "",
                   "take \"[SEP]\" and the like in a text as ordinary characters"},
              },
          .examples =
              "  echo '\"A sentence.\"' | weft tokenize models/all-MiniLM-L6-v2\n"
              "  echo '[\"A question?\", \"Its answer.\"]' | weft tokenize models/all-MiniLM-L6-v2",
          .run = tokenize};
}

}  // namespace weft::cli
