// The command line of one command, parsed strictly: an option's value is the argument after it (or
// after '='), whatever it looks like, and every other word reaches the command byte for byte.
// CLI11 was refused: version 2.1 turns the text "[SEP]" into "SEP", "[a, b]" into two texts, and
// reads "--prompt=" as a missing value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

/// Wrong usage: the command line alone tells that it cannot be carried out. Exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Option {
  std::string_view name;   // with its dashes
  std::string_view value;  // what follows it, as shown in the help; empty: a flag
  std::string_view help;   // '\n' begins a new line
};

class Arguments {
 public:
  /// Throws UsageError naming the argument: an option that is not in `options`, a missing value, a
  /// value for a flag, an option given twice. "--" ends the options; "-" is an ordinary word.
  Arguments(std::span<const std::string_view> words, std::span<const Option> options);

  bool given(std::string_view name) const { return values_.contains(name); }
  std::optional<std::string> value(std::string_view name) const;
  /// The value as the name of a file. Throws UsageError if it is empty.
  std::optional<std::string> file(std::string_view name) const;
  /// The same, but throws UsageError if the option is absent.
  std::string required_file(std::string_view name) const;
  /// The words that belong to no option.
  const std::vector<std::string>& words() const noexcept { return words_; }

  /// A whole number within [smallest, largest], or `absent`. Throws UsageError.
  std::int64_t integer(std::string_view name, std::int64_t smallest, std::int64_t largest,
                       std::int64_t absent) const;
  /// Seconds, a decimal number of at least 0, or `absent`. Throws UsageError.
  double seconds(std::string_view name, double absent) const;
  /// The index in `choices` of the value, or nothing. Throws UsageError listing the choices.
  std::optional<std::size_t> choice(std::string_view name,
                                    std::span<const std::string_view> choices) const;
  /// The only word, the model's directory. Throws UsageError.
  std::string model_directory() const;
  /// Throws UsageError if both are given.
  void exclude(std::string_view one, std::string_view other) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::vector<std::string> words_;
};

/// "'text'", cut to 80 bytes, for error messages.
std::string in_quotes(std::string_view text);
/// "a, b or c".
std::string listed(std::span<const std::string_view> names);

}  // namespace weft::cli
