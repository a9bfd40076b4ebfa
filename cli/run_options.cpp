#include "cli/run_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <thread>

#include "cli/arguments.h"
#include "cli/devices.h"
#include "cli/dummy_weights.h"
#include "cli/policy_file.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/printable.h"
#include "kernels/ops.h"

namespace ra {
namespace {

constexpr int32_t kMaxRuns = 1'000'000;
constexpr int32_t kMaxTokens = 100'000;
constexpr int32_t kMaxBatchSize = 1024;
constexpr int32_t kMaxProbeContext = 1 << 20;

// What a profile sets where no option does.
struct Profile {
  const char* name;
  int32_t runs, max_tokens;
  const char* batch_sizes;
  int32_t min_random_trials;
  const char* strata;
  const char* policy;
  bool long_probes;  // beside the usual ones
};
constexpr Profile kProfiles[] = {
    {"quick", 20, 40, "1-8", 0, "rows", "default", false},
    {"default", 100, 100, "1-32", 0, "rows", "default", false},
    // The published experiment: 1000 runs of 1000 tokens.
    {"tml", 1000, 1000, "1-32", 0, "rows", "default", false},
    // 0 of 300 bounds the rate by 1.0%.
    {"evidence", 1000, 100, "1-32", 300, "rows,chunk,preempt,all", "evidence", true},
};
// Contexts of several attention segments.
constexpr int32_t kLongProbes[] = {1025, 4097};

[[noreturn]] void refuse(const std::string& message) {
  throw Error(Exit::usage, message);
}

const Profile& find_profile(const std::string& name) {
  std::vector<std::string> names;
  for (const Profile& profile : kProfiles) names.emplace_back(profile.name);
  one_of("--profile", name, names);
  return *std::find_if(std::begin(kProfiles), std::end(kProfiles),
                       [&](const Profile& profile) { return name == profile.name; });
}

std::string resolve_device(const std::optional<std::string>& option) {
  const std::vector<Device> devices = available_devices();
  if (devices.empty()) throw Error(Exit::device, "no device; expected an x86-64 processor with AVX2 and FMA");
  if (!option || *option == "auto") return devices.front().id;
  std::vector<std::string> ids;
  for (const Device& device : devices) ids.push_back(device.id);
  if (std::find(ids.begin(), ids.end(), *option) == ids.end()) {
    if (is_gpu(*option)) throw Error(Exit::device, gpu_absence(printable(*option)));
    throw Error(Exit::device, fmt::format("--device: found \"{}\"; expected one of {}{}", printable(*option),
                                          fmt::join(ids, ", "), perhaps(*option, ids)));
  }
  return *option;
}

std::vector<int32_t> resolve_probe_contexts(const std::optional<std::string>& option,
                                            const Profile& profile) {
  if (option) return parse_sizes(*option, "--probe-contexts", kMaxProbeContext);
  std::vector<int32_t> contexts = PlanSpec{}.probe_contexts;
  if (profile.long_probes) contexts.insert(contexts.end(), std::begin(kLongProbes), std::end(kLongProbes));
  return contexts;
}

int32_t resolve_threads(const std::optional<int32_t>& option, const Config& config) {
  if (option) return *option;
  if (config.threads) return static_cast<int32_t>(*config.threads);
  return static_cast<int32_t>(std::max(1u, std::thread::hardware_concurrency()));
}

void resolve_prompt(const RunOptions& options, RunSettings& settings) {
  const std::pair<const std::optional<std::string>&, PromptSource> sources[] = {
      {options.prompt, PromptSource::text},
      {options.prompt_ids, PromptSource::ids},
      {options.prompts, PromptSource::list},
  };
  int given = 0;
  for (const auto& [file, source] : sources) {
    if (!file) continue;
    ++given;
    settings.prompt_file = *file;
    settings.prompt_source = source;
  }
  if (given != 1) {
    refuse(
        fmt::format("{}; expected --prompt FILE, --prompt - for standard input, --prompt-ids FILE or "
                    "--prompts FILE",
                    given == 0 ? "no prompt" : "two of --prompt, --prompt-ids and --prompts"));
  }
  settings.system = options.system;
  settings.raw = options.raw;
  settings.parse_special = options.parse_special;
  const bool is_ids = settings.prompt_source == PromptSource::ids;
  if (options.system && (is_ids || options.raw)) {
    refuse("--system with a prompt that has no chat format; expected it without --raw and --prompt-ids");
  }
  if (is_ids && (options.raw || options.parse_special)) {
    refuse("--prompt-ids with an option about text; expected it without --raw and --parse-special");
  }
  if (settings.prompt_source == PromptSource::list && options.baseline) {
    refuse_baseline_of_list();
  }
  settings.companions_file = options.companions.value_or("");
  if (settings.prompt_file == "-" && settings.companions_file == "-") {
    refuse("a prompt and --companions -; expected one of them from standard input");
  }
}

}  // namespace

void declare_run_options(CLI::App& verb, RunOptions& o) {
  add_text(
      verb, "--model", o.model,
      "GGUF file, checkpoint folder, or org/name in the Hugging Face cache (default: $REPRO_AUDIT_MODEL, the "
      "configured one)",
      "PATH");
  declare_dummy_weights(verb, o.dummy_weights);
  add_text(verb, "--prompt", o.prompt, "The prompt's text; its last newline is not part of it", "FILE|-");
  add_text(verb, "--prompt-ids", o.prompt_ids,
           "The prompt as a JSON array of token ids, without a chat format", "FILE");
  add_text(verb, "--prompts", o.prompts,
           "Many prompts, an audit each: a JSON object a line, with id and prompt or prompt_ids", "FILE|-");
  add_text(verb, "--system", o.system, "A system message", "TEXT");
  add_flag(verb, "--raw", o.raw, "The text alone, without a chat format");
  add_flag(verb, "--parse-special", o.parse_special, "Text that looks like a special token is that token");
  add_number(verb, "-n,--runs", o.runs, 1, kMaxRuns, "Runs of the prompt in each arm (default 100)");
  add_number(verb, "--max-tokens", o.max_tokens, 1, kMaxTokens, "Tokens a run emits at most (default 100)");
  add_text(verb, "--batch-sizes", o.batch_sizes, "Batch sizes to draw from: 1-32, or 1,2,8 (default 1-32)",
           "SIZES");
  add_number(verb, "--seed", o.seed, 0, UINT64_MAX, "The seed that the plan is drawn from (default 1)");
  add_text(verb, "--kernels", o.kernels, "Kernel sets, an arm each (default standard,invariant)", "SETS");
  add_text(verb, "--device", o.device,
           "Where to compute: auto, or one that `devices` lists (default: auto, the first)", "DEVICE");
  add_number(verb, "--threads", o.threads, 1, kMaxThreads, "Threads (default: one for each available core)");
  add_flag(verb, "--ignore-eos", o.ignore_eos, "Generate past the end-of-text token");
  add_text(verb, "--companions", o.companions,
           "Text that companions and probes are cut from (default: drawn ids)", "FILE|-");
  add_text(verb, "--strata", o.strata, "What varies: rows,chunk,preempt,all (default rows)", "STRATA");
  add_text(verb, "--probe-contexts", o.probe_contexts,
           "Contexts of the probes, as batch sizes are given (default: around 1, 64, 256 and 512)",
           "CONTEXTS");
  add_text(verb, "--logits", o.logits, "bf16 or fp32 logits (default bf16)", "TYPE");
  add_text(verb, "--profile", o.profile,
           "quick, default, tml (1000 runs of 1000 tokens) or evidence (300 schedules)", "NAME");
  add_text(verb, "--policy", o.policy,
           "What exit status 0 needs: default, nightly, evidence, or a TOML file (default: the profile's)",
           "NAME|FILE");
  add_text(verb, "--baseline", o.baseline,
           "Compare with this baseline, too: exit status 1 where it differs, 8 where it cannot be compared",
           "NAME");
  add_number(verb, "--max-minutes", o.max_minutes, 1, 525'600, "Begin no trial after this time; resumable");
  add_text(verb, "--resume", o.resume,
           "Go on with an audit, or a list's, that was stopped (an id, or latest)", "ID");
  add_flag(verb, "--dry-run", o.dry_run, "Show the plan and what it would take; run nothing");
  add_text(verb, "--db", o.database, "The database (default: the configured one)", "FILE");
  declare_report_files(verb, o.reports);
  add_text(verb, "--events", o.events,
           "Write a line of JSON after each trial's commit; --resume appends to it", "FILE|-");
  add_flag(verb, "--force", o.force, "Replace files that exist");
  add_flag(verb, "--quiet", o.quiet, "Nothing on stderr but errors");
  add_flag(verb, "--no-progress", o.no_progress, "No progress line");
  add_choice(verb, "--color", o.color, kColorChoices, "auto, always or never (default auto)", "WHEN");
}

void refuse_baseline_of_list() {
  refuse(
      "--baseline with a list of prompts; expected one prompt, or `repro-audit compare` of a prompt's "
      "audits");
}

RunSettings resolve(const RunOptions& options, const Config& config) {
  RunSettings settings;
  settings.model = model_path(options.model, config);
  settings.dummy_weights = options.dummy_weights;
  resolve_prompt(options, settings);
  settings.device = resolve_device(options.device ? options.device : config.device);
  settings.threads = resolve_threads(options.threads, config);
  settings.kernels = parse_list(options.kernels.value_or("standard,invariant"), "--kernels");
  for (const std::string& name : settings.kernels)
    one_of("--kernels", name, kernel_set_names(settings.device));
  settings.fp32_logits = one_of("--logits", options.logits.value_or("bf16"), {"bf16", "fp32"}) == "fp32";
  settings.ignore_eos = options.ignore_eos;

  const Profile& profile = find_profile(options.profile.value_or("default"));
  settings.profile = profile.name;
  settings.runs = options.runs.value_or(profile.runs);
  settings.max_tokens = options.max_tokens.value_or(profile.max_tokens);
  settings.min_random_trials = profile.min_random_trials;
  settings.batch_sizes =
      parse_sizes(options.batch_sizes.value_or(profile.batch_sizes), "--batch-sizes", kMaxBatchSize);
  settings.batch_sizes_may_shrink = !options.batch_sizes;
  settings.seed = options.seed.value_or(1);
  for (const std::string& name : parse_list(options.strata.value_or(profile.strata), "--strata")) {
    settings.strata.push_back(parse_stratum(name));
  }
  settings.probe_contexts = resolve_probe_contexts(options.probe_contexts, profile);
  settings.policy = find_policy(options.policy.value_or(profile.policy));
  for (const auto& [arm, rules] : settings.policy.arms) one_of("--policy, arms", arm, settings.kernels);
  return settings;
}

RunSettings resolve_resumed(const RunOptions& options, const Audit& audit) {
  const std::pair<const char*, bool> fixed[] = {
      {"--dummy-weights", options.dummy_weights.has_value()},
      {"--prompt", options.prompt.has_value()},
      {"--prompt-ids", options.prompt_ids.has_value()},
      {"--prompts", options.prompts.has_value()},
      {"--system", options.system.has_value()},
      {"--companions", options.companions.has_value()},
      {"--runs", options.runs.has_value()},
      {"--max-tokens", options.max_tokens.has_value()},
      {"--threads", options.threads.has_value()},
      {"--seed", options.seed.has_value()},
      {"--batch-sizes", options.batch_sizes.has_value()},
      {"--kernels", options.kernels.has_value()},
      {"--device", options.device.has_value()},
      {"--strata", options.strata.has_value()},
      {"--probe-contexts", options.probe_contexts.has_value()},
      {"--logits", options.logits.has_value()},
      {"--profile", options.profile.has_value()},
      {"--policy", options.policy.has_value()},
      {"--raw", options.raw},
      {"--parse-special", options.parse_special},
      {"--ignore-eos", options.ignore_eos},
  };
  for (const auto& [name, given] : fixed) {
    if (given) refuse(fmt::format("{} with --resume; expected the audit's own settings to be kept", name));
  }
  const auto value = [&record = audit.subject.settings](const char* name) {
    const auto found = record.find(name);
    if (found == record.end()) {
      throw Error(Exit::not_comparable,
                  fmt::format("the audit has no setting \"{}\"; expected one of this version", name));
    }
    return found->second;
  };
  RunSettings settings;
  settings.model = options.model ? model_path(options.model, {}) : value("model");
  if (const std::string seed = value("dummy_weights"); seed != "no")
    settings.dummy_weights = parse_number(seed, "dummy_weights", 0, UINT64_MAX);
  settings.device = resolve_device(value("device"));
  settings.threads = static_cast<int32_t>(parse_number(value("threads"), "threads", 1, kMaxThreads));
  for (const Arm& arm : audit.arms) settings.kernels.push_back(arm.name);
  settings.fp32_logits = value("logits") == "fp32";
  settings.ignore_eos = value("ignore_eos") == "yes";
  return settings;
}

std::map<std::string, std::string> recorded(const RunSettings& settings) {
  const auto yes_or_no = [](bool value) { return value ? "yes" : "no"; };
  std::vector<std::string> strata;
  for (const Stratum stratum : settings.strata) strata.emplace_back(name_of(stratum));
  std::map<std::string, std::string> values = {
      {"model", settings.model},
      {"dummy_weights", settings.dummy_weights ? fmt::format("{}", *settings.dummy_weights) : "no"},
      {"device", settings.device},
      {"threads", fmt::format("{}", settings.threads)},
      {"kernels", fmt::format("{}", fmt::join(settings.kernels, ","))},
      {"logits", settings.fp32_logits ? "fp32" : "bf16"},
      {"ignore_eos", yes_or_no(settings.ignore_eos)},
      {"profile", settings.profile},
      {"runs", fmt::format("{}", settings.runs)},
      {"max_tokens", fmt::format("{}", settings.max_tokens)},
      {"batch_sizes", fmt::format("{}", fmt::join(settings.batch_sizes, ","))},
      {"seed", fmt::format("{}", settings.seed)},
      {"strata", fmt::format("{}", fmt::join(strata, ","))},
      {"probe_contexts", fmt::format("{}", fmt::join(settings.probe_contexts, ","))},
      {"system", settings.system.value_or("")},
      {"parse_special", yes_or_no(settings.parse_special)},
      {"companions", settings.companions_file.empty() ? "drawn from the seed" : settings.companions_file},
  };
  values.merge(policy_settings(settings.policy));
  return values;
}

}  // namespace ra
