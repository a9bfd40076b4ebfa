#include "cli/audit_setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/locations.h"
#include "cli/version.h"
#include "core/audit/set_place.h"
#include "core/error.h"
#include "core/json.h"
#include "core/llm/chat.h"
#include "core/llm/hub_cache.h"

namespace ra {
namespace {

std::string tokenizer_name(const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) return "none";
  return tokenizer->pre_tokenizer() == "none" ? tokenizer->kind() : tokenizer->pre_tokenizer();
}

std::map<std::string, std::string> describe_model(const Checkpoint& checkpoint, const Tokenizer* tokenizer) {
  const ModelShape& shape = checkpoint.shape();
  const auto number = [](int64_t value) { return fmt::format("{}", value); };
  const std::string& chat_template = checkpoint.tokenizer().chat_template;
  std::map<std::string, std::string> facts = {
      {"family", checkpoint.family()},
      {"format", checkpoint.format()},
      {"layers", number(shape.layers)},
      {"hidden", number(shape.hidden)},
      {"heads", number(shape.heads)},
      {"kv_heads", number(shape.kv_heads)},
      {"head_dim", number(shape.head_dim)},
      {"ffn", number(shape.ffn)},
      {"vocab", number(shape.vocab)},
      {"context", number(shape.max_positions)},
      {"tokenizer", tokenizer_name(tokenizer)},
      {"chat_template_sha256", chat_template.empty() ? "" : hex(sha256(chat_template))},
  };
  for (size_t i = 0; i < checkpoint.files().size(); ++i) {
    facts[std::string(kModelFile) + model_name(checkpoint.files()[i].path)] =
        checkpoint.file_digests(hash_cache_path())[i];
  }
  return facts;
}

}  // namespace

PlanSpec plan_spec(const RunSettings& settings, const ModelShape& shape, std::vector<int32_t> prompt,
                   std::vector<int32_t> companions) {
  PlanSpec spec;
  spec.prompt = std::move(prompt);
  spec.companion_text = std::move(companions);
  spec.vocab = shape.vocab;
  spec.max_positions = shape.max_positions;
  spec.runs = settings.runs;
  spec.max_tokens = settings.max_tokens;
  spec.batch_sizes = settings.batch_sizes;
  spec.seed = settings.seed;
  spec.strata = settings.strata;
  spec.min_random_trials = settings.min_random_trials;
  spec.arms = settings.kernels;
  spec.probe_contexts = settings.probe_contexts;
  return spec;
}

NewAudits::NewAudits(const RunSettings& settings, const Checkpoint& checkpoint, const Tokenizer* tokenizer)
    : settings_(settings),
      shape_(checkpoint.shape()),
      tokenizer_(tokenizer),
      file_(read_prompts(settings, checkpoint, tokenizer)),
      companions_(read_companions(settings, checkpoint, tokenizer)),
      set_(file_.sha256 ? new_set_id() : "") {
  common_.tool = program_version();
  common_.subject = {.model_name = checkpoint.name(),
                     .model_sha256 = checkpoint.sha256(hash_cache_path()),
                     .model = describe_model(checkpoint, tokenizer),
                     .settings = recorded(settings)};
}

Audit NewAudits::make(size_t place) const {
  const Prompt& prompt = file_.prompts.at(place);
  Audit audit = common_;
  RunSettings settings = settings_;
  if (file_.sha256) {
    settings.seed = seed_of_prompt(settings_.seed, prompt.name);
    record(SetPlace{.set = set_,
                    .place = static_cast<int64_t>(place) + 1,
                    .count = static_cast<int64_t>(size()),
                    .name = prompt.name,
                    .sha256 = *file_.sha256,
                    .seed = settings_.seed},
           audit.subject.settings);
    audit.subject.settings["seed"] = fmt::format("{}", settings.seed);
  }
  audit.plan = make_plan(plan_spec(settings, shape_, prompt.ids, companions_));
  audit.subject.model["chat_format"] = prompt.format;
  audit.subject.settings["prompt"] = prompt.source;
  audit.subject.prompt_text = prompt.text;
  audit.subject.prompt_sha256 = hex(sha256(prompt.text));
  for (const int32_t id : prompt.ids)
    audit.subject.prompt_pieces.push_back(tokenizer_ ? tokenizer_->piece(id) : "");
  return audit;
}

std::optional<int32_t> NewAudits::make_room(ArmsSpec& spec) {
  const ArmsSpec empty = spec;
  const std::vector<int32_t> asked = settings_.batch_sizes;
  settings_.batch_sizes = fitting_sizes(asked, [&](const std::vector<int32_t>& sizes) {
    settings_.batch_sizes = sizes;
    spec = empty;
    for (size_t prompt = 0; prompt < size(); ++prompt) ra::make_room(spec, make(prompt).plan);
    if (!settings_.batch_sizes_may_shrink) return true;
    const MemoryNeed need = memory_needed(shape_, spec);
    return need.weights + need.cache + need.workspace <= memory_available(spec.device);
  });
  if (settings_.batch_sizes == asked) return std::nullopt;
  common_.subject.settings["batch_sizes"] = recorded(settings_).at("batch_sizes");
  return settings_.batch_sizes.back();
}

std::vector<int32_t> fitting_sizes(std::vector<int32_t> sizes,
                                   const std::function<bool(const std::vector<int32_t>&)>& fits) {
  while (!fits(sizes) && sizes.size() > 1) {
    const int32_t most = std::max(sizes.front(), sizes.back() / 2);
    std::erase_if(sizes, [most](int32_t size) { return size > most; });
  }
  return sizes;
}

ArmsSpec arms_spec(const RunSettings& settings, const Checkpoint& checkpoint) {
  ArmsSpec spec;
  spec.device = settings.device;
  spec.kernel_sets = settings.kernels;
  spec.threads = settings.threads;
  spec.fp32_logits = settings.fp32_logits;
  if (!settings.ignore_eos) spec.stop_tokens = checkpoint.tokenizer().stop_tokens;
  spec.timings_file = timings_path();
  return spec;
}

void make_room(ArmsSpec& spec, const Plan& plan) {
  const PlanExtent need = extent(plan, kPageKeys);
  Capacity& room = spec.capacity;
  spec.max_rows = std::max(spec.max_rows, plan.spec.max_rows);
  room.rows = std::max(room.rows, need.rows);
  room.logit_rows = std::max(room.logit_rows, need.logit_rows);
  room.slots = std::max(room.slots, need.sequences);
  room.pages = std::max(room.pages, static_cast<int>((need.cached + kPageKeys - 1) / kPageKeys));
}

std::vector<Arm> describe_arms(const std::vector<Subject*>& subjects) {
  std::vector<Arm> arms;
  for (const Subject* subject : subjects) {
    SubjectFacts facts = subject->facts();
    const std::string name = facts.kernel_set;
    arms.push_back({.id = static_cast<int32_t>(arms.size()), .name = name, .facts = std::move(facts)});
  }
  return arms;
}

}  // namespace ra
