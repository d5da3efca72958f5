#include "cli/interruption.h"

#include <csignal>
#include <cstdlib>

namespace weft::cli {
namespace {

std::atomic<bool> interrupted{false};
volatile std::sig_atomic_t signal_that_came = 0;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  signal_that_came = signal;
  interrupted.store(true);
}

}  // namespace

void install_interruption_handlers() {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction present {};
    if (sigaction(signal, nullptr, &present) != 0 || present.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // no SA_RESTART: a blocked read must return
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
  }
}

const std::atomic<bool>& interruption_flag() noexcept { return interrupted; }

void throw_if_interrupted() {
  if (interrupted.load(std::memory_order_relaxed)) throw Interrupted();
}

void end_by_signal() {
  std::signal(signal_that_came, SIG_DFL);
  std::raise(signal_that_came);
  std::_Exit(128 + signal_that_came);
}

}  // namespace weft::cli
