// What `run` was told, as typed and as resolved: defaults, profile and configuration file filled in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/config.h"
#include "cli/report_files.h"
#include "core/audit/audit.h"
#include "core/audit/policy.h"

namespace CLI {
class App;
}

namespace ra {

// As typed: an absent value was not given.
struct RunOptions {
  std::optional<std::string> model, prompt, prompt_ids, prompts, system, companions;
  std::optional<int32_t> runs, max_tokens, threads;
  std::optional<uint64_t> seed, max_minutes, dummy_weights;
  std::optional<std::string> batch_sizes, kernels, device, strata, probe_contexts, logits, profile, policy,
      baseline;
  std::optional<std::string> database, resume, events, color;
  ReportFiles reports;
  bool raw = false, parse_special = false, ignore_eos = false;
  bool dry_run = false, quiet = false, no_progress = false, force = false;
};

// Declares them on `verb`; `options` outlives it.
void declare_run_options(CLI::App& verb, RunOptions& options);

enum class PromptSource : uint8_t {
  text,
  ids,
  list
};  // what prompt_file holds: core/llm/prompt.h, prompt_list.h

// Resolved: what the audit is a function of, and nothing that only concerns its presentation.
struct RunSettings {
  std::string model;
  std::optional<uint64_t> dummy_weights;  // the seed of weights that are not read
  std::string device;
  int32_t threads = 0;
  std::vector<std::string> kernels;
  bool fp32_logits = false;
  bool ignore_eos = false;

  std::string profile;
  int32_t runs = 0;
  int32_t max_tokens = 0;
  int32_t min_random_trials = 0;
  std::vector<int32_t> batch_sizes;
  bool batch_sizes_may_shrink = false;  // a default: where memory is short, the largest ones go
  uint64_t seed = 0;
  std::vector<Stratum> strata;
  std::vector<int32_t> probe_contexts;
  Policy policy;

  std::string prompt_file;
  PromptSource prompt_source = PromptSource::text;
  std::optional<std::string> system;
  bool raw = false;
  bool parse_special = false;
  std::string companions_file;  // empty: companions are drawn from the seed
};

// Error(usage) where options contradict each other or name nothing that exists.
RunSettings resolve(const RunOptions& options, const Config& config);

// The same for --resume: the audit's own settings; only its model's path may be given anew. Error(usage) for options
// that an audit which has begun cannot change.
RunSettings resolve_resumed(const RunOptions& options, const Audit& audit);

// A baseline is one audit: Error(usage).
[[noreturn]] void refuse_baseline_of_list();

// Name -> value, for the record.
std::map<std::string, std::string> recorded(const RunSettings& settings);

}  // namespace ra
