// The one exception of the program: a sentence for the user and the exit status it leads to.
// Thrown where the detail is known, caught in cli/main.cpp and around one trial.
// C++17 and dependency-free, because kernels (CUDA files included) use it too.
#pragma once

#include <stdexcept>
#include <string>

namespace ra {

// What the process ends with (man/repro-audit.1, EXIT STATUS).
enum class Exit : int {
  ok = 0,              // the expectation was met
  divergence = 1,      // a divergence or regression against the policy
  usage = 2,           // the command line or a configuration file is wrong
  bad_input = 3,       // model, prompt or database cannot be used
  device = 4,          // no such device, or not enough memory
  incomplete = 5,      // stopped early, resumable
  storage = 6,         // a result could not be stored or written
  evidence = 7,        // evidence does not verify
  not_comparable = 8,  // what should be compared or resumed was made under other conditions
  bug = 70,            // an invariant of this program does not hold
};

class Error : public std::runtime_error {
 public:
  Error(Exit status, const std::string& message) : std::runtime_error(message), status_(status) {}
  Exit status() const { return status_; }

 private:
  Exit status_;
};

// An invariant that is checked in every build. `what` says what should have held.
inline void check(bool holds, const char* what) {
  if (!holds) throw Error(Exit::bug, std::string("internal error: expected ") + what);
}

}  // namespace ra
