// What an id on the command line names: an audit, or the audits of a list of prompts.
#pragma once

#include <string>
#include <vector>

#include "core/audit/prompt_set.h"
#include "core/audit/store.h"

namespace ra {

struct NamedAudits {
  std::string set;                  // the set's id; empty for one audit
  std::vector<std::string> audits;  // ids, in the order of the list
};

// `id` is an audit's or a set's, or the beginning of one; "latest" is the last audit, and where that is of a list the whole
// set. Error(usage) where it names none or several, Error(bad_input) where audits of the set are missing.
NamedAudits find_audits(const Store& store, const std::string& id);

// What --resume goes on with: of an audit that is of a list the whole set, so that there is room for the same prompts as
// when it was begun.
NamedAudits find_resumed(const Store& store, const std::string& id);

// What follows from the audits of a set, each loaded and analyzed by itself.
PromptSet load_set(const Store& store, const std::vector<std::string>& audits);

}  // namespace ra
