// What a call refuses with: for tests of errors.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace ra {

// The message of the Error that `call` throws, which must lead to `status`; "accepted" if it throws none.
template <typename Call>
std::string refusal(Exit status, const Call& call) {
  try {
    call();
    return "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), status) << error.what();
    return error.what();
  }
}

}  // namespace ra
