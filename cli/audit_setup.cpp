#include "cli/audit_setup.h"

#include <fmt/format.h>

#include "cli/locations.h"
#include "cli/version.h"
#include "core/error.h"
#include "core/json.h"
#include "core/llm/chat.h"

namespace ra {
namespace {

std::string tokenizer_name(const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) return "none";
  return tokenizer->pre_tokenizer() == "none" ? tokenizer->kind() : tokenizer->pre_tokenizer();
}

std::map<std::string, std::string> describe_model(const Checkpoint& checkpoint, const Tokenizer* tokenizer,
                                                  const std::string& chat_format) {
  const ModelShape& shape = checkpoint.shape();
  const auto number = [](int64_t value) { return fmt::format("{}", value); };
  const std::string& chat_template = checkpoint.tokenizer().chat_template;
  return {
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
      {"chat_format", chat_format},
      {"chat_template_sha256", chat_template.empty() ? "" : hex(sha256(chat_template))},
  };
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

Audit new_audit(const RunSettings& settings, const Checkpoint& checkpoint, const Tokenizer* tokenizer) {
  const Prompt prompt = read_prompt(settings, checkpoint, tokenizer);
  Audit audit;
  audit.tool = program_version();
  audit.plan = make_plan(
      plan_spec(settings, checkpoint.shape(), prompt.ids, read_companions(settings, checkpoint, tokenizer)));
  audit.subject = {
      .model_name = checkpoint.name(),
      .model_sha256 = checkpoint.sha256(hash_cache_path()),
      .model = describe_model(checkpoint, tokenizer, prompt.format),
      .settings = recorded(settings),
      .prompt_text = prompt.text,
      .prompt_sha256 = hex(sha256(prompt.text)),
  };
  for (const int32_t id : prompt.ids)
    audit.subject.prompt_pieces.push_back(tokenizer ? tokenizer->piece(id) : "");
  return audit;
}

ArmsSpec arms_spec(const RunSettings& settings, const Checkpoint& checkpoint, const Plan& plan) {
  const PlanExtent need = extent(plan, kPageKeys);
  ArmsSpec spec;
  spec.device = settings.device;
  spec.kernel_sets = settings.kernels;
  spec.threads = settings.threads;
  spec.fp32_logits = settings.fp32_logits;
  if (!settings.ignore_eos) spec.stop_tokens = checkpoint.tokenizer().stop_tokens;
  spec.max_rows = plan.spec.max_rows;
  spec.timings_file = timings_path();
  spec.capacity = {.rows = need.rows,
                   .logit_rows = need.logit_rows,
                   .slots = need.sequences,
                   .pages = static_cast<int>((need.cached + kPageKeys - 1) / kPageKeys)};
  return spec;
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
