// A list of prompts as reports show it.
#pragma once

#include "core/audit/prompt_set.h"

namespace ra {

// Three prompts by the policy `nightly`: one on which the control parts, one on which it does not, one that is
// incomplete. `hostile`: names and texts that attack whoever shows them.
PromptSet example_set(bool hostile = false);

}  // namespace ra
