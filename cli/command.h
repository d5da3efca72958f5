// What each command is to main.cpp: its words, its help and the function that carries it out.
#pragma once

#include <string_view>
#include <vector>

#include "cli/arguments.h"

namespace weft::cli {

struct Command {
  std::string_view name;
  std::string_view summary;      // one line, for the list of commands
  std::string_view synopsis;     // what follows the name
  std::string_view description;  // for --help
  std::vector<Option> options;
  std::string_view examples;
  /// Writes to stdout only once nothing can fail any more. Throws UsageError (exit 2), weft::Error
  /// or any other exception (exit 1).
  void (*run)(const Arguments& arguments);
};

Command attend_command();
Command classify_command();
Command embed_command();
Command fill_command();
Command generate_command();
Command rank_command();
Command tag_command();
Command tokenize_command();
Command run_command();
Command info_command();
Command bench_command();

}  // namespace weft::cli
