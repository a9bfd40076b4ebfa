// What a call refuses with.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace ra {

// The message of the Error(bad_input) that `call` throws; a failed check if it throws none or another.
template <typename Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::bad_input) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "expected an error";
  return {};
}

// The message of the Error that `call` throws, which must lead to `status`; "accepted" if it throws none.
template <typename Call>
std::string refusal(Exit status, const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), status) << error.what();
    return error.what();
  }
  return "accepted";
}

}  // namespace ra
