#include <algorithm>
#include <set>

#include "core/audit/plan_text.h"
#include "core/error.h"

namespace ra {
namespace {

[[noreturn]] void usage(const std::string& message) {
  throw Error(Exit::usage, message);
}

void check_ids(const std::vector<int32_t>& ids, int32_t vocab, const std::string& what) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocab) {
      throw Error(Exit::bad_input, what + ": token id " + std::to_string(ids[i]) + " at place " +
                                       std::to_string(i) + "; expected ids from 0 to " +
                                       std::to_string(vocab - 1));
    }
  }
}

}  // namespace

void check_spec(const PlanSpec& spec) {
  check(spec.vocab > 0 && spec.max_positions > 0 && spec.max_rows > 0, "a plan's model to have sizes");
  check(spec.probe_steps > 0, "probes to have steps");
  if (spec.runs < 1 || spec.runs > 1'000'000) {
    usage("--runs: " + std::to_string(spec.runs) + "; expected 1 to 1000000");
  }
  if (spec.max_tokens < 1)
    usage("--max-tokens: " + std::to_string(spec.max_tokens) + "; expected at least 1");
  if (spec.prompt.empty()) throw Error(Exit::bad_input, "prompt: no tokens; expected at least one");
  check_ids(spec.prompt, spec.vocab, "prompt");
  check_ids(spec.companion_text, spec.vocab, "--companions");
  const int64_t prompt = static_cast<int64_t>(spec.prompt.size());
  if (prompt >= spec.max_positions) {
    throw Error(Exit::bad_input, "prompt: " + std::to_string(prompt) +
                                     " tokens; expected fewer than the model's " +
                                     std::to_string(spec.max_positions) + " positions");
  }
  if (prompt + spec.max_tokens > spec.max_positions) {
    usage("--max-tokens: " + std::to_string(spec.max_tokens) + " after a prompt of " +
          std::to_string(prompt) + " tokens; expected at most " +
          std::to_string(spec.max_positions - prompt) + " (the model has " +
          std::to_string(spec.max_positions) + " positions)");
  }
  if (spec.batch_sizes.empty()) usage("--batch-sizes: none; expected at least one");
  for (size_t i = 0; i < spec.batch_sizes.size(); ++i) {
    const int32_t size = spec.batch_sizes[i];
    if (size < 1 || size > 1024) usage("--batch-sizes: " + std::to_string(size) + "; expected 1 to 1024");
    if (i > 0 && size <= spec.batch_sizes[i - 1]) usage("--batch-sizes: expected ascending, distinct sizes");
  }
  if (spec.strata.empty()) usage("--strata: none; expected rows, chunk, preempt or all");
  if (std::set(spec.strata.begin(), spec.strata.end()).size() != spec.strata.size()) {
    usage("--strata: one is named twice; expected each at most once");
  }
  if (spec.arms.empty()) usage("--kernels: none; expected at least one kernel set");
  if (std::set(spec.arms.begin(), spec.arms.end()).size() != spec.arms.size()) {
    usage("--kernels: one is named twice; expected each at most once");
  }
  if (spec.min_random_trials < 0 || spec.min_random_trials > spec.runs) {
    usage("--runs: " + std::to_string(spec.runs) + "; expected at least " +
          std::to_string(spec.min_random_trials) + ", one for each random trial that was asked for");
  }
}

}  // namespace ra
