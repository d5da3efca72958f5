// weft tokenize: JSON lines in, token ids with character offsets out.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

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

// Lines that are read before they are encoded and written, by their bytes.
constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
constexpr std::int64_t kMostThreads = 1024;

struct Line {
  std::string text, place;
  std::string result{};
  bool cut = false;
  std::exception_ptr error{};
};

void encode_line(const Tokenizer& tokenizer, const TokenizeOptions& options, Encoding& encoding,
                 Line& line) {
  const TextOrPair texts = parse_text_or_pair_line(line.text, line.place);
  try {
    if (texts.second) {
      encoding = tokenizer.encode_pair(texts.first, *texts.second, options);
    } else {
      tokenizer.encode(texts.first, options, encoding);
    }
  } catch (const Error& error) {
    throw Error(error.reason(), fmt::format("{}: {}", line.place, error.what()));
  }
  format_encoding(encoding, line.result);
  line.cut = encoding.truncated_tokens > 0;
}

void encode_lines(const Tokenizer& tokenizer, const TokenizeOptions& options, std::int64_t threads,
                  std::vector<Line>& lines) {
  std::atomic<std::size_t> next{0};
  const auto work = [&]() noexcept {
    Encoding encoding;
    for (std::size_t i; (i = next.fetch_add(1)) < lines.size();) {
      try {
        encode_line(tokenizer, options, encoding, lines[i]);
      } catch (...) {
        lines[i].error = std::current_exception();
      }
    }
  };
  std::vector<std::jthread> team;
  try {
    while (std::ssize(team) + 1 < std::min(threads, std::ssize(lines))) team.emplace_back(work);
  } catch (const std::system_error&) {
    // The system has no more threads: those that there are do the work.
  }
  work();
}

void tokenize(const Arguments& arguments) {
  const Tokenizer tokenizer = Tokenizer::load(arguments.model_directory());
  TokenizeOptions options;
  options.max_length = tokenizer.default_max_length().value_or(kNoLimit);
  if (arguments.given("--no-truncation")) options.max_length = kNoLimit;
  if (arguments.given("--specials-as-text")) options.specials_in_text = SpecialsInText::kAsText;
  const std::int64_t threads = arguments.integer(
      "--threads", 1, kMostThreads, std::max<std::int64_t>(1, std::thread::hardware_concurrency()));

  LineReader input("-");
  HeldStdout output;
  std::vector<Line> lines;
  std::string text;
  std::int64_t count = 0, truncated = 0;
  for (bool more = true; more;) {
    lines.clear();
    for (std::size_t bytes = 0; bytes < kWindowBytes && (more = input.next(text));) {
      bytes += text.size() + sizeof(Line);
      lines.push_back({std::move(text), input.place()});
    }
    encode_lines(tokenizer, options, threads, lines);
    for (const Line& line : lines) {
      if (line.error) std::rethrow_exception(line.error);
      output.write(line.result);
      ++count;
      if (line.cut) ++truncated;
    }
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
                  {"--threads", "N", "threads (default: the processors that this process may use)"},
              },
          .examples =
              "  echo '\"A sentence.\"' | weft tokenize models/all-MiniLM-L6-v2\n"
              "  echo '[\"A question?\", \"Its answer.\"]' | weft tokenize models/all-MiniLM-L6-v2",
          .run = tokenize};
}

}  // namespace weft::cli
