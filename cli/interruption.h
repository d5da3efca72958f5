// SIGINT and SIGTERM: the first asks the program to stop, which it does by unwinding, so that
// temporary files are removed; a second one ends it at once. Only the program installs handlers,
// the library never does.
#pragma once

#include <atomic>
#include <exception>

namespace weft::cli {

class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// A signal that is ignored when the program starts (nohup) stays ignored.
void install_interruption_handlers();
/// Set once a signal has come; fits StopCondition::cancel.
const std::atomic<bool>& interruption_flag() noexcept;
/// Throws Interrupted once a signal has come.
void throw_if_interrupted();
/// Ends the process by the signal that came, so that a shell sees why.
[[noreturn]] void end_by_signal();

}  // namespace weft::cli
