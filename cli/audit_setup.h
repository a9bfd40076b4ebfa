// From settings and a model to an audit that can begin, or go on.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "cli/prompt.h"
#include "cli/run_options.h"
#include "core/audit/audit.h"
#include "core/llm/arms.h"
#include "core/llm/checkpoint.h"
#include "core/llm/tokenizer.h"

namespace ra {

PlanSpec plan_spec(const RunSettings& settings, const ModelShape& shape, std::vector<int32_t> prompt,
                   std::vector<int32_t> companions);

// New audits, each whole but for its id and its arms' facts: the plan, and what is audited, in words and hashes. One, or one
// a prompt of a list; made one at a time, because a plan is large.
class NewAudits {
 public:
  // Reads prompts and companions. `tokenizer` is null where the checkpoint has none; both outlive this.
  NewAudits(const RunSettings& settings, const Checkpoint& checkpoint, const Tokenizer* tokenizer);

  size_t size() const { return file_.prompts.size(); }
  // The id of the list's set; empty for a prompt that is of none.
  const std::string& set() const { return set_; }
  Audit make(size_t prompt) const;

  // Makes room for all of them. If the batch sizes are a default and the device has no memory for that, the largest ones go
  // first; returns the largest that is left then.
  std::optional<int32_t> make_room(ArmsSpec& spec);

 private:
  RunSettings settings_;
  ModelShape shape_;
  const Tokenizer* tokenizer_;
  PromptFile file_;
  std::vector<int32_t> companions_;
  std::string set_;
  Audit common_;  // what all of them have
};

// The arms of these settings, with room for nothing yet.
ArmsSpec arms_spec(const RunSettings& settings, const Checkpoint& checkpoint);
// Makes room for the plan too.
void make_room(ArmsSpec& spec, const Plan& plan);

// Of ascending sizes those up to a half of the largest, a quarter, ...: the first for which `fits`, or the least size alone.
std::vector<int32_t> fitting_sizes(std::vector<int32_t> sizes,
                                   const std::function<bool(const std::vector<int32_t>&)>& fits);

std::vector<Arm> describe_arms(const std::vector<Subject*>& subjects);

}  // namespace ra
