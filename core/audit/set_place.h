// Of which list of prompts an audit is, and its place there: facts that are kept among its settings.
//   prompts.set       the set's id: all audits that one invocation began
//   prompts.place     from 1
//   prompts.count     of the list
//   prompts.name      the prompt's id in the list
//   prompts.sha256    of the list's file
//   prompts.seed      what the seeds of the prompts' plans were drawn from
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ra {

struct SetPlace {
  std::string set;
  int64_t place = 0, count = 0;
  std::string name;
  std::string sha256;
  uint64_t seed = 0;
  bool operator==(const SetPlace&) const = default;
};

// The most prompts that a list may have.
inline constexpr int64_t kMaxPrompts = 10'000;

inline constexpr const char* kSetSetting = "prompts.set";

void record(const SetPlace& place, std::map<std::string, std::string>& settings);

// Absent where the audit is of no list. Settings of a database are untrusted: Error(bad_input).
std::optional<SetPlace> set_place(const std::map<std::string, std::string>& settings);

// Whether a setting is one of these: it says where an audit belongs, not how it ran.
bool is_set_fact(std::string_view setting);

std::string new_set_id();  // "set-" and what an audit's id is made of

// The seed of a prompt's plan, the same wherever it stands in a list: the first 8 bytes, little endian, of the SHA-256 of
// "repro-audit.prompt-seed.v1", a zero byte, `seed` as 8 bytes, little endian, and the prompt's id.
uint64_t seed_of_prompt(uint64_t seed, std::string_view name);

}  // namespace ra
