// The program `weft`. Exit codes: 0 success, 1 bad input or a fault, 2 wrong usage. On any failure
// stderr holds exactly one line, stdout nothing, and no output file has appeared.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <new>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/interruption.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "weft/error.h"
#include "weft/version.h"

namespace weft::cli {
namespace {

constexpr std::string_view kPlannedCommands[] = {"serve"};

std::vector<Command> commands() {
  return {embed_command(), rank_command(),     classify_command(), tag_command(),
          fill_command(),  generate_command(), attend_command(),   tokenize_command(),
          run_command(),   info_command(),     bench_command()};
}

std::string general_help() {
  std::string text =
      "weft runs Transformer encoders on CPUs, straight from exported weights.\n\n"
      "usage: weft COMMAND ...\n\ncommands:\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<10}{}\n", command.name, command.summary);
  }
  text +=
      "\nweft COMMAND --help tells more; weft --version gives the version.\n\n"
      "example:\n  weft embed models/all-MiniLM-L6-v2 \"A sentence.\" \"Another one.\"\n";
  return text;
}

std::string help_of(const Command& command) {
  std::string text = fmt::format("usage: weft {} {}\n\n{}\n\noptions:\n", command.name,
                                 command.synopsis, command.description);
  constexpr int kColumn = 26;
  std::vector<Option> options = command.options;
  options.push_back({"--help", "", "show this"});
  for (const Option& option : options) {
    std::string head = fmt::format("  {} {}", option.name, option.value);
    if (head.size() >= kColumn) head += '\n' + std::string(kColumn - 1, ' ');
    text += fmt::format("{:<{}}", head, kColumn);
    for (const char c : option.help) {
      text += c;
      if (c == '\n') text.append(kColumn, ' ');
    }
    text += '\n';
  }
  return text + fmt::format("\nexamples:\n{}\n", command.examples);
}

void print(std::string_view text) {
  HeldStdout output;
  output.write(text);
  output.publish();
}

void run_command_line(std::span<const std::string_view> words) {
  if (words.empty()) throw UsageError("expected a command, found none (weft --help lists them)");
  const std::string_view name = words.front();
  if (name == "--help" || name == "-h" || name == "help") return print(general_help());
  if (name == "--version") return print(fmt::format("weft {}\n", kVersion));
  for (const std::string_view planned : kPlannedCommands) {
    if (name == planned) {
      throw Error(Reason::kUnsupported, fmt::format("{}: not supported yet", name));
    }
  }
  for (const Command& command : commands()) {
    if (name != command.name) continue;
    const auto rest = words.subspan(1);
    for (const std::string_view word : rest) {
      if (word == "--") break;
      if (word == "--help" || word == "-h") return print(help_of(command));
    }
    return command.run(Arguments(rest, command.options));
  }
  throw UsageError(fmt::format(
      "{}: expected a command, found none of this name (weft --help lists them)", in_quotes(name)));
}

/// A descriptor that the caller closed would be given to the first file opened, which would then
/// receive what is meant for stdout or stderr. Opened the wrong way round, they fail when used.
void occupy_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) == -1) {
      [[maybe_unused]] const int opened =
          open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

int guarded(std::span<const std::string_view> words) {
  constexpr int kFault = 1;
  constexpr int kWrongUsage = 2;
  try {
    run_command_line(words);
    return 0;
  } catch (const UsageError& error) {
    tell(error.what());
    return kWrongUsage;
  } catch (const std::bad_alloc&) {
    tell("out of memory");
  } catch (const std::exception& error) {
    if (interruption_flag()) {
      tell("interrupted");
      end_by_signal();
    }
    tell(error.what());
  } catch (...) {
    tell("unknown fault");
  }
  return kFault;
}

}  // namespace
}  // namespace weft::cli

int main(int argc, char** argv) {
  weft::cli::occupy_standard_descriptors();
  // A reader that has gone and a limit on file sizes are failed writes like any other.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  weft::cli::install_interruption_handlers();
  // argc is 0 for a program started with an empty argument list.
  const std::vector<std::string_view> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return weft::cli::guarded(words);
}
