// SIGINT, SIGTERM and SIGHUP while an audit runs: the first asks to stop after the running trial, the second at once, the
// third ends the process where it stands. What was committed stays, so each of them leaves a resumable audit.
#pragma once

#include <atomic>

namespace ra {

// Installs the handlers, for the rest of the process.
void watch_stop_signals();

const std::atomic<bool>& stop_after_trial();
const std::atomic<bool>& stop_now();
// The first signal that asked to stop, 0 for none.
int stop_signal();

}  // namespace ra
