// A whole audit as a real one looks, made up: a drawn plan, an arm `standard` whose streams part at a few places and an
// arm `invariant` whose streams do not. For reports and their screenshots; the same spec gives the same audit.
#pragma once

#include <utility>

#include "core/audit/audit.h"

namespace ra {

struct ExampleSpec {
  int32_t runs = 1000;
  int32_t max_tokens = 100;
  int32_t max_batch_size = 32;
  bool hostile = false;  // pieces, prompt and model name that attack whoever shows them
  bool finished = true;  // else the last third of the turns is missing, and one trial failed
  bool parts = true;     // else standard differs in logits only
};

Audit example_audit(const ExampleSpec& spec = {});

// A thousand runs whose streams part at a hundred places: the i-th run of `standard` has another token at step i of 100.
Audit example_of_a_hundred_streams();

// Two audits of one plan: between them the program, a library and two kernel choices changed, `standard` came to part, and
// `invariant` said once another word.
std::pair<Audit, Audit> example_update();

}  // namespace ra
