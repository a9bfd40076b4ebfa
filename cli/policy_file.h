// Policies that a user names: built in, or a TOML file.
#pragma once

#include <string>

#include "core/audit/policy.h"

namespace ra {

// `name` is a built-in policy or a file's path; a built-in name wins. The keys of a file are those of policy.h, as TOML
// tables; its name is the file's without folder and extension. Error(usage) "<file>:<line>: <found>; <expected>".
Policy find_policy(const std::string& name);

// The same of a policy's text; `where` is the file's name in messages.
Policy read_policy(const std::string& toml, const std::string& where, const std::string& policy_name);

}  // namespace ra
