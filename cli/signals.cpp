#include "cli/signals.h"

#include <signal.h>
#include <unistd.h>

namespace ra {
namespace {

constexpr int kStopSignals[] = {SIGINT, SIGTERM, SIGHUP};

std::atomic<bool> after_trial{false};
std::atomic<bool> now{false};
std::atomic<int> first_signal{0};

// Async-signal-safe: lock-free atomics, write() and signal() only.
void on_stop_signal(int number) {
  static constexpr char kNotice[] =
      "\nrepro-audit: stopping after the running trial; once more stops at once\n";
  if (!after_trial.exchange(true)) {
    first_signal = number;
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kNotice, sizeof kNotice - 1);
    return;
  }
  now = true;
  for (const int stop : kStopSignals) signal(stop, SIG_DFL);
}

}  // namespace

void watch_stop_signals() {
  static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  for (const int stop : kStopSignals) {
    struct sigaction before {};
    sigaction(stop, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(stop, &action, nullptr);  // nohup stays in force
  }
}

const std::atomic<bool>& stop_after_trial() {
  return after_trial;
}
const std::atomic<bool>& stop_now() {
  return now;
}
int stop_signal() {
  return first_signal;
}

}  // namespace ra
