// What came of a call, and the same call without the rights of root, who may read and write anything.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "core/error.h"

namespace ra {

struct CallOutcome {
  Exit status = Exit::ok;
  std::string message;
};

template <typename Action>
CallOutcome outcome_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.status(), error.what()};
  }
  return {};
}

// Runs `action` in a process of its own, as the user nobody if this one is root's.
inline CallOutcome as_nobody(const std::function<CallOutcome()>& action) {
  int channel[2];
  if (::pipe(channel) != 0) throw std::runtime_error("pipe");
  const pid_t child = fork();
  if (child == 0) {
    constexpr unsigned kNobody = 65534;
    CallOutcome outcome{Exit::bug, "cannot become another user"};
    if (getuid() != 0 || (setgid(kNobody) == 0 && setuid(kNobody) == 0)) outcome = action();
    [[maybe_unused]] ssize_t written = ::write(channel[1], &outcome.status, sizeof outcome.status);
    written = ::write(channel[1], outcome.message.data(), outcome.message.size());
    _exit(0);
  }
  ::close(channel[1]);
  CallOutcome outcome;
  EXPECT_EQ(::read(channel[0], &outcome.status, sizeof outcome.status),
            static_cast<ssize_t>(sizeof outcome.status));
  char buffer[512];
  for (ssize_t size; (size = ::read(channel[0], buffer, sizeof buffer)) > 0;) {
    outcome.message.append(buffer, static_cast<size_t>(size));
  }
  ::close(channel[0]);
  waitpid(child, nullptr, 0);
  return outcome;
}

}  // namespace ra
